"""What several commands need: formats of output, progress bars, the registry with its problems named.

Imports every room but the commands, and :mod:`simbench.reports`.
"""
