"""The GANs of ExpertSim's ladder, whole: networks, losses, settings, training, and generation.

Read ``ladder`` first (which models there are and what each adds), then the networks of a preset
(``networks_compact`` or ``networks_paper``, which ``networks`` chooses), ``settings``, ``training`` with its
``training_job`` and ``batches``, and ``simulator``. May import what models share in baselines.
"""
