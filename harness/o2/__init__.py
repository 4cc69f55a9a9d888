"""ALICE's O2: how it takes a fast simulator of the ZDC, and an emulator of what it does with it.

Imports ``models``, ``plugin`` and the root's modules.
"""
