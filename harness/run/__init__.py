"""One run of the benchmark: what is asked, what is generated chunk by chunk, timed, scored and written.

Imports every room before it: ``models``, ``score``, ``record``, ``data``, ``processes``, ``plugin``.
"""
