"""Labelled responses: the file format, the split, the readers' checks, and the sums kept of a response.

Imports only ``plugin`` and the root's modules.
"""
