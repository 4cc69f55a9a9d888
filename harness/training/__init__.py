"""Trainings: one, as its trainer is asked for it, or many side by side, each scored as any model is.

Imports ``run`` and every room before it.
"""
