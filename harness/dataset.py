"""Kept for plugins written before the harness had rooms: what is here lives in ``data/dataset.py``."""

from .data.dataset import Dataset, write

__all__ = ["Dataset", "write"]
