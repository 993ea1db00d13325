"""Puts the settings together: defaults, under a TOML file, under the environment; says in full what does not fit.

Variables of the environment are called ``SKILLCORE__SECTION__KEY``, in any case. Text stands as it is, everything else as
JSON. A table given as JSON is laid over the one below it, key by key.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from skillcore.plugin.manager import RESERVED
from skillcore.plugin.sections import Misfit, Text, defaults_of, merged, misfits, nearest, settled
from skillcore.runtime.bundled import bundled
from skillcore.runtime.combinations import impossible
from skillcore.runtime.settings import PluginSettings, ResilienceSettings, Settings

__all__ = ["Configuration", "ConfigurationError", "Layer", "load"]

FILE_VARIABLE = "SKILLCORE_CONFIG"
PREFIX = "SKILLCORE__"
PLACES = (Path("config/skillcore.toml"), Path("skillcore.toml"))
DEFAULT_FILE = "config/skillcore.toml"
WORDS = {"url": "URL", "owner_url": "URL", "password": "password"}


class ConfigurationError(Exception):
    """The configuration cannot be used.

    Attributes:
        problems: one line each: where it stands, what was found, and what is allowed.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Layer(Struct, frozen=True):
    """Values from one place.

    Attributes:
        kind: what sort of place.
        place: the path of the file, or the name of the variable.
        table: the values by section and key.
    """

    kind: Literal["default", "file", "environment"]
    place: str
    table: Mapping[str, Any]

    def holds(self, keys: Sequence[str]) -> bool:
        """Tell whether this place sets a value."""
        value: Any = self.table
        for key in keys:
            value = value.opened() if isinstance(value, Text) else value
            if not isinstance(value, Mapping):
                return True
            if key not in value:
                return False
            value = value[key]
        return True


class Configuration(Struct, frozen=True, kw_only=True):
    """The settings, and where each comes from.

    Attributes:
        settings: the whole, checked but for the plugins' sections: those their plugins check.
        file: the file that was read.
        layers: what the settings are made of, from the lowest to the highest.
    """

    settings: Settings
    file: Path
    layers: tuple[Layer, ...]

    def origin(self, *keys: str) -> Layer:
        """Return the layer that a value comes from, such as ``origin("plugins", "github", "server", "url")``."""
        return _origin(self.layers, keys)


def load(file: str | Path | None = None, *, environ: Mapping[str, str] | None = None) -> Configuration:
    """Load the configuration.

    Args:
        file: the file to read; without it the one that SKILLCORE_CONFIG names, else ``config/skillcore.toml`` or
            ``skillcore.toml`` in the working directory, else the one that came with the package.
        environ: the environment, by default that of the process.

    Raises:
        ConfigurationError: names everything that does not fit.
    """
    environ = os.environ if environ is None else environ
    path = _find(file, environ)
    layers = (Layer("default", "", _defaults()), Layer("file", str(path), _read(path)), *_variables(environ))
    settings = _settings(layers)
    layers = (*layers, *_secrets(settings, layers))
    settings = _settings(layers)
    problems = [_line(layers, Misfit(found.keys, found.found, found.allowed)) for found in impossible(settings)]
    if problems:
        raise ConfigurationError(problems)
    return Configuration(settings=settings, file=path, layers=layers)


def _defaults() -> dict[str, Any]:
    table = defaults_of(Settings)
    del table["plugins"]["sections"]
    return table


def _find(file: str | Path | None, environ: Mapping[str, str]) -> Path:
    if file is not None:
        return Path(file)
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE])
    for place in PLACES:
        if place.is_file():
            return place
    try:
        return bundled(DEFAULT_FILE)
    except FileNotFoundError as error:
        raise ConfigurationError([str(error)]) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"{path}: the configuration file cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"{path}: found bytes that are not UTF-8 at position {error.start}; allowed: TOML in UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"{path}: not TOML: {error}"
    raise ConfigurationError([problem])


