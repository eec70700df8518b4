"""Where data goes: the protocol of a destination, and the destinations that come with it."""

from refimpl.destinations.base import Destination
from refimpl.destinations.connect import connect
from refimpl.destinations.null import NullDestination

__all__ = ["Destination", "NullDestination", "connect"]
