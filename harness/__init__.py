"""The benchmark, in rooms along the flow of data: plugin, data, metrics, record, score, models, run, cli.

The harness knows no model. Everything that it compares, and the detectors and dataset makers too, comes in
through the hooks of :mod:`simbench.harness.hooks`; that module is the plugin author's manual, with
:mod:`simbench.harness.testing` beside it. The modules here are faces, or what every room may import
(``errors``, ``files``, ``rng``); a face imports the room that it shows.
"""

import os

# OpenMP's threads spin while they wait, and take cores from whoever else computes: beside busy processes that
# made PyTorch on two threads ten times slower. Libraries read it when they are loaded: so it is set first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
