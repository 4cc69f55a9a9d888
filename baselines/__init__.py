"""The reference models, a room each: the GANs in torch (gan) and the Monte Carlo in numpy (montecarlo).

They know arrays and numbers only, and may import of the harness its random numbers alone; plugins/ fits them
to the benchmark. The modules here are what trained models share, and import none of them: conditions, weights
files, checkpoints, the photon draw, engines.
"""
