"""What an object and its package remember between two calls: a picture that tells whether anything there has changed."""

from __future__ import annotations

import dis
import random
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["changed", "home", "own_memory", "package_memory", "writer"]

DEPTH = 6
SHARED = ("skillcore", "tests")
"""Packages that hold many things; of these, the package below counts."""

Picture = Mapping[str, str]


def home(of: object) -> str:
    """Return the package in which a rule or formula lives."""
    parts = type(of).__module__.split(".")
    return ".".join(parts[: 2 if parts[0] in SHARED else 1])


def package_memory(of: object) -> Picture:
    """Return a picture of the global variables of an object's package, its classes and the defaults of its functions."""
    package = home(of)
    picture: dict[str, str] = {}
    for name, module in sorted(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for variable, value in list(vars(module).items()):
                if not variable.startswith("__") and not isinstance(value, ModuleType):
                    _into(picture, f"{name}.{variable}", value, name)
    return picture


def own_memory(of: object) -> Picture:
    """Return a picture of an object's attributes; what `functools.cached_property` keeps there doesn't count."""
    return {name: _shown(value, type(of).__module__, DEPTH) for name, value in _attributes(of).items()}


def changed(before: Picture, after: Picture) -> list[str]:
    """Return the names under which something changed, came or went."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def writer(name: str) -> str:
    """Return where a function assigns a global variable, as file and line; empty if none does, as when it is mutated."""
    module_name, _, variable = name.rpartition(".")
    module = sys.modules.get(module_name)
    for code in _codes(module) if module is not None else ():
        for step in dis.get_instructions(code):
            if step.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"} and step.argval == variable:
                line = next((line for start, end, line in code.co_lines() if start <= step.offset < end), None)
                return f"{code.co_filename}:{line or code.co_firstlineno} in {code.co_qualname}"
    return ""


def _codes(module: ModuleType) -> Iterator[CodeType]:
    for value in list(vars(module).values()):
        members = vars(value).values() if isinstance(value, type) else (value,)
        for member in members:
            function = getattr(member, "__func__", member)
            if isinstance(function, FunctionType):
                yield from _within(function.__code__)


def _within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _within(constant)


def _into(picture: dict[str, str], name: str, value: object, module: str) -> None:
    """Add what a global variable remembers: itself, or what its class or function keeps."""
    if isinstance(value, type):
        if value.__module__ == module:
            for attribute, member in list(vars(value).items()):
                if not attribute.startswith(("__", "_abc_")):
                    _into(picture, f"{name}.{attribute}", member, module)
        return
    function = getattr(value, "__func__", value)
    if isinstance(function, FunctionType):
        if function.__module__ == module:
            _of_function(picture, name, function)
        return
    picture[name] = _shown(value, module, DEPTH)


def _of_function(picture: dict[str, str], name: str, function: FunctionType) -> None:
    for what, kept in (
        ("defaults", function.__defaults__),
        ("keywords", function.__kwdefaults__),
        ("attributes", vars(function)),
    ):
        if kept:
            picture[f"{name}() {what}"] = _shown(kept, function.__module__, DEPTH)
    for free, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            picture[f"{name}() {free}"] = _shown(cell.cell_contents, function.__module__, DEPTH)
        except ValueError:  # not assigned yet
            continue


def _attributes(of: object) -> Mapping[str, object]:
    cached = {name for kind in type(of).__mro__ for name, value in vars(kind).items() if isinstance(value, cached_property)}
    return {name: value for name, value in getattr(of, "__dict__", {}).items() if name not in cached}


def _shown(value: Any, module: str, depth: int) -> str:
    """Return a text that changes when a value does."""
    if depth == 0:
        return "…"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _of_container(value, module, depth - 1)
    if isinstance(value, random.Random):
        return str(hash(value.getstate()))
    own = type(value).__module__.partition(".")[0] == module.partition(".")[0]
    if own and "__repr__" not in {name for kind in type(value).__mro__[:-1] for name in vars(kind)}:
        return f"{type(value).__qualname__} {_shown(_attributes(value), module, depth - 1)}"
    return repr(value)


def _of_container(value: Any, module: str, depth: int) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_shown(item, module, depth)}' for key, item in list(value.items()))}}}"
    items = [_shown(item, module, depth) for item in list(value)]
    return str(sorted(items) if isinstance(value, set | frozenset) else items)
