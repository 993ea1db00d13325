"""No value in any field of any request, however strange, is answered with a fault of the service's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from skillcore.accounts.access import SCOPES
from skillcore.operations.documentation import openapi
from skillcore.runtime.pages import cursor_of
from tests.visitors import Door, Visitor

TEXTS = {
    "nothing": "",
    "NUL": "a\\u0000b",
    "lone surrogate": "a\\ud800b",
    "reversed surrogates": "\\udc00\\ud800",
    "turned around": "abc\\u202egnp.exe\\u202c",
    "unseen": "\\u200b\\u2060\\ufeff\\u00ad",
    "marks": "a" + "\\u0301" * 3000,
    "long": "x" * 200_000,
    "line ends": "a\\r\\nSet-Cookie: b=c\\r\\n\\r\\n",
    "markup": "<script>alert(1)</script>&lt;\\\"'",
    "path": "../../../../etc/passwd",
    "encoded path": "%2e%2e%2f%00%252e",
    "SQL": "'; drop table users; --",
    "format": "{0.__class__} %s %n ${jndi:ldap://a} {{7*7}}",
    "private and unassigned": "\\ue000\\uffff\\udbff\\udfff",
}
"""As they stand in JSON between the quotes."""

NUMBERS = ("1e400", "-1e400", "1" + "0" * 400, "-1", "0.5", "1e-400", "-0.0", "NaN", "Infinity", "9223372036854775808", '"1"')
WHOLE = {
    "deep arrays": "[" * 100_000 + "]" * 100_000,
    "deep objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "the same name twice": '{"email":"a@example.org","email":"b@example.org"}',
    "not an object": "7",
    "null": "null",
    "names that classes have": '{"__class__":{"__init__":1},"constructor":{"prototype":{"isAdmin":true}}}',
    "two values": "{}{}",
    "with a mark of its order": "\ufeff{}",
}
UNSAFE = {
    "POST /api/auth/logout",
    "DELETE /api/auth/profile",
}
"""They would end what the others are sent with; nothing of theirs is left out but the call that succeeds."""


class Operation(NamedTuple):
    """An operation with an example of its body."""

    label: str
    method: str
    path: str
    example: Any
    people: bool
    parameters: list[dict[str, Any]]


def operations(door: Door) -> Iterator[Operation]:
    """Yield what the description names, with the examples in it."""
    document = json.loads(openapi(door.app))
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            body = described.get("requestBody", {}).get("content", {}).get("application/json", {})
            security = described["security"]
            people = not security or any("platformKey" not in one for one in security)
            yield Operation(
                f"{method.upper()} {path}", method.upper(), path, body.get("example"), people, described["parameters"]
            )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every text and number of a value with the way to it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))
    elif not isinstance(value, bool) and value is not None:
        yield path, value


MARK = "a place for a value that no library would write"


def written(example: Any, path: tuple[Any, ...], text: str) -> str:
    """Return the example as JSON with a text of its own at a place."""

    def put(value: Any, rest: tuple[Any, ...]) -> Any:
        if not rest:
            return MARK
        first, *others = rest
        if isinstance(value, dict):
            return value | {first: put(value[first], tuple(others))}
        return [put(one, tuple(others)) if number == first else one for number, one in enumerate(value)]

    return json.dumps(put(example, path)).replace(json.dumps(MARK), text)


@pytest.fixture
async def visitors(door: Door) -> dict[bool, Visitor]:
    """An administrator, who may do most, and a platform's key, by whether people may use an operation."""
    return {True: await door.admin(), False: (await door.platform(*SCOPES)).key}


