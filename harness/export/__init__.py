"""A model out of the package: an ONNX graph, its scales and a card, written only if they agree with it.

Imports ``models``, ``data``, ``plugin`` and the root's modules.
"""
