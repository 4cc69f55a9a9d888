"""A trained network as one ONNX graph with the photon draw inside, as ALICE's O2 takes it.

May import what models share in baselines; it knows no model, only networks from noise and conditions to
rates.
"""
