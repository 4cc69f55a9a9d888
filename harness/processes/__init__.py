"""Other processes, and what is asked of them: this one, some beside it, or a Dask cluster.

Knows no model and no plugin: imports only ``errors`` and ``rng``.
"""
