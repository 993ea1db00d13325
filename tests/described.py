"""Holds what the application answers against its own description: every request of every test asks for this too."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import httpx
import jsonschema_rs
from litestar import Litestar

from skillcore.operations.documentation import openapi

DIALECT = "https://json-schema.org/draft/2020-12/schema"

UNNAMED = frozenset({405, 408, 500})
"""Statuses that no operation names: another method than its own, a sender who stops, and our own faults."""


class Operation(NamedTuple):
    """An operation and what fits its path."""

    label: str
    method: str
    path: re.Pattern[str]
    responses: dict[str, Any]


class Description:
    """The description of an application, ready to be compared with what it answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.components = document["components"]
        self.operations: dict[tuple[str, int], list[Operation]] = {}
        paths = sorted(document["paths"], key=lambda path: (path.count("{"), path))  # plain ones first, as they are routed
        for path in paths:
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
            for method, described in document["paths"][path].items():
                one = Operation(f"{method.upper()} {path}", method.upper(), pattern, described["responses"])
                self.operations.setdefault((one.method, path.count("/")), []).append(one)
        self.validators: dict[tuple[str, int], Any] = {}

    def operation(self, method: str, path: str) -> Operation | None:
        found = self.operations.get((method, path.count("/")), ())
        return next((one for one in found if one.path.fullmatch(path)), None)

    def check(self, answer: httpx.Response) -> None:
        """Compare an answer, which has been read, with what is said of it."""
        request = answer.request
        operation = self.operation(request.method, request.url.raw_path.partition(b"?")[0].decode())
        if operation is None or answer.status_code in UNNAMED:
            return
        told = f"{operation.label} answers {answer.status_code}"
        described = operation.responses.get(str(answer.status_code))
        assert described is not None, f"{told}, which is not described: {answer.text[:300]}"
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if answer.content:
            assert kind in described.get("content", {}), f"{told} with {kind or 'a body'}, which is not described"
        if answer.content and kind.endswith("json"):
            errors = [error.message for error in self.validator(operation, answer.status_code, kind).iter_errors(answer.json())]
            assert not errors, f"{told} with what does not fit its description: {errors[:3]}"

    def validator(self, operation: Operation, status: int, kind: str) -> Any:
        found = self.validators.get((operation.label, status))
        if found is None:
            schema = operation.responses[str(status)]["content"][kind]["schema"]
            whole = {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "allOf": [schema],
                "components": self.components,
            }
            found = self.validators[operation.label, status] = jsonschema_rs.validator_for(whole, validate_formats=True)
        return found


KNOWN: dict[frozenset[str], Description] = {}
"""By the paths of the routes: making a description takes longer than most tests."""


def description_of(app: Litestar) -> Description:
    """Return the description of an application; those with the same routes share it."""
    paths = frozenset(route.path for route in app.routes)
    if paths not in KNOWN:
        KNOWN[paths] = Description(json.loads(openapi(app)))
    return KNOWN[paths]


def comparing(app: Litestar) -> dict[str, list[Any]]:
    """Return what makes a client of an application compare each answer with the description: its ``event_hooks``."""

    async def compare(answer: httpx.Response) -> None:
        await answer.aread()
        description_of(app).check(answer)

    return {"response": [compare]}
