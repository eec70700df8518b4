"""Crash search: what may be found on disk at every cut of every trace, and whether recovery copes with it."""

from .explore import explore_crashes, models_for
from .findings import CrashFinding, replayed, token_of
from .scene import Recording, Scene
from .search import CrashCounts, CrashSearch, Found

__all__ = [
    "CrashCounts",
    "CrashFinding",
    "CrashSearch",
    "Found",
    "Recording",
    "Scene",
    "explore_crashes",
    "models_for",
    "replayed",
    "token_of",
]
