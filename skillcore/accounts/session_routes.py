"""The routes of sessions: going on, being listed, ending."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import Meta, Struct

from skillcore.accounts import cookies, profiles, sessions
from skillcore.accounts.access import Actor, access, public, user
from skillcore.accounts.signed_in import SignedIn, answer
from skillcore.accounts.tokens import Tokens
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.freshness import is_held, tag_of
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES"]

KEPT_AT_MOST = 300.0
"""Seconds for which the published keys may be kept."""

Everywhere = Annotated[bool, QueryParameter(description="Whether all of your sessions end, and not this one alone.")]


class PublicKey(Struct, frozen=True, kw_only=True):
    """A key by which signatures are checked, as a JSON Web Key (RFC 7517).

    Attributes:
        kid: its thumbprint (RFC 7638), which tokens name in their header.
        n: the modulus, as base64url.
        e: the exponent, as base64url.
    """

    kty: Literal["RSA"]
    use: Literal["sig"]
    alg: Literal["RS256"]
    kid: str
    n: str
    e: str


class PublicKeys(Struct, frozen=True, kw_only=True):
    """The keys of now and, during a rotation, those before and after."""

    keys: tuple[PublicKey, ...]


class Refresh(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refresh token to be exchanged."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=200, examples=["sr_X2v6…"])]


class CurrentSession(Veiled, frozen=True, kw_only=True):
    """By what the caller is signed in.

    Attributes:
        csrf_token: of a session kept in a cookie: for the header ``X-CSRF-Token`` of requests that change something.
    """

    session: sessions.ShownSession
    csrf_token: str | None
    user: profiles.Profile


@get(
    "/.well-known/jwks.json",
    opt={"access": access(public()), "statuses": {304: "They are those that the caller has."}},
    tags=["accounts"],
    summary="Read the signing keys",
)
async def read_keys(engine: NamedDependency[Engine], request: Request[Any, Any, Any]) -> Response[PublicKeys]:
    """The public keys that access tokens are signed with, for those who check tokens themselves."""
    keys = PublicKeys(keys=tuple(PublicKey(**key) for key in engine.service(Tokens).keys.published(now())))
    tag = tag_of(msgspec.json.encode(keys))
    lasts = round(min(KEPT_AT_MOST, engine.settings.auth.key_overlap / 2))
    headers = {"Cache-Control": f"public, max-age={lasts}", "ETag": tag}
    if is_held(request.headers, tag):
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type] # an answer without a body
    return Response(keys, headers=headers)


@post(
    "/api/auth/refresh",
    status_code=200,
    opt={"access": access(public()), "secret": True},
    tags=["accounts"],
    summary="Exchange a refresh token",
)
async def refresh(engine: NamedDependency[Engine], data: JSONBody[Refresh]) -> Response[SignedIn]:
    """Gives a new access token and the next refresh token. One that is used twice ends its session."""
    return answer(await sessions.renew(engine, data.refresh_token), 200)


@get("/api/auth/session", opt={"access": access(user()), "secret": True}, tags=["accounts"], summary="Read this session")
async def read_session(
    engine: NamedDependency[Engine], request: Request[Any, Any, Any], actor: NamedDependency[Actor]
) -> CurrentSession:
    """Tells who is signed in and until when; and for a session kept in a cookie the token that its requests need."""
    secret = None if "authorization" in request.headers else cookies.secret_in(request.headers)
    async with engine.transaction() as tx:
        return CurrentSession(
            session=await sessions.read(tx, actor),
            csrf_token=cookies.csrf_token(secret) if secret else None,
            user=await profiles.profile(tx, actor),
        )


@get("/api/auth/sessions", opt={"access": access(user())}, tags=["accounts"], summary="List your sessions")
async def list_sessions(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], limit: Limit = 50, cursor: Cursor = None
) -> Page[sessions.ShownSession]:
    """Where you are signed in, the newest first."""
    async with engine.transaction() as tx:
        return await sessions.list_sessions(tx, actor, limit=limit, cursor=cursor)


@delete("/api/auth/sessions/{session_id:uuid}", opt={"access": access(user())}, tags=["accounts"], summary="End a session")
async def end_session(engine: NamedDependency[Engine], actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> None:
    """Signs you out there: its tokens or its cookie stop working."""
    async with engine.transaction() as tx:
        await sessions.end(tx, actor, session_id)


@post("/api/auth/logout", status_code=204, opt={"access": access(user())}, tags=["accounts"], summary="Sign out")
async def logout(
    engine: NamedDependency[Engine],
    request: Request[Any, Any, Any],
    actor: NamedDependency[Actor],
    everywhere: Everywhere = False,
) -> Response[None]:
    """Ends this session, or all of yours. A browser is told to forget its cookie, and what it keeps of our pages."""
    async with engine.transaction() as tx:
        await sessions.leave(tx, actor, everywhere=everywhere)
    if "authorization" in request.headers:
        return Response(None, status_code=204)
    return Response(None, status_code=204, cookies=[cookies.kept("", 0)], headers={"Clear-Site-Data": '"cache", "storage"'})


ROUTES: tuple[ControllerRouterHandler, ...] = (read_keys, refresh, read_session, list_sessions, end_session, logout)
