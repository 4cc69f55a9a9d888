"""Commands for results that are shared: ``results``, ``card``.

Imports ``cli.common``, ``sharing``, the pages of ``reports.site`` and what the command line may.
"""
