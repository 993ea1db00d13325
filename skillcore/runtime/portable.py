"""Writes JSON Schemas so that whoever reads them, in whatever language, takes them as they are enforced here."""

from __future__ import annotations

from typing import Any

__all__ = ["portable"]


def portable(schema: Any) -> Any:
    r"""Write the end of each pattern as JSON Schema does, whose expressions are those of ECMA-262.

    The end of a text is `$` there, and not also before a last newline as in Python, where it is ``\Z``.
    """
    if isinstance(schema, dict):
        return {
            name: value.replace(r"\Z", "$") if name == "pattern" and isinstance(value, str) else portable(value)
            for name, value in schema.items()
        }
    return [portable(one) for one in schema] if isinstance(schema, list | tuple) else schema
