"""What several metrics share: checked arrays, bins and groups of rows, repeats of a particle, replicates.

Imports ``plugin`` and the root's modules, and no metric.
"""
