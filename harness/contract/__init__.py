"""What every simulator promises, as checks with advice, and the package that a new plugin starts from.

Imports ``models``, ``data``, ``plugin`` and the root's modules.
"""
