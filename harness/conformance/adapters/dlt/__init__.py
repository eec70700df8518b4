"""The released dlt loader, 1.25 to 1.31, driven unchanged. dlt is an optional extra: nothing here imports it early."""

from .world import Dlt, DltWorld

__all__ = ["Dlt", "DltWorld"]
