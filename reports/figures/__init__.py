"""Figures, a module for each kind; the only modules that import matplotlib, so they are imported late.

May import text, tables and the harness.
"""
