"""What a plugin may offer, record by record, and the registry that finds plugins.

Authors import it all from :mod:`simbench.harness.hooks`. Imports only ``errors`` and ``rng``.
"""
