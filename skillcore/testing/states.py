"""What an object remembers: its attributes, its classes' and its package's, flat, so that two moments can be compared."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from typing import Any

from msgspec import Struct

__all__ = ["changes_between", "memory_of"]

PLAIN = (str, bytes, int, float, complex, bool, type(None), date, datetime, time, timedelta)
DEEPEST = 20


def memory_of(item: object) -> dict[str, str]:
    """Return everything that an object of a plugin can remember between two calls, by where it is kept.

    That is the object's attributes, those of its classes, and the globals of its package's modules; inside them, the parts of
    containers, of Structs, and of the package's own objects. Functions, modules and foreign objects count by identity.
    """
    package = type(item).__module__.partition(".")[0]
    kept: dict[str, str] = {}
    for where, value in _roots(item, package):
        kept.update(_flat(value, where, package, frozenset(), 0))
    return kept


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Say what differs between two memories, one line each."""
    return [
        f"{where} was {before.get(where, 'absent')[:80]} and is {after.get(where, 'absent')[:80]}"
        for where in sorted(before.keys() | after.keys())
        if before.get(where) != after.get(where)
    ]


def _roots(item: object, package: str) -> Iterator[tuple[str, object]]:
    yield "self", item
    for kind in type(item).__mro__:
        if kind.__module__.partition(".")[0] == package:
            for name, value in vars(kind).items():
                if not name.startswith("__") and name != "_abc_impl":
                    yield f"{kind.__name__}.{name}", value
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] == package:
            for name, value in list(vars(module).items()):
                if not name.startswith("__") and not isinstance(value, type):
                    yield f"{module_name}.{name}", value


def _flat(value: object, where: str, package: str, above: frozenset[int], depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, PLAIN):
        yield where, f"{value!a}"
        return
    parts = None if id(value) in above or depth > DEEPEST else _parts(value, package)
    if parts is None:
        yield where, f"{type(value).__name__} at {id(value):#x}"
        return
    yield where, f"{type(value).__name__} with {len(parts)} parts"
    for name, part in parts.items():
        yield from _flat(part, f"{where}{name}", package, above | {id(value)}, depth + 1)


def _parts(value: object, package: str) -> dict[str, Any] | None:
    """Return what a value consists of; None for what counts as one thing."""
    if isinstance(value, Mapping):
        return {f"[{key!a}]": inner for key, inner in list(value.items())}
    if isinstance(value, list | tuple | deque):
        return {f"[{place}]": inner for place, inner in enumerate(list(value))}
    if isinstance(value, AbstractSet):
        return {f"{{{key!a}}}": True for key in list(value)}
    if isinstance(value, Struct):
        return {f".{name}": getattr(value, name) for name in value.__struct_fields__ if hasattr(value, name)}
    if type(value).__module__.partition(".")[0] == package and not isinstance(value, type) and not callable(value):
        slots = {name: getattr(value, name) for name in _slots(value) if hasattr(value, name)}
        return {f".{name}": inner for name, inner in {**slots, **getattr(value, "__dict__", {})}.items()}
    return None


def _slots(value: object) -> list[str]:
    found: list[str] = []
    for kind in type(value).__mro__:
        named = kind.__dict__.get("__slots__", ())
        found += [named] if isinstance(named, str) else list(named)
    return [name for name in found if not name.startswith("__")]
