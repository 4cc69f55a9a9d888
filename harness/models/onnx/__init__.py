"""A generator in an ONNX file as a simulator: its inputs, its scales, its output.

Imports ``plugin``, ``data`` and the root's modules.
"""
