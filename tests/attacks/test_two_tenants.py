"""Every route of the OpenAPI document, by everybody whom it is not for; and by those whom it is for, so that this says much."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from skillcore.accounts.authentication import Known
from skillcore.runtime.database import Base
from tests.attacks.conftest import Visited
from tests.attacks.examples import EXAMPLES, R
from tests.attacks.routes import ROUTES, UNKNOWN, Request, Route, Things
from tests.attacks.town import WORDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOREIGN_PEOPLE = ("bob", "mentor")
DEAD = ("nobody", "ada expired", "ada forged", "ada signed out", "school revoked", "school expired")
MOVING = {"audit", "audit_head", "idempotency_keys"}
"""Tables that change without anybody's success."""

KEPT_LOOSELY = ("idle_at", "last_seen_at", "last_used_at")
"""Columns that do."""

WATCHED: ContextVar[list[str] | None] = ContextVar("watched", default=None)

each = pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in ROUTES])
rightful = [(route, caller) for route in ROUTES for caller in route.right]
reads = [pytest.param(*case, id=f"{case[0].name} by {case[1]}") for case in rightful if case[0].method == "GET"]
acts = sorted(
    (case for case in rightful if case[0].method != "GET"),
    key=lambda case: (case[0].example.last, case[0].method == "DELETE", [*EXAMPLES].index(case[0].name)),
)


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who a caller is, is looked up once: it would be among the statements of some requests and not of others."""
    monkeypatch.setattr(Known, "LIFETIME", 3600.0)


async def test_every_route_has_an_example() -> None:
    assert not UNKNOWN, (
        f"add a line for each of these to EXAMPLES in tests/attacks/examples.py: {', '.join(UNKNOWN)}. Without a body and"
        ' with names in its path that IN_PATH knows, it is `"GET /api/…": E(),`; what a body or path refers to is R("name"),'
        " and a kind of thing that is new there is made in tests/attacks/town.py, `furnished`."
    )
    assert set(EXAMPLES) == {route.name for route in ROUTES}, "examples of routes that are no more"


async def send(visited: Visited, caller: str, request: Request) -> httpx.Response:
    body = {} if request.body is None else {"json": request.body}
    return await visited.by(caller).send(request.method, request.path, params=request.query, **body)


@pytest.mark.parametrize(("route", "caller"), reads)
async def test_the_rightful_one_reads(visited: Visited, route: Route, caller: str) -> None:
    await assert_success(visited, route, caller)


async def test_the_rightful_one_acts(copied: Visited) -> None:
    """All in one town, in the order of the examples, and what deletes last: a copy for each would take too long."""
    failed = []
    for route, caller in acts:
        try:
            await assert_success(copied, route, caller)
        except AssertionError as error:
            failed.append(f"{route.name} by {caller}: {error}")
    assert not failed, "\n".join(failed)


async def assert_success(visited: Visited, route: Route, caller: str) -> None:
    answer = await send(visited, caller, route.request(Things(visited.town, "school", caller)))
    assert answer.status_code in route.succeeds, answer.text
    if caller == "school":
        assert_no_trace(answer, "club", visited)


@each
async def test_the_others_are_refused(visited: Visited, route: Route) -> None:
    if route.access.is_public:
        return
    before = await contents(visited)
    request = route.request(Things(visited.town, "school", "ada"))
    for caller in DEAD:
        assert (await send(visited, caller, request)).status_code == 401, caller
    if route.access.key is None:
        assert (await send(visited, "school", request)).status_code == 403
    else:
        refusal = await send(visited, f"school without {route.access.key}", request)
        assert (refusal.status_code, refusal.json().get("scope")) == (403, route.access.key)
    roles = route.access.who.roles if route.access.who is not None else frozenset()
    for caller, role in {"ada": "learner", "bob": "learner", "mentor": "mentor", "root": "admin"}.items():
        if role not in (roles or ()):
            assert (await send(visited, caller, request)).status_code == 403, caller
    assert await contents(visited) == before


@each
async def test_foreign_is_as_absent(visited: Visited, route: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    """To strangers all that a tenant has, and to a tenant any one thing of another's, is not there: same words, same work."""
    before = await contents(visited)
    statements = watched(monkeypatch)
    for caller, foreign in attempts(route):
        answers, worked = [], []
        whose = "club" if caller in {"bob", "club"} else "school"
        for other in (foreign, dict.fromkeys(foreign, "nobody")):
            request = route.request(Things(visited.town, whose, caller, other))
            await send(visited, caller, Request("GET", "/api/skills", {}, None))  # whoever it is, is known then
            statements.clear()
            answer = await send(visited, caller, request)
            assert answer.status_code in {404, *route.example.refused}, f"{caller}, {foreign}: {answer.text}"
            answers.append(told(answer, request, visited))
            worked.append([*statements])
        assert answers[0] == answers[1], f"{caller}, {foreign}"
        assert worked[0] == worked[1], f"{caller}, {foreign}: other statements than for what is absent"
    assert await contents(visited) == before


