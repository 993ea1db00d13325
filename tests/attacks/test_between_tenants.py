"""What one tenant holds in its hand, used by another: keys of idempotency, and cursors."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.attacks.conftest import Visited
from tests.attacks.routes import ROUTES, Request, Route, Things
from tests.attacks.town import WORDS, made

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAIRS = (("school", "club"), ("club", "school"), ("ada", "bob"), ("bob", "ada"))
"""Whose cursor it is, and who uses it."""

TENANTS = {"school": "school", "ada": "school", "club": "club", "bob": "club"}
SHORT = {"GET /api/explain/{formula}", "GET /api/sources/{source}/topics"}
"""Lists that hold nothing in the town, where no worker asks a source."""


async def test_a_key_of_idempotency_is_its_platforms_own(copied: Visited) -> None:
    cleo = copied.town.things["school"]["cleo"]  # who belongs to both
    event = {"kind": "platform.volunteered", "user": cleo, "data": {"title": "Fair"}, "occurred_at": "2026-03-01T12:00:00Z"}
    for path, body in (("/api/projects", {"name": "Bees"}), ("/api/events", event)):
        headers = {"Idempotency-Key": "the-same"}
        first = {who: await copied.by(who).post(path, body, headers=headers) for who in ("school", "club")}
        assert [answer.status_code for answer in first.values()] == [201, 201]
        assert first["school"].json()["id"] != first["club"].json()["id"]
        for who, answer in first.items():
            assert "idempotent-replayed" not in answer.headers
            again = await copied.by(who).post(path, body, headers=headers)
            assert (again.headers["idempotent-replayed"], again.content) == ("true", answer.content)
        other = await copied.by("club").post(path, body | {"name": "Wasps"}, headers={"Idempotency-Key": f"schools-{path}"})
        assert "idempotent-replayed" not in other.headers


async def test_a_cursor_leads_to_nothing_of_another(copied: Visited) -> None:
    for tenant, person in (("school", "ada"), ("club", "bob")):
        await furnish_more(copied, tenant, person)
    tried = set()
    for route in ROUTES:
        if route.method != "GET" or not any(parameter["name"] == "cursor" for parameter in route.operation["parameters"]):
            continue
        for whose, user in PAIRS:
            if not (may(route, whose) and (given := (await listed(copied, route, whose, limit=1)).json())):
                continue
            cursor = cursor_in(given)
            if cursor is None:
                continue
            tried.add(route.name)
            answer = await listed(copied, route, user, limit=200, cursor=cursor)
            assert answer.status_code in {200, 400}, f"{route.name}: {answer.text}"
            assert traces(copied, answer, TENANTS[whose]) == [], f"{route.name} by {user}"
            if answer.status_code == 200:
                own = items(await listed(copied, route, user, limit=200))
                assert [item for item in items(answer) if item not in own] == [], f"{route.name} by {user}"
    for_keys = {route.name for route in ROUTES if route.access.key and "cursor" in str(route.operation["parameters"])}
    assert for_keys - tried <= SHORT, "lists without a second page in the town: make one in furnish_more"


async def furnish_more(visited: Visited, tenant: str, person: str) -> None:
    """Give a tenant and its learner a second one of whatever the town has but one of."""
    things, word = visited.town.things[tenant], WORDS[tenant]
    for who in (tenant, person):
        project = things["project" if who == tenant else "project@ada"]
        await made(visited.by(who), "/api/projects", {"name": word})
        own = "" if who == tenant else "@ada"
        again = {"module": {"title": "again", "tasks": [{"name": word}]}}
        for method, path, body in (
            ("PATCH", f"/api/learning-paths/{things[f'path{own}']}", {"title": "again"}),
            ("PUT", f"/api/modules/{things[f'module{own}']}", again),
            ("PATCH", f"/api/spaces/{things[f'space{own}']}", {"milestones": ["again"]}),
            ("PATCH", f"/api/goals/{things[f'goal{own}']}", {"milestones": ["again"]}),
        ):
            changed = await visited.by(who).send(method, path, json=body)
            assert changed.status_code == 200, changed.text
        followed = f"/api/learning-paths/{things[f'path{own}']}/start?user={things['person']}"
        await made(visited.by(who), followed, None)
        await made(visited.by(who), "/api/progress_updates", {"project": project, "user": things["person"], "content": word})
    event = {"kind": "platform.volunteered", "user": things["person"], "subject": word, "data": {"title": word}}
    await made(visited.by(tenant), "/api/events", event | {"skills": ["python"]})
    said = {"user": things["person"], "reviewer": things["cleo"], "quality": 50, "skills": ["sql"], "content": word}
    await made(visited.by(tenant), "/api/reviews", said)


async def listed(visited: Visited, route: Route, caller: str, **asked: Any) -> httpx.Response:
    # What is Ada's own for her is Bob's for him, and the town calls it after her.
    request = route.request(Things(visited.town, TENANTS[caller], "ada" if caller == "bob" else caller))
    query = request.query | asked
    return await send(visited, caller, Request(request.method, request.path, query, None))


async def send(visited: Visited, caller: str, request: Request) -> httpx.Response:
    return await visited.by(caller).send(request.method, request.path, params=request.query)


def may(route: Route, caller: str) -> bool:
    if caller in WORDS:
        return route.access.key is not None
    return route.access.who is not None and "learner" in (route.access.who.roles or ())


def cursor_in(body: Any) -> str | None:
    found = body.get("next_cursor") or (body.get("events") or {}).get("next_cursor")
    assert found is None or isinstance(found, str)
    return found


def items(answer: httpx.Response) -> list[Any]:
    body = answer.json()
    found: list[Any] = body["items"] if "items" in body else body["events"]["items"]
    return found


def traces(visited: Visited, answer: httpx.Response, whose: str) -> list[str]:
    """Return what an answer has of a tenant's that is not the other's too."""
    (other,) = set(WORDS) - {whose}
    theirs = set(visited.town.things[whose].values()) - set(visited.town.things[other].values())
    return [trace for trace in (WORDS[whose], *theirs) if len(trace) > 8 and trace in answer.text]
