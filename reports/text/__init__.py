"""The facts that every part of a report spells: results and what was held fixed, published figures, rounding.

May import the harness; imports nothing else of reports.
"""
