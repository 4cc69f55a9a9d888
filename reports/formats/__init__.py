"""Formats of tables that are text, a module each, and how the files of a report are written.

May import text, tables and the harness.
"""
