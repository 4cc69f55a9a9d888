"""The reference models: the GAN family in torch with its training, and the Monte Carlo in numpy.

They know arrays and numbers only; plugins/ fits them to the benchmark.
"""
