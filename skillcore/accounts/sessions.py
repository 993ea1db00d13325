"""Being signed in."""

from __future__ import annotations

from msgspec import Struct

from skillcore.accounts.profiles import Profile, profile_of
from skillcore.accounts.tables import UserRow
from skillcore.accounts.tokens import Tokens
from skillcore.runtime.engine import Engine

__all__ = ["Session", "session_for"]


class Session(Struct, frozen=True, kw_only=True):
    """Signed in.

    Attributes:
        access_token: for the header ``Authorization: Bearer``.
        expires_in: seconds for which it is valid.
    """

    access_token: str
    token_type: str
    expires_in: int
    user: Profile


def session_for(engine: Engine, user: UserRow) -> Session:
    """Sign somebody in."""
    tokens = engine.service(Tokens)
    return Session(
        access_token=tokens.issue(user.id),
        token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=round(tokens.lifetime.total_seconds()),
        user=profile_of(user),
    )
