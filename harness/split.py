"""Kept for plugins written before the harness had rooms: what is here lives in ``data/split.py``."""

from .data.split import particle_hashes

__all__ = ["particle_hashes"]
