"""The benchmark, in rooms along the flow of data: plugin, data, metrics, record, score, models, run, cli.

The harness knows no model. Everything that it compares, and the detectors and dataset makers too, comes in
through the hooks of :mod:`simbench.harness.hooks`; that module is the plugin author's manual, with
:mod:`simbench.harness.testing` beside it. The modules here are faces, or what every room may import
(``errors``, ``files``, ``rng``); a face imports the room that it shows.
"""
