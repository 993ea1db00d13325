"""The public surface of the contract as text: every name that plugins may use, with its shape.

``python -m tests.plugin.surface "What changed."`` writes ``surface.txt`` anew, adds the words to the contract's section of
the changelog, and the mark of the surface with them. Without words it shows what would change. ``--told`` says that an entry
of a version not released yet tells of it already.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from skillcore.plugin.hookspecs import HookSpecs

ROOT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).with_name("surface.txt")
CHANGELOG = ROOT / "CHANGELOG.md"
MODULES = ("skillcore.plugin", "skillcore.testing")

WIDTH = 120

_WHOLE_WORDS: Any = {"break_long_words": False, "break_on_hyphens": False}
_MARK = re.compile(r"^Surface: `([0-9a-f]{12})`$", re.MULTILINE)
_VERSION = re.compile(r"^### (.+)$", re.MULTILINE)


def describe() -> str:
    """Return the surface as it is."""
    lines: list[str] = []
    for name in MODULES:
        lines += _module(importlib.import_module(name))
    lines += ["", "# hooks"]
    for name, hook in vars(HookSpecs).items():
        if name.startswith("skillcore_"):
            lines += ["", f"hook {name}{_signature(hook)}"]
    return "\n".join(lines).lstrip("\n") + "\n"


def mark(surface: str) -> str:
    """Return what the changelog calls a surface."""
    return hashlib.sha256(surface.encode()).hexdigest()[:12]


def newest(changelog: str) -> tuple[str, str]:
    """Return heading and text of the newest version of the contract in the changelog."""
    (_, after) = re.split(r"^## Contract$", changelog, maxsplit=1, flags=re.MULTILINE)
    section = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0]
    heading = _VERSION.search(section)
    if heading is None:
        raise LookupError("the changelog has no version of the contract")
    return heading[1], _VERSION.split(section)[2]


def marked(changelog: str) -> str:
    """Return the mark in the newest version of the contract, or nothing."""
    found = _MARK.search(newest(changelog)[1])
    return found[1] if found else ""


def entered(changelog: str, words: str, surface: str) -> str:
    """Return the changelog with an entry, if there are words, and the mark of the surface."""
    _, text = newest(changelog)
    bare = _MARK.sub("", text).strip("\n")
    entry = f"\n{textwrap.fill(f'- {words}', WIDTH, subsequent_indent='  ', **_WHOLE_WORDS)}" if words else ""
    return changelog.replace(text, f"\n\n{bare}{entry}\n\nSurface: `{mark(surface)}`\n\n", 1)


def _module(module: ModuleType) -> Iterator[str]:
    yield from ("", f"# {module.__name__}")
    for name in sorted(module.__all__):
        yield ""
        yield from _thing(name, getattr(module, name))


def _thing(name: str, thing: Any) -> Iterator[str]:
    if isinstance(thing, type) and issubclass(thing, msgspec.Struct):
        yield f"struct {name}({', '.join(_bases(thing))}){_options(thing)}"
        yield from _fields(thing)
        yield from _members(thing, without=thing.__struct_fields__)
    elif isinstance(thing, type):
        yield f"class {name}({', '.join(_bases(thing))})"
        yield from _members(thing)
    elif inspect.isroutine(thing):
        yield f"{_kind(thing)} {name}{_signature(thing)}"
    elif hasattr(thing, "_get_wrapped_function"):  # a fixture of pytest
        yield f"fixture {name}{_signature(thing._get_wrapped_function())}"
    elif isinstance(thing, str | int | float):
        yield f"{name} = {_value(thing)}"
    else:
        yield f"{name}: {_value(thing)}"


def _bases(kind: type) -> list[str]:
    """Return the bases by name; one that has no public name itself stands for what it is made of."""
    written = getattr(kind, "__orig_bases__", kind.__bases__) if "__orig_bases__" in vars(kind) else kind.__bases__
    names: list[str] = []
    for base in written:
        names += _bases(base) if _hidden(base) else [_value(base)]
    return list(dict.fromkeys(names))


def _hidden(kind: Any) -> bool:
    """Tell whether a class belongs to skillcore and is public nowhere: then its members stand with its subclass."""
    name = getattr(kind, "__name__", "")
    if not isinstance(kind, type) or not kind.__module__.startswith("skillcore."):
        return False
    return not any(getattr(importlib.import_module(module), name, None) is kind for module in MODULES)


def _options(kind: type[msgspec.Struct]) -> str:
    config = kind.__struct_config__
    options = [word for word in ("frozen", "forbid_unknown_fields") if getattr(config, word)]
    parameters = inspect.signature(kind).parameters.values()
    if parameters and all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters):
        options.append("kw_only")
    if config.tag is not None:
        options.append(f"{config.tag_field}={_value(config.tag)}")
    return "".join(f" {option}" for option in options)


def _fields(kind: type[msgspec.Struct]) -> Iterator[str]:
    written = {name: text for base in reversed(kind.__mro__) for name, text in vars(base).get("__annotations__", {}).items()}
    for field in msgspec.structs.fields(kind):
        default = ""
        if field.default is not msgspec.NODEFAULT:
            default = f" = {_value(field.default)}"
        elif field.default_factory is not msgspec.NODEFAULT:
            default = f" = {_value(field.default_factory)}()"
        yield f"    {field.name}: {_annotation(written[field.name])}{default}"


def _members(kind: type, without: tuple[str, ...] = ()) -> Iterator[str]:
    yield from _own_members(kind, without)
    if kind.__module__.startswith("skillcore.testing"):
        for base in kind.__mro__[1:]:
            if base.__module__.startswith("skillcore.testing") and _hidden(base):
                yield from _own_members(base)


def _own_members(kind: type, without: tuple[str, ...] = ()) -> Iterator[str]:
    for name, annotation in vars(kind).get("__annotations__", {}).items():
        if not name.startswith("_") and name not in without:
            value = vars(kind).get(name, inspect.Parameter.empty)
            default = "" if value is inspect.Parameter.empty else f" = {_value(value)}"
            yield f"    {name}: {_annotation(annotation)}{default}"
    for name, member in vars(kind).items():
        if name == "__init__" and not getattr(kind, "_is_protocol", False) and not issubclass(kind, msgspec.Struct):
            yield f"    def {name}{_signature(member)}"
        elif name.startswith("_") or name in without or name in vars(kind).get("__annotations__", {}):
            continue
        elif isinstance(member, property):
            yield f"    property {name}{_signature(member.fget)}"
        elif isinstance(member, classmethod | staticmethod):
            yield f"    {type(member).__name__} {name}{_signature(member.__func__)}"
        elif inspect.isfunction(member):
            abstract = "abstract " if getattr(member, "__isabstractmethod__", False) else ""
            yield f"    {abstract}{_kind(member)} {name}{_signature(member)}"
        elif hasattr(member, "_get_wrapped_function"):
            yield f"    fixture {name}{_signature(member._get_wrapped_function())}"
        elif not callable(member):
            yield f"    {name} = {_value(member)}"


def _kind(function: Any) -> str:
    return "async def" if inspect.iscoroutinefunction(function) else "def"


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(default=_shown(parameter.default, _value), annotation=_shown(parameter.annotation, _annotation))
        for parameter in signature.parameters.values()
    ]
    returns = _shown(signature.return_annotation, _annotation)
    return str(signature.replace(parameters=parameters, return_annotation=returns))


class _Shown:
    """Something in a signature that shows itself as it is written here."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _shown(value: object, write: Callable[[Any], str]) -> Any:
    return value if value is inspect.Signature.empty else _Shown(write(value))