def _variables(environ: Mapping[str, str]) -> Iterator[Layer]:
    """Yield a layer for each variable; shorter names first, so that a key stands above a table given as JSON."""
    seen: dict[tuple[str, ...], str] = {}
    names = (name for name in environ if name.upper().startswith(PREFIX))
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        keys = _keys(name)
        if not all(keys):
            raise ConfigurationError([f"{name}: found a variable that names no setting; allowed: {PREFIX}SECTION__KEY"])
        if keys in seen:
            raise ConfigurationError([f"{name}: found the same setting as in {seen[keys]}; allowed: one of the two"])
        seen[keys] = name
        table: Any = Text(environ[name])
        for key in reversed(keys):
            table = {key: table}
        yield Layer("environment", name, table)


def _keys(name: str) -> tuple[str, ...]:
    """Split a variable's name into keys. Names under ``env`` keep their case: programs tell them apart."""
    keys: list[str] = []
    for part in name[len(PREFIX) :].split("__"):
        keys.append(part if keys[-1:] == ["env"] else part.lower())
    return tuple(keys)


def _secrets(settings: Settings, layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield the values that stand in files of their own: ``url_file`` holds what ``url`` would."""
    usual = Settings()
    for section, key in (("database", "url"), ("database", "owner_url"), ("mail", "password")):
        keys = (section, f"{key}_file")
        file = getattr(getattr(settings, section), keys[1])
        if not file:
            continue
        if getattr(getattr(settings, section), key) != getattr(getattr(usual, section), key):
            allowed = f"nothing, because {section}.{key} is set as well"
            raise ConfigurationError([_line(layers, Misfit(keys, repr(file), allowed))])
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            misfit = Misfit(keys, f"{file!r} ({why})", f"a file with the {WORDS[key]}")
            raise ConfigurationError([_line(layers, misfit)]) from error
        yield Layer("file", file, {section: {key: secret}})


def _settings(layers: Sequence[Layer]) -> Settings:
    """Join the layers and give them their types.

    Raises:
        ConfigurationError: keys or values do not fit.
    """
    table: dict[str, Any] = {}
    for layer in layers:
        table = merged(table, layer.table)
    sections: dict[str, Any] = {}
    if isinstance(plugins := table["plugins"], Mapping):
        table["plugins"] = {key: value for key, value in plugins.items() if key in _PLUGIN_KEYS}
        sections = {key: _section(value) for key, value in plugins.items() if key not in _PLUGIN_KEYS}
    table = settled(table, Settings)
    problems = [_line(layers, misfit) for misfit in (*misfits(table, Settings), *_section_misfits(sections))]
    if problems:
        raise ConfigurationError(problems)
    settings = msgspec.convert(table, Settings)
    return msgspec.structs.replace(settings, plugins=msgspec.structs.replace(settings.plugins, sections=sections))


def _section(value: object) -> Any:
    """Return a plugin's section with its limits settled; the rest keeps its texts until the plugin gives it types."""
    section = value.opened() if isinstance(value, Text) else value
    if isinstance(section, Mapping) and RESERVED in section:
        return {**section, RESERVED: settled(section[RESERVED], ResilienceSettings)}
    return section


_PLUGIN_KEYS = tuple(field.name for field in msgspec.structs.fields(PluginSettings) if field.name != "sections")


def _section_misfits(sections: Mapping[str, Any]) -> Iterator[Misfit]:
    """Yield what is wrong with the plugins' sections as far as the engine can tell: each is a table, with its limits."""
    for name, section in sections.items():
        if not isinstance(section, Mapping):
            allowed = f"{', '.join(_PLUGIN_KEYS)}, or the table of a plugin{nearest(name, _PLUGIN_KEYS)}"
            yield Misfit(("plugins", name), "a key that no setting has", allowed)
        elif RESERVED in section:
            yield from misfits(section[RESERVED], ResilienceSettings, ("plugins", name, RESERVED))


def _line(layers: Sequence[Layer], misfit: Misfit) -> str:
    layer = _origin(layers, misfit.path)
    *section, key = misfit.path or ("",)
    where = f"[{'.'.join(section)}] {key}" if section else key
    json = ", as JSON" if layer.kind == "environment" and misfit.allowed.startswith(("a list", "a table")) else ""
    return f"{layer.place or 'the defaults'}: {where}: found {misfit.found}; allowed: {misfit.allowed}{json}"


def _origin(layers: Sequence[Layer], keys: Sequence[str]) -> Layer:
    return next((layer for layer in reversed(layers) if layer.holds(keys)), layers[0])
