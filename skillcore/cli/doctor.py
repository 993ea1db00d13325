"""``skillcore doctor``: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator

from skillcore.cli.commands import Commands, configuration, plugins
from skillcore.cli.config import setting_errors, setting_warnings
from skillcore.cli.diagnosis import databases, files, machine, network, programs
from skillcore.cli.diagnosis.report import Check, Diagnosis, bad, fine, odd, side_by_side, within
from skillcore.cli.printing import as_json, plain
from skillcore.plugin.manager import Plugins
from skillcore.runtime.configuration import Configuration, ConfigurationError
from skillcore.runtime.logins import EMBEDDED
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.outbound import Network
from skillcore.runtime.settings import LogSettings

__all__ = ["register"]

PATIENCE = 20.0
"""Seconds for the configuration, for the plugins, and for all other checks together."""

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "doctor",
        run,
        summary="look for everything that keeps skillcore from serving well here, and say what to do; changes nothing",
        details="exit codes: 0 nothing fails, perhaps with warnings; 1 something fails: skillcore would not start, would lose\n"
        "work or would leak secrets. No check takes longer than 20 seconds.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Look at everything, and print it."""
    # Failed plugins are among what is printed; there is no need to log them too.
    configure_logging(LogSettings(level="error", format="text"), io.StringIO())
    said = examine(options)
    if options.json:
        counts = {status: sum(one.status == status for one in said) for status in MARKS}
        print(as_json({"checks": said, **counts}))
    else:
        print("\n".join(_lines(said)))
    return 1 if any(one.status == "fail" for one in said) else 0


def examine(options: argparse.Namespace) -> list[Diagnosis]:
    """Return what all checks say, those of the machine first; each is bounded in time."""
    loaded, first = _configuration(options)
    is_embedded = loaded is None or loaded.settings.database.url == EMBEDDED
    checks: list[Check] = [
        ("python", machine.python),
        ("account", lambda: machine.account(embedded=is_embedded)),
        ("clock", machine.clock),
        ("encoding", machine.encoding),
        ("open files", machine.open_files),
        *([("shared memory", machine.shared_memory)] if is_embedded else []),
    ]
    if loaded is None:
        return [*side_by_side(checks, PATIENCE), *first]
    found, second = _plugins(loaded)
    checks += _configured(loaded)
    if found is not None:
        checks += _offered(loaded, found)
    said = side_by_side(checks, PATIENCE)
    return [*said[:1], *first, *second, *said[1:]]


def _configuration(options: argparse.Namespace) -> tuple[Configuration | None, list[Diagnosis]]:
    try:
        loaded = within(PATIENCE, lambda: configuration(options))
    except TimeoutError:
        return None, [bad("configuration", f"it was not read within {PATIENCE:g} s", "look at the files that it names")]
    except ConfigurationError as error:
        return None, [bad("configuration", problem, "mend that line") for problem in error.problems]
    return loaded, [fine("configuration", f"{loaded.file} fits")]


def _plugins(loaded: Configuration) -> tuple[Plugins | None, list[Diagnosis]]:
    try:
        found = within(PATIENCE, lambda: plugins(loaded, strict=False))
    except TimeoutError:
        remedy = "block them one by one in plugins.block to find which one hangs while it is imported"
        return None, [bad("plugins", f"they did not load within {PATIENCE:g} s", remedy)]
    return found, [*_states(loaded, found), *_settings(loaded, found)]


def _states(loaded: Configuration, found: Plugins) -> Iterator[Diagnosis]:
    say = bad if loaded.settings.plugins.strict else odd
    for plugin in found.plugins:
        if plugin.state == "failed":
            remedy = f"mend what it names, install another release of {plugin.distribution}, or name it in plugins.block"
            yield say("plugins", f"{plugin.name} ({plugin.from_whom}) does not load: {plugin.error}", remedy)
    active = [plugin.name for plugin in found.plugins if plugin.state == "active"]
    yield fine("plugins", f"active: {', '.join(active)}")


def _settings(loaded: Configuration, found: Plugins) -> Iterator[Diagnosis]:
    for error in setting_errors(loaded, found):
        yield bad("configuration", error, "set what is allowed")
    for warning in setting_warnings(loaded, found):
        yield odd("configuration", warning, "install the plugin, or take its name out")


def _configured(loaded: Configuration) -> list[Check]:
    settings = loaded.settings
    return [
        ("data_dir", lambda: files.data_directory(settings)),
        ("signing keys", lambda: files.signing_keys(settings)),
        ("sealing keys", lambda: files.sealing_keys(settings)),
        ("port", lambda: network.port(settings)),
        ("bind", lambda: network.bind(settings)),
        ("certificate", lambda: network.certificate(settings)),
        ("embedded PostgreSQL", lambda: databases.own_server(settings)),
        ("database", lambda: databases.database(settings)),
        ("clocks", lambda: databases.clocks(settings)),
    ]


def _offered(loaded: Configuration, found: Plugins) -> list[Check]:
    return [
        ("secrets", lambda: files.secrets(loaded, found)),
        ("servers", lambda: programs.servers(found, Network(loaded.settings.outbound.allow))),
        ("node", lambda: programs.node(found)),
    ]


def _lines(said: list[Diagnosis]) -> Iterator[str]:
    for one in said:
        yield f"{MARKS[one.status]}  {one.check}: {plain(one.found)}"
        if one.remedy:
            yield f"      -> {plain(one.remedy)}"
    fails, warns = (sum(one.status == status for one in said) for status in ("fail", "warn"))
    yield f"{fails} to mend, {warns} to consider" if fails or warns else "all is well"
