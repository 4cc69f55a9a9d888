"""Tables before they take a format: what a table is, and one module for each kind (scores, experts, ...).

May import text.
"""
