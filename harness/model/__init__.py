"""State machines of the thread primitives: is an operation enabled, and what does it do. No stdlib API shape here."""

from .barrier import Barrier
from .condition import Condition
from .event import Event
from .future import Future
from .lock import Lock
from .queue import Queue
from .semaphore import Semaphore

__all__ = ["Barrier", "Condition", "Event", "Future", "Lock", "Queue", "Semaphore"]
