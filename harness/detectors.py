"""Kept for plugins written before the harness had rooms: what is here lives in ``plugin/detectors.py``."""

from .plugin.detectors import ChannelMap, Detector, Feature

__all__ = ["ChannelMap", "Detector", "Feature"]
