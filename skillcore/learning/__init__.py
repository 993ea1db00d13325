"""Learning: what people learn along, defined by themselves, by platforms or for everybody.

It owns definitions and their versions. Tasks, and how they are verified, are not here: they are `work`'s, which stands above
and asks.
"""

from skillcore.runtime.rooms import Room

__all__ = ["ROOM"]

ROOM = Room(name="learning")
