"""What a caller gets who has just signed in: tokens in the answer's body, or a cookie beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from litestar import Request, Response

from skillcore.accounts import cookies
from skillcore.accounts.profiles import Profile
from skillcore.accounts.sessions import Kept, Session
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine

__all__ = ["SignedIn", "answer", "check_keep"]


class SignedIn(Veiled, frozen=True, kw_only=True):
    """Signed in. A session kept in tokens has these three, one kept in a cookie the token for requests by cookie.

    Attributes:
        session_id: as `GET /api/auth/sessions` names it.
        access_token: for the header ``Authorization: Bearer``.
        expires_in: seconds for which the access token is valid.
        refresh_token: for ``POST /api/auth/refresh``: good for one use.
        csrf_token: for the header ``X-CSRF-Token`` of requests by cookie that change something.
        device_token: for the device to keep and to bring along at its next sign-in, where it brought none.
        session_expires_at: when it ends at the latest, however much it is used.
    """

    session_id: UUID
    access_token: str | None = None
    token_type: Literal["Bearer"] | None = None
    expires_in: int | None = None
    refresh_token: str | None = None
    csrf_token: str | None = None
    device_token: str | None = None
    session_expires_at: datetime
    user: Profile


def answer(session: Session, status_code: int) -> Response[SignedIn]:
    """Return the answer that hands a session over."""
    body = SignedIn(
        session_id=session.id,
        access_token=session.access_token or None,
        token_type="Bearer" if session.access_token else None,
        expires_in=session.expires_in if session.access_token else None,
        refresh_token=session.refresh_token or None,
        csrf_token=cookies.csrf_token(session.cookie) if session.cookie else None,
        session_expires_at=session.expires_at,
        user=session.user,
    )
    seconds = (session.expires_at - now()).total_seconds()
    return Response(body, status_code=status_code, cookies=[cookies.kept(session.cookie, seconds)] if session.cookie else None)


def check_keep(engine: Engine, request: Request[Any, Any, Any], keep: Kept) -> None:
    """Refuse to sign a browser in for a page of another site, which would have people work in an account of its choice.

    Args:
        engine: of this process.
        request: that signs somebody in.
        keep: what it wants to keep: tokens do nothing by themselves, a cookie does.

    Raises:
        Forbidden: it is such a page, or does not say which one it is.
    """
    if keep == "cookie":
        cookies.check_page(request.headers, engine.settings.server.public_url)
