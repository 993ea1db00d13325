"""Counts requests: one unit each, of the person's or key's bucket, or of the address's where nobody is known.

A route may name another limit (``opt={"limit": "probe"}``, counted by address) or none (``opt={"limit": None}``). What no
route answers is counted by address as well, so that asking for nothing costs as much as asking for something.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

from litestar import Litestar
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from skillcore.accounts.access import Actor
from skillcore.accounts.limits import Verdict, refusal, spend
from skillcore.runtime.callers import current, group
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Problem
from skillcore.runtime.refusals import send_problem
from skillcore.runtime.settings import LimitSettings

__all__ = ["POLICY", "STATE", "ByAddress", "Limited", "charge", "check_limits"]

STATE = "RateLimit"
POLICY = "RateLimit-Policy"

ByAddress = Literal["anonymous", "probe"]
"""Limits that a route may name."""

COUNTED = "skillcore_limits"
"""Where a request's scope says what was spent for it."""


async def charge(engine: Engine, scope: Scope, handler: BaseRouteHandler | None, actor: Actor | None) -> None:
    """Spend a request's unit, once.

    Args:
        engine: of this process.
        scope: of the request; notes what was spent.
        handler: of its route; None where there is none.
        actor: who asks; None where nobody is known.

    Raises:
        TooManyRequests: there is none left.
        UnavailableNow: the database does not answer.
    """
    notes = cast("dict[str, Any]", scope)
    if COUNTED in notes:
        return
    spent: list[Verdict] = []
    notes[COUNTED] = spent
    named: ByAddress | None = "anonymous" if handler is None else handler.opt.get("limit", "anonymous")
    if named is None:
        return
    key, limit = bucket(engine, named, actor)
    if not limit.requests:
        return
    spent.append(await spend(engine, key, limit))
    if not spent[0].allowed:
        raise refusal(spent[0])


def bucket(engine: Engine, named: ByAddress, actor: Actor | None) -> tuple[str, LimitSettings]:
    """Return whose bucket a request is counted in, and how large that is."""
    limits = engine.settings.limits
    if actor is None or named != "anonymous":
        return f"{named}:{group(current().address)}", getattr(limits, named)
    if actor.kind == "user":
        return f"user:{actor.user_id}", limits.user
    return f"key:{actor.key_id}", of_key(limits.key, actor.requests_per_minute)


def of_key(usual: LimitSettings, requests_per_minute: int | None) -> LimitSettings:
    """Return the limit of a platform's key: the usual one, or its own with a burst of a tenth."""
    if requests_per_minute is None:
        return usual
    return LimitSettings(requests=requests_per_minute, seconds=60, burst=max(1, requests_per_minute // 10))


class Limited:
    """An ASGI application around another: counts what its routes have not, and tells in each answer what is left."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self.app = app
        self.engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, Answering(self.engine, scope, send).send)


class Answering:
    """The way of one answer."""

    def __init__(self, engine: Engine, scope: HTTPScope, send: Send) -> None:
        self.engine = engine
        self.scope = scope
        self._send = send
        self._replaced = False

    async def send(self, message: Message) -> None:
        """Be the application's ``send``."""
        if message["type"] == "http.response.start":
            try:
                await charge(self.engine, self.scope, None, None)
            except Problem as problem:
                self._replaced = True
                await send_problem(self._told, problem)
                return
        if not self._replaced:
            await self._told(message)

    async def _told(self, message: Message) -> None:
        spent: list[Verdict] = cast("dict[str, Any]", self.scope).get(COUNTED, [])
        if message["type"] == "http.response.start" and spent:
            headers = MutableScopeHeaders.from_message(message)
            headers[POLICY] = ", ".join(policy(verdict) for verdict in spent)
            headers[STATE] = ", ".join(state(verdict) for verdict in spent)
        await self._send(message)


def policy(verdict: Verdict) -> str:
    """Return a limit as a quota policy item of draft-ietf-httpapi-ratelimit-headers-11."""
    limit = verdict.limit
    return f'"{verdict.name}";q={limit.requests};w={limit.seconds};skillcore-burst={limit.burst}'


def state(verdict: Verdict) -> str:
    """Return what is left as a service limit item of the same draft: ``t`` seconds from now there is one more."""
    return f'"{verdict.name}";r={verdict.remaining};t={verdict.retry_after}'


def check_limits(app: Litestar) -> None:
    """Refuse an application in which some route names a limit that there is not.

    Raises:
        ValueError: names the routes.
    """
    handlers: Sequence[Any] = [
        handler for route in app.routes if isinstance(route, HTTPRoute) for handler in route.route_handlers
    ]
    odd = [str(handler) for handler in handlers if handler.opt.get("limit", "anonymous") not in (*get_args(ByAddress), None)]
    if odd:
        raise ValueError(f"these routes name a limit that no route may: {', '.join(sorted(odd))}")
