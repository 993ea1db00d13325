"""How commands print what others wrote: a server's words may hold anything, and a terminal obeys some of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["as_json", "plain"]


def plain(text: object) -> str:
    """Return a text for one line of a terminal, with everything that steers it written out."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(text))


def as_json(value: Mapping[str, Any]) -> str:
    """Return a value, Structs inside included, as JSON in plain ASCII, which every terminal and pipe can carry."""
    return json.dumps(msgspec.to_builtins(value), indent=2)
