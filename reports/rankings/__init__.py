"""Comparisons of two runs, rankings of models and the sanity gallery: text alone, never figures.

May import text, tables, formats and the harness.
"""
