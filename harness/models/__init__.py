"""What ``--models`` can name: registered simulators, classes in files, ONNX files; and their training.

Imports ``metrics``, ``record``, ``data``, ``plugin`` and the root's modules.
"""
