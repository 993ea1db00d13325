"""The routes of this room: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, admin, user
from skillcore.accounts.routes import PersonAsked, PersonInPath
from skillcore.runtime.engine import Engine
from skillcore.runtime.notices import notice
from skillcore.runtime.pages import Cursor, Limit, Page
from skillcore.runtime.problems import Problem
from skillcore.verification import accounts, imports, mentions, proving, stats
from skillcore.verification.attempts import Attempt
from skillcore.verification.signing_in import Return

__all__ = ["ROUTES"]

SourceInPath = Annotated[str, PathParameter(max_length=200, description="A source's name; `GET /api/sources` lists them.")]
CodeAsked = Annotated[str, QueryParameter(max_length=2000, description="As the site gave it.")]
StateAsked = Annotated[str, QueryParameter(name="state", max_length=200, description="As the site gave it back.")]
IssuerAsked = Annotated[str, QueryParameter(max_length=500, description="Who the site says that it is.")]
ErrorAsked = Annotated[str, QueryParameter(max_length=200, description="Why the site let nobody in.")]
UnmappedAsked = Annotated[
    bool | None, QueryParameter(description="Only topics that stand for no skill, or only those that do.")
]


@get("/api/sources", opt={"access": access(user(), key="tasks:read")}, tags=["sources"], summary="List sources")
async def list_sources(engine: NamedDependency[Engine]) -> list[accounts.SourceOffer]:
    """The sources at which tasks can be set, with the JSON schema of their requirements. None of them is asked."""
    async with engine.transaction() as tx:
        return await accounts.offers(tx)


@put(
    "/api/users/{person:str}/sources/{source:str}",
    opt={"access": access(key="sources:vouch")},
    tags=["sources"],
    summary="Vouch for an account",
)
async def vouch_account(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    person: PersonInPath,
    source: SourceInPath,
    data: JSONBody[accounts.Vouch],
) -> accounts.SourceAccount:
    """Links an account to a member on the platform's word. A later one for the same person takes an earlier one's place."""
    async with engine.transaction() as tx:
        return await accounts.vouch(tx, actor, person, source, data)


@get(
    "/api/users/{person:str}/sources",
    opt={"access": access(user(), key="users:read")},
    tags=["sources"],
    summary="List a person's accounts",
)
async def list_accounts(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], person: PersonInPath
) -> list[accounts.SourceAccount]:
    """To a platform, those that their user proved and those that it vouches for itself."""
    async with engine.transaction() as tx:
        return await accounts.listing(tx, actor, person)


@get(
    "/api/users/{person:str}/sources/{source:str}",
    opt={"access": access(user(), key="users:read")},
    tags=["sources"],
    summary="Read a person's account",
)
async def read_account(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], person: PersonInPath, source: SourceInPath
) -> accounts.SourceAccount:
    """The account at one source."""
    async with engine.transaction() as tx:
        return await accounts.get(tx, actor, person, source)


@delete(
    "/api/users/{person:str}/sources/{source:str}",
    opt={"access": access(user(), key="sources:vouch")},
    tags=["sources"],
    summary="Unlink an account",
)
async def unlink_account(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    person: PersonInPath,
    source: SourceInPath,
    withdraw: FromQuery[bool] = False,
) -> None:
    """The evidence that it brought stays; `withdraw`, for administrators, undoes a wrong link with its evidence."""
    async with engine.transaction() as tx:
        await accounts.unlink(tx, actor, person, source, withdraw=withdraw)


@post(
    "/api/sources/{source:str}/import",
    status_code=202,
    opt={"access": access(user(), key="tasks:write")},
    tags=["sources"],
    summary="Import past work",
)
async def import_history(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], source: SourceInPath, user: PersonAsked = "me"
) -> Response[imports.Import]:
    """What is new since the last time. `Location` leads to the job; while it is under way, asking again leads to the same."""
    async with engine.transaction() as tx:
        started = await imports.start(tx, actor, source, user=user)
    return Response(started, status_code=202, headers={"Location": f"/api/jobs/{started.job_id}"})


@get(
    "/api/sources/{source:str}/import",
    opt={"access": access(user(), key="tasks:read")},
    tags=["sources"],
    summary="Read how an import stands",
)
async def read_import(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], source: SourceInPath, user: PersonAsked = "me"
) -> imports.Import:
    """The run under way, or the last one, and when the source is asked again by itself."""
    async with engine.transaction() as tx:
        return await imports.get(tx, actor, source, user=user)


@post(
    "/api/sources/{source:str}/stats",
    status_code=202,
    opt={"access": access(user(), key="tasks:write")},
    tags=["sources"],
    summary="Read the figures of an account",
)
async def read_stats(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], source: SourceInPath, user: PersonAsked = "me"
) -> Response[stats.StatsAsked]:
    """Those of its public profile, for `GET /api/analytics/profile`. `Location` leads to the job; asking again joins it."""
    async with engine.transaction() as tx:
        asked = await stats.ask(tx, actor, source, user=user)
    return Response(asked, status_code=202, headers={"Location": f"/api/jobs/{asked.job_id}"})


@post("/api/sources/{source:str}/link", opt={"access": access(user())}, tags=["sources"], summary="Start to prove an account")
async def start_link(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    source: SourceInPath,
    data: JSONBody[proving.NewAttempt],
) -> Response[Attempt]:
    """Says what to do, in words and as data; do it, then confirm. An attempt that was open before is superseded."""
    await proving.look_up(engine, source, data)
    async with engine.transaction() as tx:
        attempt = await proving.start(tx, actor, source, data)
    return Response(attempt, status_code=201, headers={"Location": f"/api/sources/{source}/link"})


@get("/api/sources/{source:str}/link", opt={"access": access(user())}, tags=["sources"], summary="Read the newest attempt")
async def read_link(engine: NamedDependency[Engine], actor: NamedDependency[Actor], source: SourceInPath) -> Attempt:
    """How your newest attempt to prove an account at a source stands."""
    async with engine.transaction() as tx:
        return await proving.show(tx, actor, source)


@post(
    "/api/sources/{source:str}/link/confirm",
    opt={"access": access(user())},
    tags=["sources"],
    summary="Have an attempt checked",
    status_code=202,
)
async def confirm_link(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], source: SourceInPath
) -> Response[proving.Submitted]:
    """A job asks the source; `Location` leads to it. While it is under way, confirming again leads to the same job."""
    async with engine.transaction() as tx:
        submitted = await proving.confirm(tx, actor, source)
    return Response(submitted, status_code=202, headers={"Location": f"/api/jobs/{submitted.job_id}"})


@post(
    "/api/sources/{source:str}/link/callback",
    opt={"access": access(user())},
    tags=["sources"],
    summary="Hand in what a site gave",
    status_code=202,
)
async def return_to_link(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], source: SourceInPath, data: JSONBody[Return]
) -> Response[proving.Submitted]:
    """`code`, `state` and, if it is there, `iss`: the parameters with which the site sent you back after you signed in."""
    async with engine.transaction() as tx:
        submitted = await proving.come_back(tx, actor, source, data)
    return Response(submitted, status_code=202, headers={"Location": f"/api/jobs/{submitted.job_id}"})


@get(
    "/api/sources/{source:str}/link/callback",
    media_type="text/html",
    opt={"access": access(user()), "secret": True},
    tags=["sources"],
    summary="Come back from a site",
)
async def come_back_to_link(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    source: SourceInPath,
    back: StateAsked = "",
    code: CodeAsked = "",
    iss: IssuerAsked = "",
    error: ErrorAsked = "",
) -> Response[str]:
    """Where sites send browsers back to, which the cookie of the session makes you: a page that says what happens next."""
    if error or not code or not back:
        reason = error[:100] or "it gave nothing to hand in"
        return notice("That did not work", f"{source} did not let you in ({reason}): start again.", status=403)
    try:
        async with engine.transaction() as tx:
            await proving.come_back(tx, actor, source, Return(code=code, state=back, iss=iss))
    except Problem as problem:
        return notice("That did not work", problem.detail, status=problem.status)
    return notice("Nearly done", f"{source} is being asked whose account it is. Close this page, and look where you began.")


@delete("/api/sources/{source:str}/link", opt={"access": access(user())}, tags=["sources"], summary="Cancel an attempt")
async def cancel_link(engine: NamedDependency[Engine], actor: NamedDependency[Actor], source: SourceInPath) -> None:
    """Nothing is linked any more, even if a job is looking just now."""
    async with engine.transaction() as tx:
        await proving.cancel(tx, actor, source)


@get(
    "/api/sources/{source:str}/topics",
    opt={"access": access(admin(), key="skills:read")},
    tags=["sources"],
    summary="List a source's topics",
)
async def list_topics(
    engine: NamedDependency[Engine],
    source: SourceInPath,
    unmapped: UnmappedAsked = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[mentions.Topic]:
    """The topics of all works that were recorded, by name, with the skills that they stand for now."""
    async with engine.transaction() as tx:
        return await mentions.listing(tx, source, unmapped=unmapped, limit=limit, cursor=cursor)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    list_sources,
    start_link,
    read_link,
    confirm_link,
    return_to_link,
    come_back_to_link,
    cancel_link,
    vouch_account,
    list_accounts,
    read_account,
    unlink_account,
    import_history,
    read_import,
    read_stats,
    list_topics,
)
