"""The benchmark: detectors, datasets, protocol, metrics, runner, results, registry and command line.

The harness knows no model. Everything that it compares, and the detectors and dataset makers too, comes
in through the hooks of :mod:`simbench.harness.hooks`; that module is the plugin author's manual.
"""
