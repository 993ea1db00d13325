"""The first and the last days that can be written are answered or refused like any other, wherever a day can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.attacks.conftest import Visited
from tests.attacks.routes import ROUTES, Request, Route, Things
from tests.attacks.town import made

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAYS = ("0001-01-01", "0001-01-05", "9999-12-31")
MOMENTS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00")
VALUES = {"date": DAYS, "date-time": MOMENTS}
PERIODS = {"every", "bucket"}
"""Parameters that say how long a period is, and so how far it reaches beyond its days."""


def asked() -> Iterator[tuple[Route, str, str]]:
    """Yield each parameter of a route that takes a day or a moment, with its format."""
    for route in ROUTES:
        for parameter in route.operation["parameters"]:
            schema = parameter["schema"]
            for one in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
                if one.get("format") in VALUES:
                    yield route, parameter["name"], one["format"]


ASKED = list(asked())


async def sent(visited: Visited, route: Route, **more: Any) -> Any:
    caller = route.right[0]
    request = route.request(Things(visited.town, "school", caller))
    request = Request(request.method, request.path, request.query | more, request.body)
    return await visited.by(caller).send(request.method, request.path, params=request.query)


@pytest.mark.parametrize(("route", "name", "kind"), [pytest.param(*one, id=f"{one[0].name} {one[1]}") for one in ASKED])
async def test_a_parameter_takes_the_ends_of_the_calendar_or_is_named(
    visited: Visited, route: Route, name: str, kind: str
) -> None:
    periods = {one["name"] for one in route.operation["parameters"]} & PERIODS
    for value in VALUES[kind]:
        for more in ({}, *({period: long} for period in periods for long in ("week", "month"))):
            answer = await sent(visited, route, **more, **{name: value})
            assert answer.status_code in {*route.succeeds, 422}, f"{value} {more}: {answer.text}"
            if answer.status_code == 422:
                assert answer.json()["field"] == name, f"{value} {more}: {answer.text}"


async def test_the_routes_of_days_are_known() -> None:
    assert {name for _, name, _ in ASKED} == {"as_of", "since", "until"}
    assert len(ASKED) > 20


async def test_a_goal_may_be_due_on_any_day(copied: Visited) -> None:
    ada = copied.by("ada")
    for day in DAYS:
        goal = (await made(ada, "/api/goals", {"name": f"by {day}", "target_date": day, "user": "me"}))["id"]
        of_goal = {"formula": "goal", "subject": goal}
        for path, query in (
            (f"/api/goals/{goal}", {}),
            ("/api/charts/progress", of_goal),
            ("/api/charts/progress.svg", of_goal),
            ("/api/charts/progress", of_goal | {"bucket": "month", "until": "9000-12-31"}),
            ("/api/dashboard", {}),
            ("/api/recommendations", {}),
        ):
            answer = await ada.get(path, params=query)
            assert answer.status_code == 200, f"{path} {day}: {answer.text}"