def attempts(route: Route) -> list[tuple[str, dict[R, str]]]:
    """Return who tries what: which references are another tenant's."""
    references = route.references
    if not references or route.example.own:
        return []
    roles = route.access.who.roles if route.access.who is not None else frozenset()
    strangers = [*(FOREIGN_PEOPLE if "learner" in (roles or ()) else ()), *(["club"] if route.access.key else [])]
    everything = [(caller, dict.fromkeys(references, whose)) for caller in strangers for whose in ("school", "school@ada")]
    single = [
        (caller, {one: whose})
        for caller in route.right
        if caller != "root"
        for one in references
        for whose in ("club", "club@ada")
    ]
    return everything + single


def told(answer: httpx.Response, request: Request, visited: Visited) -> dict[str, Any]:
    """Return what an answer tells beside what the request said itself."""
    said = [*request.path.split("/"), *map(str, request.query.values()), *values(request.body)]
    words = answer.text
    for word in sorted((word for word in said if len(word) > 6), key=len, reverse=True):
        words = words.replace(word, "…")
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date", "content-length"}}
    return {"status": answer.status_code, "headers": headers, "body": words}


def values(body: Any) -> list[str]:
    if isinstance(body, dict):
        return [text for inner in body.values() for text in values(inner)]
    if isinstance(body, list):
        return [text for inner in body for text in values(inner)]
    return [str(body)]


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by each statement that a request of this test sends to the database."""
    statements: list[str] = []
    WATCHED.set(statements)
    execute = psycopg.AsyncCursor.execute

    async def noted(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        # Neither what the process does in the background, nor the pool's asking whether a connection that it lends still lives.
        if WATCHED.get() is statements and query != ";":
            statements.append(query if isinstance(query, str) else repr(query))
        return await execute(self, query, *given, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    return statements


async def contents(visited: Visited) -> dict[str, str]:
    """Return a digest of each table."""
    names = sorted(set(Base.metadata.tables) - MOVING)
    row = f"(to_jsonb(t) - array{[*KEPT_LOOSELY]}::text[])::text"
    digest = f"select '{{0}}', coalesce(md5(string_agg({row}, ',' order by {row})), '') from {{0}} t"
    async with visited.door.engine.transaction() as tx:
        rows = await tx.session.execute(text(" union all ".join(digest.format(name) for name in names)))
        return dict(tuple(row) for row in rows)


def assert_no_trace(answer: httpx.Response, whose: str, visited: Visited) -> None:
    """Look for anything of a tenant's in an answer."""
    theirs = set(visited.town.things[whose].values()) - set(visited.town.things["school"].values())
    traces = [WORDS[whose], *(thing for thing in theirs if len(thing) > 8)]
    assert [trace for trace in traces if trace in answer.text] == []
