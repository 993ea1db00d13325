"""The routes of signing in elsewhere: begin, come back, connect, disconnect."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts import cookies, elsewhere, identities
from skillcore.accounts.access import Actor, access, public, user
from skillcore.accounts.sessions import Kept
from skillcore.accounts.signed_in import SignedIn, answer, check_keep
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.notices import notice
from skillcore.runtime.problems import Conflict, Problem

__all__ = ["COOKIE", "ROUTES"]

COOKIE = "__Host-skillcore-sign-in"
"""The cookie by which a browser that comes back is known to be the one that went."""

ProviderInPath = Annotated[
    str, PathParameter(max_length=100, description="A provider's name; `GET /api/auth/oauth` lists them.")
]
CodeAsked = Annotated[str, QueryParameter(max_length=2000, description="As the provider gave it.")]
StateAsked = Annotated[str, QueryParameter(name="state", max_length=200, description="As the provider gave it back.")]
IssuerAsked = Annotated[str, QueryParameter(max_length=500, description="Who the provider says that it is.")]
ErrorAsked = Annotated[str, QueryParameter(max_length=200, description="Why the provider let nobody in.")]


class Finish(elsewhere.Return, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a provider sent a person back with to a page of yours.

    Attributes:
        keep: what the caller keeps of the session: tokens, or, as pages do, a cookie.
    """

    keep: Kept = "token"


@get("/api/auth/oauth", opt={"access": access(public())}, tags=["accounts"], summary="List places to sign in at")
async def list_providers(engine: NamedDependency[Engine]) -> list[elsewhere.Offer]:
    """The OpenID providers of the configuration. None of them is asked."""
    return elsewhere.offers(engine.settings)


@post(
    "/api/auth/oauth/{provider:str}/start",
    status_code=200,
    opt={"access": access(public()), "secret": True},
    tags=["accounts"],
    summary="Begin to sign in elsewhere",
)
async def start(
    engine: NamedDependency[Engine], request: Request[Any, Any, Any], provider: ProviderInPath
) -> Response[elsewhere.Started]:
    """Go to `url` in the browser that asked: a cookie makes sure that nobody else comes back in its place."""
    return _kept(await elsewhere.start(engine, provider, request.cookies.get(COOKIE)))


@post(
    "/api/auth/oauth/{provider:str}/connect",
    status_code=200,
    opt={"access": access(user()), "secret": True},
    tags=["accounts"],
    summary="Begin to connect your account",
)
async def connect(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    request: Request[Any, Any, Any],
    provider: ProviderInPath,
) -> Response[elsewhere.Started]:
    """Once you have signed in at `url`, in this very browser, you can sign in to your account that way, too."""
    return _kept(await elsewhere.start(engine, provider, request.cookies.get(COOKIE), actor))


@get(
    "/api/auth/oauth/{provider:str}/callback",
    media_type="text/html",
    opt={"access": access(public()), "secret": True, "refusals": (401, 403)},
    tags=["accounts"],
    summary="Come back from signing in elsewhere",
)
async def come_back(
    engine: NamedDependency[Engine],
    request: Request[Any, Any, Any],
    provider: ProviderInPath,
    back: StateAsked = "",
    code: CodeAsked = "",
    iss: IssuerAsked = "",
    error: ErrorAsked = "",
) -> Response[str]:
    """Where providers send browsers back to: a page that says what happened, and the cookie of the session."""
    given = elsewhere.Return(state=back, code=code, iss=iss, error=error)
    try:
        session = await elsewhere.finish(engine, provider, request.cookies.get(COOKIE), given, "cookie")
    except Problem as problem:
        return notice("That did not work", problem.detail, status=problem.status)
    if session is None:
        return notice("Connected", "From now on you can sign in to your account that way, too. You can close this page.")
    seconds = (session.expires_at - now()).total_seconds()
    return notice(
        "Signed in", "You can close this page, and go on where you were.", cookies=[cookies.kept(session.cookie, seconds)]
    )


@post(
    "/api/auth/oauth/{provider:str}/callback",
    status_code=200,
    opt={"access": access(public()), "secret": True},
    tags=["accounts"],
    summary="Finish signing in elsewhere",
)
async def finish(
    engine: NamedDependency[Engine], request: Request[Any, Any, Any], provider: ProviderInPath, data: JSONBody[Finish]
) -> Response[SignedIn]:
    """For a page of yours that is the redirect URI: hands in the parameters with which the provider sent the browser there."""
    check_keep(engine, request, data.keep)
    session = await elsewhere.finish(engine, provider, request.cookies.get(COOKIE), data, data.keep)
    if session is None:
        raise Conflict("your account was connected, and you are signed in as before")
    return answer(session, 200)


@get("/api/auth/identities", opt={"access": access(user())}, tags=["accounts"], summary="List what opens your account")
async def list_identities(engine: NamedDependency[Engine], actor: NamedDependency[Actor]) -> list[identities.Identity]:
    """The providers at which you can sign in to your account."""
    names = {of.issuer: name for name, of in engine.settings.oidc.items()}
    async with engine.transaction() as tx:
        return await identities.listing(tx, actor, names)


@delete("/api/auth/oauth/{provider:str}", opt={"access": access(user())}, tags=["accounts"], summary="Disconnect your account")
async def disconnect(engine: NamedDependency[Engine], actor: NamedDependency[Actor], provider: ProviderInPath) -> None:
    """Whoever signs in there does not come to your account any more. The last way to sign in stays."""
    of = elsewhere.provider_of(engine.settings, provider)
    async with engine.transaction() as tx:
        await identities.disconnect(tx, actor, provider, of.issuer)


def _kept(begun: elsewhere.Begun) -> Response[elsewhere.Started]:
    seconds = elsewhere.MINUTES * 60
    cookie = Cookie(key=COOKIE, value=begun.browser, path="/", max_age=seconds, secure=True, httponly=True, samesite="lax")
    return Response(begun.started, status_code=200, cookies=[cookie])


ROUTES: tuple[ControllerRouterHandler, ...] = (
    list_providers,
    start,
    connect,
    come_back,
    finish,
    list_identities,
    disconnect,
)
