"""Describes the HTTP application in OpenAPI 3.1, from the handlers' types, docstrings and declared parameters.

Schemas come from msgspec, which also decodes: closed objects, bounds and nullable fields read as they are enforced.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

from skillcore.runtime.examples import example_of
from skillcore.runtime.parameters import Parameter, declaration, parameters_of
from skillcore.runtime.portable import portable
from skillcore.runtime.refusals import MEDIA_TYPE, TYPE_PREFIX

__all__ = ["Adjust", "describe", "is_page", "refused"]

Adjust = Callable[[HTTPRouteHandler, dict[str, Any]], None]
"""Adds to an operation what its handler does not tell, such as who may use it."""

SCHEMAS = "#/components/schemas/{name}"
BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "description": "description",
}
ATTRIBUTES = re.compile(r"\n\s*Attributes:\n(?P<lines>.*?)(?=\n\s*\n|\Z)", re.DOTALL)
ATTRIBUTE = re.compile(r"^ *(?P<name>\w+): (?P<text>.*?)(?=^ *\w+: |\Z)", re.DOTALL | re.MULTILINE)
PHRASES = {
    200: "Done.",
    201: "Made.",
    202: "Accepted: it will be done.",
    204: "Done; there is nothing to tell.",
    400: "The request cannot be read; `field` names the parameter at fault.",
    401: "No credentials, or none that hold.",
    403: "Not allowed.",
    404: "It does not exist, or the caller may not know that it does.",
    409: "The state of things does not allow it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A field does not fit, which `field` names; or the request cannot be carried out.",
    429: "Too many requests: `Retry-After` says when to come again.",
    503: "Something the request needs does not answer now.",
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong, as in RFC 9457. Some types have further members.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "description": f"Stable: `{TYPE_PREFIX}` and a word.",
            "examples": [f"{TYPE_PREFIX}not-found"],
        },
        "title": {"type": "string", "examples": ["Not found"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {"type": "string", "examples": ["there is no such person, or not for you"]},
        "field": {
            "type": "string",
            "description": "The part of the request at fault.",
            "examples": ["requirements.contest_id"],
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def describe(
    app: Litestar, *, version: str, security: Mapping[str, Any], adjust: Adjust, description: str = ""
) -> dict[str, Any]:
    """Return the OpenAPI document of an application.

    Args:
        app: whose routes are described, but for those with ``include_in_schema=False``.
        version: of the API.
        security: the security schemes.
        adjust: called with each handler and its operation.
        description: of the whole, in Markdown.
    """
    found = [
        (route, handler)
        for route in sorted((route for route in app.routes if isinstance(route, HTTPRoute)), key=lambda route: route.path)
        for handler in route.route_handlers
        if handler.http_methods != {"OPTIONS"} and handler.resolve_include_in_schema()
    ]
    kinds = [kind for _, handler in found for kind in (_body_kind(handler), _answer_kind(handler)) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=SCHEMAS)
    remaining = iter(schemas)
    components = {name: _documented(schema) for name, schema in components.items()} | {"Problem": PROBLEM}
    paths: dict[str, dict[str, Any]] = {}
    for route, handler in found:
        body = next(remaining) if _body_kind(handler) is not None else None
        answer = next(remaining) if _answer_kind(handler) is not None else None
        operation = _operation(route, handler, body, answer, components)
        adjust(handler, operation)
        for method in sorted(handler.http_methods):
            paths.setdefault(route.path_format, {})[method.lower()] = operation
    described = {
        "openapi": "3.1.0",
        "info": {"title": "skillcore", "version": version, "description": description, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": dict(security),
            "responses": {"Problem": _content(MEDIA_TYPE, {"$ref": SCHEMAS.format(name="Problem")}, components, "A problem.")},
        },
    }
    return {name: portable(part) for name, part in described.items()}


def _operation(
    route: HTTPRoute, handler: HTTPRouteHandler, body: Any, answer: Any, components: Mapping[str, Any]
) -> dict[str, Any]:
    parameters = [_parameter(one) for one in parameters_of(handler, frozenset(route.path_parameters))]
    described: dict[str, Any] = {
        "operationId": handler.fn.__name__,
        "summary": handler.summary or handler.fn.__name__.replace("_", " "),
        "description": inspect.getdoc(handler.fn) or "",
        "tags": list(handler.resolve_tags() if hasattr(handler, "resolve_tags") else handler.tags or ()),
        "parameters": parameters,
        "responses": {str(handler.status_code): _answer(handler, handler.status_code, answer, components)},
    }
    for status, phrase in handler.opt.get("statuses", {}).items():
        shown = None if status in handler.opt.get("bodiless", ()) else answer
        described["responses"][str(status)] = _answer(handler, status, shown, components) | {"description": phrase}
    if body is not None:
        described["requestBody"] = _content("application/json", body, components) | {"required": True}
    refusals = {*_refusals(asked=bool(parameters), sent=body is not None), *handler.opt.get("refusals", ())}
    for status in sorted(refusals):
        described["responses"].setdefault(str(status), refused(status, page=is_page(handler)))
    described["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
    return described


def _refusals(*, asked: bool, sent: bool) -> set[int]:
    """Return with which statuses any operation may refuse: by what it is asked and what it is sent."""
    named = {404, 409, 422} if asked or sent else set()
    return {400, 429, 503} | named | ({401, 403, 413, 415} if sent else set())


def refused(status: int, *, page: bool = False) -> dict[str, Any]:
    """Return the description of a refusal with a status.

    Args:
        status: of it.
        page: whether the operation is for people's browsers, which may be told by a page.
    """
    content: dict[str, Any] = {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS.format(name="Problem")}}}
    if page:
        content["text/html"] = {"schema": {"type": "string"}}
    return {"description": PHRASES[status], "content": content}


def is_page(handler: HTTPRouteHandler) -> bool:
    """Tell whether an operation is for people's browsers."""
    return "html" in _media_type(handler)


