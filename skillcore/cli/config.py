"""``skillcore config``: whether the configuration fits, what it amounts to, and where each value comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from skillcore.cli.commands import Commands, configuration, plugins
from skillcore.plugin.manager import RESERVED, Plugins
from skillcore.plugin.sections import nearest
from skillcore.runtime.configuration import Configuration, ConfigurationError, Layer
from skillcore.runtime.masking import masked

__all__ = ["leaves", "register", "setting_errors", "setting_warnings"]


class Shown(Struct, frozen=True):
    """A setting as ``config show`` prints it."""

    key: str
    value: Any
    kind: str
    place: str


def register(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("config", summary="check or show the configuration")
    check = group.add(
        "check",
        check_configuration,
        summary="say whether the configuration can be used",
        details="exit codes: 0 it can, perhaps with warnings; 1 it cannot, or a plugin cannot use its section",
    )
    show = group.add(
        "show",
        show_configuration,
        summary="print every setting with where it comes from, secrets hidden",
        details="exit codes: 0 shown, 2 the configuration cannot be used",
    )
    for parser in (check, show):
        parser.add_argument("--json", action="store_true", help="print JSON")


def check_configuration(options: argparse.Namespace) -> int:
    """Print what is wrong and what is odd."""
    errors: list[str] = []
    warnings: list[str] = []
    file = None
    try:
        loaded = configuration(options)
    except ConfigurationError as error:
        errors.extend(error.problems)
    else:
        file = str(loaded.file)
        found = plugins(loaded, strict=False)
        errors.extend(_errors(loaded, found))
        warnings.extend(setting_warnings(loaded, found))
    if options.json:
        print(json.dumps({"file": file, "errors": errors, "warnings": warnings}, indent=2))
    else:
        for line in (*(f"error: {error}" for error in errors), *(f"warning: {warning}" for warning in warnings)):
            print(line)
        if not errors:
            print(f"{file}: fine")
    return 1 if errors else 0


def show_configuration(options: argparse.Namespace) -> int:
    """Print every setting: the engine's and those of the active plugins."""
    loaded = configuration(options)
    shown = list(_shown(loaded, plugins(loaded, strict=False)))
    if options.json:
        settings = [{"key": one.key, "value": one.value, "from": one.kind, "place": one.place} for one in shown]
        print(json.dumps({"file": str(loaded.file), "settings": settings}, indent=2))
        return 0
    print(f"# {loaded.file}")
    for one in shown:
        print(f"{one.key} = {json.dumps(one.value, ensure_ascii=False)}  # {f'{one.kind} {one.place}'.strip()}")
    return 0


def _errors(loaded: Configuration, found: Plugins) -> Iterator[str]:
    for plugin in found.plugins:
        if plugin.state == "failed":
            yield f"plugin {plugin.name} ({plugin.from_whom}): {plugin.error}"
    yield from setting_errors(loaded, found)


def setting_errors(loaded: Configuration, found: Plugins) -> Iterator[str]:
    """Yield what settings name and is not there: a formula, a file with headers."""
    for role, formula in loaded.settings.formulas.items():
        if formula not in found.formulas:
            known = sorted(found.formulas)
            allowed = f"{', '.join(known) or 'no formula is loaded'}{nearest(formula, known)}"
            yield f"{loaded.origin('formulas', role).place}: [formulas] {role}: found {formula!r}; allowed: {allowed}"
    for plugin_name, section in sorted(loaded.settings.plugins.sections.items()):
        server = section.get("server")
        if isinstance(server, Mapping) and server.get("headers_file"):
            yield from _headers_file(loaded, plugin_name, str(server["headers_file"]))


def _headers_file(loaded: Configuration, plugin: str, file: str) -> Iterator[str]:
    place = loaded.origin("plugins", plugin, "server", "headers_file").place
    where = f"{place}: [plugins.{plugin}.server] headers_file"
    try:
        msgspec.json.decode(Path(file).read_bytes(), type=dict[str, str])
    except OSError as error:
        yield f"{where}: found {file!r} ({error.strerror}); allowed: a file with a JSON object of headers"
    except msgspec.DecodeError:
        yield f"{where}: found {file!r}, which is something else; allowed: a file with a JSON object of headers"


def setting_warnings(loaded: Configuration, found: Plugins) -> Iterator[str]:
    """Yield what settings say of plugins that are not installed."""
    settings = loaded.settings.plugins
    installed = sorted({plugin.name for plugin in found.plugins})
    for key, names in (("allow", settings.allow), ("block", settings.block)):
        for name in names:
            if name not in installed:
                place = loaded.origin("plugins", key).place
                yield f"{place}: [plugins] {key}: no plugin named {name} is installed{nearest(name, installed)}"
    for name in sorted(settings.sections):
        if name not in installed:
            place = loaded.origin("plugins", name).place
            yield f"{place}: [plugins.{name}]: no plugin of this name is installed{nearest(name, installed)}"


def _shown(loaded: Configuration, found: Plugins) -> Iterator[Shown]:
    table = msgspec.to_builtins(msgspec.structs.replace(loaded.settings, plugins=type(loaded.settings.plugins)()))
    own = loaded.settings.plugins
    table["plugins"] = {"allow": own.allow, "block": own.block, "strict": own.strict}
    for name, section in sorted(own.sections.items()):
        table["plugins"][name] = section
    for name, settings in found.settings.items():
        limits = {RESERVED: own.sections[name][RESERVED]} if RESERVED in own.sections.get(name, {}) else {}
        table["plugins"][name] = {**msgspec.to_builtins(settings), **limits}
    for keys, value in leaves(table, ()):
        layer = loaded.origin(*keys)
        yield Shown(".".join(keys), masked(keys, value, secret_file=_from_secret_file(layer, loaded)), layer.kind, layer.place)


def _from_secret_file(layer: Layer, loaded: Configuration) -> bool:
    return layer.kind == "file" and layer.place != str(loaded.file)


def leaves(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value of a table that is no table itself, with the keys that lead to it."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*keys, str(key)))
    else:
        yield keys, value