def _annotation(annotation: object) -> str:
    return annotation.replace("'", '"') if isinstance(annotation, str) else _value(annotation)


def _value(value: object) -> str:
    """Write a value without anything that differs from one process, or one Python, to the next."""
    if (isinstance(value, type) and not hasattr(value, "__origin__")) or inspect.isroutine(value):
        return str(value.__qualname__)
    if isinstance(value, msgspec.Struct) and _hidden(type(value)):
        return f"{type(value).__qualname__}(…)"
    text = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", ascii(value))
    text = re.sub(r"ForwardRef\('(\w+)'\)", r"\1", text)
    return re.sub(r" at 0x[0-9a-f]+", "", text).replace("'", '"')


def main() -> int:
    """Show or write the surface."""
    parser = argparse.ArgumentParser(prog="python -m tests.plugin.surface", description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="?", default="", help="what changed, for the changelog")
    parser.add_argument("--told", action="store_true", help="an entry of the unreleased version tells of it already")
    options = parser.parse_args()
    surface, changelog = describe(), CHANGELOG.read_text(encoding="utf-8")
    before = SNAPSHOT.read_text(encoding="utf-8") if SNAPSHOT.exists() else ""
    if surface == before and marked(changelog) == mark(surface):
        print("The surface is as it was.")
        return 0
    sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), surface.splitlines(True), "before", "after"))
    if not options.words and not options.told:
        print('\nNothing is written. Say what changed: python -m tests.plugin.surface "Added: …"')
        return 1
    if "unreleased" not in newest(changelog)[0]:
        print(f"\nContract {newest(changelog)[0]} is released: begin the next version in CHANGELOG.md, and raise CONTRACT.")
        return 1
    SNAPSHOT.write_text(surface, encoding="utf-8")
    CHANGELOG.write_text(entered(changelog, options.words, surface), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
