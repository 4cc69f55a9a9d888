"""Comparisons of two runs and rankings of models: text alone, never figures.

May import text, tables, formats and the harness.
"""
