"""docs/api.md: it has every request with who may use it and what it takes, every scope, problem and kind of event."""

import json
from typing import Any, get_args

import msgspec
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from skillcore.accounts.access import SCOPES, Access, Role, answers_options, declared
from skillcore.app import create_app
from skillcore.operations.documentation import openapi
from skillcore.operations.idempotency import HEADER
from skillcore.plugin.manager import Plugins
from skillcore.runtime import problems
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.refusals import TYPE_PREFIX, document
from skillcore.runtime.requests import decode
from skillcore.runtime.settings import Settings
from skillcore.work.tasks import NewTask
from tests.docs.documents import codes, read, sections, tables

TEXT = read("api.md")
SECTIONS = sections(TEXT)
PLUGINS = Plugins.load(allow=("defaults",))
REQUESTS = {codes(row["request"])[0]: row for table in tables(TEXT) if "request" in table[0] for row in table}


@pytest.fixture(scope="module")
def app() -> Litestar:
    """The application; nothing connects, since nobody opens it."""
    settings = Settings()
    return create_app(Engine(settings, PLUGINS, Database("", settings.database)))


@pytest.fixture(scope="module")
def handlers(app: Litestar) -> dict[str, HTTPRouteHandler]:
    return {
        f"{method} {route.path_format}": handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if not answers_options(handler)
        for method in handler.http_methods
    }


def people(access: Access) -> str:
    if access.who is None:
        return "nobody"
    if access.who.roles is None:
        return "anyone"
    named = {frozenset(get_args(Role)): "signed in", frozenset({"admin"}): "administrators", frozenset({"mentor"}): "mentors"}
    return named[access.who.roles]


def test_every_request_is_there_and_no_other(handlers):
    assert sorted(REQUESTS) == sorted(handlers)


def test_each_request_says_who_may_use_it(handlers):
    documented = {request: (row["people"], row["keys"]) for request, row in REQUESTS.items()}
    in_code = {}
    for request, handler in handlers.items():
        access = declared(handler)
        assert access is not None
        in_code[request] = (people(access), f"`{access.key}`" if access.key else "none")
    assert documented == in_code


def test_each_request_says_with_which_status_it_is_answered(handlers):
    documented = {request: [int(status) for status in row["answers"].split(", ")] for request, row in REQUESTS.items()}
    in_code = {request: [handler.status_code, *handler.opt.get("statuses", {})] for request, handler in handlers.items()}
    assert documented == in_code


def test_each_request_says_what_it_takes(app, handlers):
    described = json.loads(openapi(app))
    documented = {request: codes(row["takes"]) for request, row in REQUESTS.items()}
    in_code = {}
    for request in handlers:
        method, path = request.split(" ")
        operation = described["paths"].get(path, {}).get(method.lower(), {"parameters": []})
        in_code[request] = [*_body(operation, described), *_query(operation)]
    assert documented == in_code


def _query(operation: dict[str, Any]) -> list[str]:
    asked = [parameter for parameter in operation["parameters"] if parameter["in"] == "query"]
    assert {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "header"} <= {HEADER}
    return [parameter["name"] + ("" if parameter["required"] else "?") for parameter in asked]


def _body(operation: dict[str, Any], described: dict[str, Any]) -> list[str]:
    if "requestBody" not in operation:
        return []
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    component = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return [name + ("" if name in component.get("required", ()) else "?") for name in component["properties"]]


def test_every_request_says_what_it_does():
    assert [request for request, row in REQUESTS.items() if not row[""]] == []


def test_every_scope_is_there():
    assert [codes(row["scope"])[0] for row in SECTIONS["Scopes"].table()] == list(SCOPES)


def test_every_problem_is_there():
    documented = {codes(row["type"])[0]: (int(row["status"]), row["title"]) for row in SECTIONS["Problems"].table()}
    kinds = [getattr(problems, name) for name in problems.__all__]
    assert documented == {kind.type: (kind.status, kind.title) for kind in kinds}
    assert f"`{TYPE_PREFIX}`" in SECTIONS["Problems"].text


def test_the_example_of_a_problem_is_one():
    (block,) = SECTIONS["Problems"].blocks("json")
    task = {"description": "Add", "source": "practice", "requirements": {}, "difficulty": 11}
    with pytest.raises(problems.InvalidField) as caught:
        decode(json.dumps(task).encode(), NewTask)
    assert document(caught.value) == json.loads(block.text)


def test_every_kind_that_clients_may_send_is_there_with_its_fields():
    rows = SECTIONS["Events that clients may send"].table()
    documented = {codes(row["kind"])[0]: [code for code in codes(row["data"]) if code not in SCOPES] for row in rows}
    in_code = {
        kind.name: [field.name + ("" if field.required else "?") for field in msgspec.structs.fields(kind.payload)]
        for kind in PLUGINS.kinds.values()
        if kind.client
    }
    assert documented == in_code


def test_the_rules_that_heed_what_clients_send_are_named():
    clients = {kind.name for kind in PLUGINS.kinds.values() if kind.client}
    heeded = sorted({kind for rule in PLUGINS.rules for kind in rule.kinds if kind in clients})
    folded = {kind for formula in PLUGINS.formulas.values() for kind in formula.kinds if kind in clients}
    text = " ".join(SECTIONS["Events that clients may send"].text.split())
    assert f"of the engine's rules one heeds them: {', '.join(f'`{kind}`' for kind in heeded)}" in text
    assert f"Its formulas fold these: {', '.join(f'`{kind}`' for kind in sorted(folded))}, where" in text
