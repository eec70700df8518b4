"""What may break: file operations, a destination and its client, a callback, and signals; each as a choice."""

from .budget import Budget, Happened, breaks, happened
from .files import FILE_FAULTS, FileFaults

__all__ = ["FILE_FAULTS", "Budget", "FileFaults", "Happened", "breaks", "happened"]
