"""Insight: scores in use. Levels, explanations down to the facts, analytics of signals, and what was done, with its patterns.

It owns no table: everything here is read from the ledger. What is recorded of it, such as that a level changed, goes through
a subscription.
"""

from skillcore.insight import activity_routes, levels, routes
from skillcore.runtime.rooms import Room

__all__ = ["ROOM"]

ROOM = Room(name="insight", routes=(*routes.ROUTES, *activity_routes.ROUTES), subscriptions=(levels.SUBSCRIPTION,))
