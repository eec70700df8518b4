"""Crash search: what may be found on disk at every cut of every trace, and whether recovery copes with it."""

from .scene import Recording, Scene
from .search import CrashCounts, CrashSearch, Found

__all__ = ["CrashCounts", "CrashSearch", "Found", "Recording", "Scene"]