async def send(visitor: Visitor, operation: Operation, body: str | bytes, path: str) -> None:
    content = body if isinstance(body, bytes) else body.encode()
    answer = await visitor.send(operation.method, path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code < 500, f"{operation.label} {content[:200]!r}: {answer.text[:300]}"


def plain_path(operation: Operation) -> str:
    """Return a path that may lead to nothing: what is looked at is the body."""
    values = {
        one["name"]: "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10" if one["schema"].get("format") == "uuid" else "1"
        for one in operation.parameters
        if one["in"] == "path"
    }
    return operation.path.format(**values | {"person": "me", "source": "leetcode"})


@pytest.mark.timeout(400)
async def test_no_body_is_answered_with_a_fault(door: Door, visitors: dict[bool, Visitor]) -> None:
    tried = 0
    for operation in operations(door):
        if operation.example is None:
            continue
        for place, value in places(operation.example):
            hostile = [f'"{text}"' for text in TEXTS.values()] if isinstance(value, str) else NUMBERS
            for text in hostile:
                await send(
                    visitors[operation.people], operation, written(operation.example, place, text), plain_path(operation)
                )
                tried += 1
        if operation.label not in UNSAFE:
            for body in WHOLE.values():
                await send(visitors[operation.people], operation, body, plain_path(operation))
            await send(visitors[operation.people], operation, b'{"a":"\xff\xfe"}', plain_path(operation))
    assert tried > 500
    for operation in operations(door):  # what was kept of all that can be read
        if operation.method == "GET" and "{" not in operation.path:
            answer = await visitors[operation.people].get(operation.path)
            assert answer.status_code < 500, f"{operation.label}: {answer.text}"


@pytest.mark.timeout(400)
async def test_no_parameter_is_answered_with_a_fault(door: Door, visitors: dict[bool, Visitor]) -> None:
    tried = 0
    hostile = [
        json.loads(f'"{text}"') for name, text in TEXTS.items() if "surrogate" not in name and name != "private and unassigned"
    ]
    hostile = [text[:4000] for text in hostile] + [text.strip('"') for text in NUMBERS]
    keys = [10**30, -(10**30), "a\0b", "", -1, 1.5, None, [], {}, ["9999-12-31T23:59:59Z", "x"], "0001-01-01T00:00:00+14:00"]
    hostile += [cursor_of(key) for key in keys] + [
        cursor_of(["0001-01-01T00:00:00+14:00", "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10"])
    ]
    for operation in operations(door):
        if operation.method != "GET":
            continue
        for one in operation.parameters:
            for text in hostile:
                if one["in"] == "query":
                    answer = await visitors[operation.people].get(plain_path(operation), params={one["name"]: text})
                elif one["in"] == "path" and text:
                    given = {other["name"]: "1" for other in operation.parameters if other["in"] == "path"}
                    encoded = "".join(f"%{byte:02x}" for byte in text.encode())
                    answer = await visitors[operation.people].get(operation.path.format(**given | {one["name"]: encoded}))
                else:
                    continue
                tried += 1
                assert answer.status_code < 500, f"{operation.label} {one['name']}={text[:60]!a}: {answer.text[:300]}"
    assert tried > 500


NAMES = "Authorization X-Request-ID Idempotency-Key Cookie Origin X-Forwarded-For Forwarded User-Agent X-CSRF-Token Accept"


@pytest.mark.parametrize("name", [*NAMES.split(), "Content-Type", "Range", "If-None-Match"])
async def test_no_header_is_answered_with_a_fault(door: Door, name: str) -> None:
    values = [
        b"",
        b"\xff\xfe\x80",
        b"a" * 8000,
        b"Bearer " + b"." * 4000,
        b"Bearer sk_" + b"_" * 100,
        b"=;=;=",
        b'"',
        b"\x01\x02",
    ]
    for value in values:
        for path in ("/api/auth/profile", "/api/health/live", "/nowhere"):
            answer = await door.client.request("GET", path, headers=[(name.encode(), value)])
            assert answer.status_code < 500, f"{name}: {value[:30]!r}: {answer.text}"
        answer = await door.client.request("POST", "/api/auth/login", content=b"{}", headers=[(name.encode(), value)])
        assert answer.status_code < 500
