"""From units to scores: values of metrics, their noise, comparisons and rankings.

Imports ``metrics``, ``record``, ``data``, ``plugin`` and the root's modules; knows no simulator.
"""
