"""Results that meet: submissions in a plain folder, checked, scored again from what they kept, and listed.

Imports ``run`` (for a digest), ``score``, ``record``, ``data``, ``plugin`` and the root's modules;
``cli.results`` has the commands, ``reports.site`` the pages.
"""
