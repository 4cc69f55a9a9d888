"""The entrance from Python, for notebooks and training scripts: ``load_data``, ``evaluate``, ``compare``.

``from simbench.harness import evaluate, load_data, compare`` is all that a user needs. The work is done by
the functions behind the command line, so that both give the same numbers, bit for bit.

Imports every room below the command line, its ``common`` room for progress bars, and ``reports``.
"""
