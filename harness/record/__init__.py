"""What a run leaves on disk: the protocol that it held fixed, its result, and a unit for each finished run.

Imports ``data``, ``plugin`` and the root's modules.
"""