def _media_type(handler: HTTPRouteHandler) -> str:
    return str(getattr(handler.media_type, "value", None) or handler.media_type or "application/json")


def _answer(handler: HTTPRouteHandler, status: int, schema: Any, components: Mapping[str, Any]) -> dict[str, Any]:
    phrase = PHRASES.get(status, "Done.")
    if schema is None:
        return {"description": phrase}
    return _content(_media_type(handler), schema, components, phrase)


def _content(media_type: str, schema: Any, components: Mapping[str, Any], phrase: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": schema}
    if "json" in media_type:
        body["example"] = example_of(schema, components)
    content: dict[str, Any] = {"content": {media_type: body}}
    return content if phrase is None else {"description": phrase} | content


def _parameter(parameter: Parameter) -> dict[str, Any]:
    field, declared = parameter.field, declaration(parameter.field)
    schema = dict(msgspec.json.schema(parameter.kind))
    text = ""
    if declared is not None:
        bounds = {BOUNDS[key]: value for key in BOUNDS if (value := getattr(declared, key)) is not None}
        text = bounds.pop("description", "")
        for branch in schema.get("anyOf", [schema]):
            branch.update(bounds)
    required = parameter.place == "path" or field.is_required
    described: dict[str, Any] = {"name": parameter.name, "in": parameter.place, "required": required, "schema": schema}
    if text:
        described["description"] = text
    if field.has_default and field.default is not None:
        schema["default"] = field.default
    return described


def _body_kind(handler: HTTPRouteHandler) -> Any:
    field = handler.parsed_data_field
    return None if field is None else field.annotation


def _answer_kind(handler: HTTPRouteHandler) -> Any:
    field = handler.parsed_return_field
    if field.is_subclass_of(Response):
        field = field.inner_types[0] if field.inner_types else FieldDefinition.from_annotation(None)
    return None if field.annotation is type(None) or field.annotation is None else field.annotation


def _documented(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Move what a docstring says of attributes to the properties themselves."""
    described = dict(schema)
    text = described.get("description", "")
    section = ATTRIBUTES.search(text)
    if section is None:
        return described
    described["description"] = text[: section.start()].strip()
    properties = {name: dict(inner) for name, inner in described.get("properties", {}).items()}
    for attribute in ATTRIBUTE.finditer(section["lines"] + "\n"):
        if attribute["name"] in properties:
            properties[attribute["name"]].setdefault("description", " ".join(attribute["text"].split()))
    described["properties"] = properties
    return described
