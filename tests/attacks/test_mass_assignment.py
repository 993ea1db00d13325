"""Every body of the OpenAPI document, with fields that are not the caller's to set: refused, and nothing happens."""

from __future__ import annotations

import pytest

from tests.attacks.conftest import Visited
from tests.attacks.routes import ROUTES, Request, Route, Things
from tests.attacks.test_two_tenants import contents, send

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELDS = {
    "id": "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10",
    "role": "admin",
    "user_id": "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10",
    "owner_id": "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10",
    "platform_id": "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10",
    "scopes": ["users:write"],
    "set_by": "admin",
    "state": "completed",
    "origin": None,
    "via": "engine",
    "email_verified_at": "2020-01-01T00:00:00Z",
    "created_at": "2020-01-01T00:00:00Z",
    "__class__": "x",
}
WITH_BODY = [route for route in ROUTES if isinstance(route.example.body, dict)]


async def test_many_routes_have_bodies() -> None:
    assert len(WITH_BODY) > 20


@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in WITH_BODY])
async def test_what_is_not_the_callers_to_set_is_refused(visited: Visited, route: Route) -> None:
    before = await contents(visited)
    caller = route.right[0]
    valid = route.request(Things(visited.town, "school", caller))
    for field, value in FIELDS.items():
        if field in own_fields(route):
            continue
        answer = await send(visited, caller, Request(valid.method, valid.path, valid.query, {**valid.body, field: value}))
        assert (answer.status_code, answer.json().get("field")) == (422, field), f"{field}: {answer.text}"
    assert await contents(visited) == before


def own_fields(route: Route) -> set[str]:
    """Return the fields that this body may have."""
    own = {
        "POST /api/platforms/{platform_id}/keys": {"scopes"},
        "POST /api/auth/oauth/{provider}/callback": {"state"},
        "POST /api/events": {"id"},
        "PUT /api/users/{user_id}/role": {"role"},
    }
    return own.get(route.name, set())
