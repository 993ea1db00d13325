"""Makes an example for a JSON schema: of the examples of its fields where there are any, else of plain values that fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["example_of"]

FORMATS = {
    "uuid": "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10",
    "date-time": "2026-03-01T09:30:00Z",
    "date": "2026-03-01",
    "duration": "PT1H",
    "uri": "https://example.org/",
}
PLAIN: Mapping[str, Any] = {"boolean": True, "null": None, "string": "text"}
DEEPEST = 12


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value that fits a schema.

    Args:
        schema: as msgspec makes it.
        components: what ``$ref`` names, by the last part of it.
        depth: of the value in the whole; a type that contains itself ends somewhere.
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return None if depth > DEEPEST else example_of(components[name], components, depth + 1)
    if "const" in schema:
        return schema["const"]
    if given := schema.get("examples") or schema.get("enum"):
        return given[0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components, depth + 1)
    return _plain(schema, components, depth)


def _plain(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, components, depth)
        case "array":
            return _array(schema, components, depth)
        case "integer" | "number":
            return _number(schema)
        case str() as kind:
            return FORMATS.get(schema.get("format", ""), PLAIN[kind])
    return {}


def _object(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int) -> dict[str, Any]:
    return {name: example_of(inner, components, depth + 1) for name, inner in schema.get("properties", {}).items()}


def _array(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int) -> list[Any]:
    if "prefixItems" in schema:
        return [example_of(inner, components, depth + 1) for inner in schema["prefixItems"]]
    items = schema.get("items")
    if not isinstance(items, Mapping) or depth > DEEPEST:
        return []
    return [example_of(items, components, depth + 1)] * max(1, schema.get("minItems", 1))


def _number(schema: Mapping[str, Any]) -> float:
    least: float = schema.get("minimum", 1)
    most: float = schema.get("maximum", max(1, least))
    return min(max(1, least), most)
