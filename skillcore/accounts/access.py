"""Who may use a route. Each route declares it; what declares nothing does not start.

A route says ``opt={"access": access(user(), key="tasks:write")}``: people who are signed in, and keys of platforms with that
scope. Whether this one may see that thing is the business of the use case behind it.
"""

from __future__ import annotations

from typing import Literal, get_args
from uuid import UUID

from litestar import Litestar
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute
from msgspec import Struct

from skillcore.runtime.problems import Forbidden, Unauthenticated

__all__ = [
    "SCOPES",
    "Access",
    "Actor",
    "Role",
    "Scope",
    "Who",
    "access",
    "admin",
    "check_declared",
    "declared",
    "mentor",
    "public",
    "user",
]

Role = Literal["learner", "mentor", "admin"]
Scope = Literal[
    "users:read",
    "users:write",
    "events:read",
    "events:write",
    "scores:read",
    "scores:write",
    "tasks:read",
    "tasks:write",
    "projects:read",
    "projects:write",
    "paths:read",
    "paths:write",
    "skills:read",
    "skills:write",
    "sources:vouch",
]
SCOPES: tuple[str, ...] = get_args(Scope)


class Actor(Struct, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        kind: a person, or a platform by one of its keys.
        user_id: of the person.
        role: of the person; a key has none that counts.
        platform_id: of the key's platform.
        scopes: of the key.
        session_id: of the session that the person's token belongs to.
        key_id: of the key.
        requests_per_minute: the key's own limit; None for the usual one, 0 for none.
    """

    kind: Literal["user", "key"]
    user_id: UUID | None = None
    role: Role = "learner"
    platform_id: UUID | None = None
    scopes: frozenset[str] = frozenset()
    session_id: UUID | None = None
    key_id: UUID | None = None
    requests_per_minute: int | None = None

    @property
    def is_admin(self) -> bool:
        """Whether this is an administrator."""
        return self.kind == "user" and self.role == "admin"

    @property
    def name(self) -> str:
        """What idempotency keys and logs know the actor by: a platform is the same with each of its keys."""
        return f"platform:{self.platform_id}" if self.kind == "key" else f"user:{self.user_id}"


class Who(Struct, frozen=True):
    """A kind of people.

    Attributes:
        roles: those who may; None for anyone, signed in or not.
    """

    roles: frozenset[Role] | None


class Access(Struct, frozen=True):
    """What a route declares.

    Attributes:
        who: people who may; None for none.
        key: the scope with which keys may; None if none may.
    """

    who: Who | None
    key: Scope | None = None

    @property
    def is_public(self) -> bool:
        """Whether credentials are not even looked at."""
        return self.who is not None and self.who.roles is None

    def check(self, actor: Actor | None) -> None:
        """Let an actor in.

        Raises:
            Unauthenticated: nobody is signed in.
            Forbidden: this one may not.
        """
        if self.is_public:
            return
        if actor is None:
            raise Unauthenticated("sign in: send Authorization: Bearer with an access token or a platform's key")
        if actor.kind == "key":
            if self.key is None:
                raise Forbidden("platform keys cannot be used here")
            if self.key not in actor.scopes:
                raise Forbidden(f"this key lacks the scope {self.key}", scope=self.key)
        elif self.who is None:
            raise Forbidden(f"this is for platform keys with the scope {self.key}", scope=self.key)
        elif self.who.roles is not None and actor.role not in self.who.roles:
            raise Forbidden(f"this is for {' and '.join(sorted(self.who.roles))} accounts")


def public() -> Who:
    """Anyone."""
    return Who(None)


def user() -> Who:
    """Whoever is signed in."""
    return Who(frozenset({"learner", "mentor", "admin"}))


def admin() -> Who:
    """Administrators."""
    return Who(frozenset({"admin"}))


def mentor() -> Who:
    """Mentors."""
    return Who(frozenset({"mentor"}))


def access(who: Who | None = None, *, key: Scope | None = None) -> Access:
    """Return what a route puts into its ``opt`` under ``access``.

    Args:
        who: people who may use it; none, if not given.
        key: the scope that lets a platform's key use it; no key may, if not given.
    """
    if who is None and key is None:
        raise ValueError("a route that nobody may use: name people, or a scope")
    return Access(who, key)


def declared(handler: BaseRouteHandler) -> Access | None:
    """Return what a route declares; None if it declares nothing."""
    found = handler.opt.get("access")
    return found if isinstance(found, Access) else None


def check_declared(app: Litestar) -> None:
    """Refuse an application in which some route does not say who may use it.

    Raises:
        ValueError: names the routes.
    """
    silent = []
    for route in app.routes:
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]
        silent += [
            f"{route.path} ({handler})" for handler in handlers if not answers_options(handler) and not declared(handler)
        ]
    if silent:
        raise ValueError(f"these routes do not declare who may use them: {', '.join(sorted(silent))}")


def answers_options(handler: BaseRouteHandler) -> bool:
    """Tell whether a handler is the one that Litestar adds to every route, which only names the route's methods."""
    return isinstance(handler, HTTPRouteHandler) and handler.http_methods == {"OPTIONS"}
