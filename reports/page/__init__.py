"""The formats with figures: the page ``report.html``, with its style and script, and the folder of figures.

May import text, tables, figures and formats.
"""
