"""Insight: scores in use. Levels, explanations down to the facts, analytics of signals, and the coding profile.

It owns no table: everything here is read from the ledger. What is recorded of it, such as that a level changed, goes through
a subscription.
"""

from skillcore.insight import levels
from skillcore.insight.profile_routes import PROFILE_ROUTES
from skillcore.insight.routes import ROUTES
from skillcore.runtime.rooms import Room

__all__ = ["ROOM"]

ROOM = Room(name="insight", routes=(*ROUTES, *PROFILE_ROUTES), subscriptions=(levels.SUBSCRIPTION,))
