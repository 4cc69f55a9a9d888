"""The facts that every part of a report spells: results and what was held fixed, published figures, rounding.

Imports nothing else of reports.
"""
