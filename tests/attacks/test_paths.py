"""Targets that lead elsewhere than they look: out of the folder of static files, past a route's guard, to another method."""

from __future__ import annotations

from itertools import product

import pytest

from skillcore.operations.documentation import ASSETS
from tests.attacks.wire import Wire

UP = [
    "..",
    "%2e%2e",
    "%2E.",
    "..%2f",
    "%2e%2e%2f",
    "..%5c",
    "..\\",
    "%252e%252e",
    "..;",
    ".%00.",
    "%c0%ae%c0%ae",
    "%ef%bc%8e%ef%bc%8e",
]
STATIC = ["/api/docs", "/api/docs/page.js", "/api/docs/page.css", "/api/docs/openapi.json"]
LEADING_TO = ["etc/passwd", "documentation.py", "index.html", "routes.py", "data/setup-token", "config/skillcore.toml"]


@pytest.mark.parametrize(("route", "up"), [*product(STATIC, UP)])
def test_nothing_but_the_pages_own_files_is_served(wire: Wire, route: str, up: str) -> None:
    own = {path.read_bytes() for path in ASSETS.iterdir() if path.is_file()}
    for depth, goal in product((1, 6), LEADING_TO):
        answer = wire.ask(f"{route}/{'/'.join([up] * depth)}/{goal}")
        assert answer.status in {400, 404}, (depth, goal)
        assert answer.body not in own


@pytest.mark.parametrize(
    "target",
    [
        "/api/docs/page.js%00.css",
        "/api/docs/page.js/",
        "/api/docs/page.js/x",
        "/api/docs/.",
        "/api/docs/index.html",
        "/api/docs/PAGE.JS",
        "/api/docs/page.js.map",
        "/api/docs/page.js~",
        "/api/docs/?file=/etc/passwd",
        "/api/docs/page.js?../../etc/passwd",
        "/api/docs//page.js",
        "file:///etc/passwd",
        "/.git/config",
        "/.env",
        "/skillcore.toml",
        "//etc/passwd",
    ],
)
def test_files_have_one_name(wire: Wire, target: str) -> None:
    """The route's own path, give or take slashes and the query, which count for nothing."""
    answer = wire.ask(target)
    assert answer.status in {200, 400, 404}
    if answer.status == 200:
        assert target.partition("?")[0].replace("//", "/").rstrip("/") in STATIC
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "target",
    [
        "/api/platforms",
        "//api//platforms",
        "/api/platforms/",
        "/api/platforms//",
        "/./api/platforms",
        "/api/./platforms",
        "/api/health/live/../../platforms",
        "/api/docs/..%2f../platforms",
        "/API/platforms",
        "/api/Platforms",
        "/api/%70latforms",
        "/%61pi/platforms",
        "/api/platforms;x=/api/health/live",
        "/api/platforms%3f/api/health/live",
        "/api/platforms#/api/health/live",
        "/api/platforms%00",
        "/api/platforms%20",
        "/api/health/live;/../../platforms",
    ],
)
def test_no_spelling_of_a_path_leads_past_its_guard(wire: Wire, target: str) -> None:
    assert wire.ask(target).status in {400, 401, 404}


@pytest.mark.parametrize(
    "trick",
    [
        "X-HTTP-Method-Override: DELETE",
        "X-HTTP-Method: DELETE",
        "X-Method-Override: DELETE",
        "X-Original-URL: /api/platforms",
        "X-Rewrite-URL: /api/platforms",
        "X-Original-Method: DELETE",
    ],
)
def test_no_header_makes_another_request_of_one(wire: Wire, trick: str) -> None:
    assert wire.ask("/api/health/live", trick).json() == {"status": "ok"}
    for method in ("POST", "DELETE", "PUT", "PATCH", "TRACE", "get", "GETS"):
        assert wire.ask("/api/health/live", trick, method=method).status in {400, 405}
    assert wire.ask("/api/health/live?_method=DELETE", "X-HTTP-Method-Override: POST").status == 200
