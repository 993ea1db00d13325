"""Accounts: people, platforms, their keys, and who may do what.

It owns users, platforms, memberships and API keys, the notation by which people are named everywhere, and the vocabulary in
which routes say who may use them. What people achieve is not here, nor are their accounts at other places.
"""

from skillcore.accounts import routes, session_routes
from skillcore.accounts.limits import Limiter
from skillcore.accounts.passwords import Passwords
from skillcore.accounts.tokens import Tokens
from skillcore.runtime.rooms import Room

__all__ = ["ROOM"]

ROOM = Room(
    name="accounts",
    routes=(*routes.ROUTES, *session_routes.ROUTES),
    services={"api": (Passwords.opened, Tokens.opened, Limiter.opened)},
)
