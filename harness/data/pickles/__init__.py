"""NumPy arrays and pandas tables out of pickles that are never unpickled.

Imports only ``errors``.
"""
