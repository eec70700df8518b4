"""How ordinary code becomes steps, reversibly: thread primitives, time, queues, executors, files, attributes, hooks."""

from .patching import Patches

__all__ = ["Patches"]
