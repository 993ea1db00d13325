"""How a command is added, and what commands have in common: the option ``--config``, the loaded configuration, the log."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import msgspec

from skillcore.plugin.manager import Plugins
from skillcore.runtime.configuration import Configuration, ConfigurationError, load
from skillcore.runtime.settings import LogSettings
from skillcore.runtime.topic_files import problems

__all__ = ["Commands", "Run", "configuration", "for_people", "plugins"]

Run = Callable[[argparse.Namespace], int]
"""What a command does; returns the exit code."""


class Commands:
    """Takes commands. A module of `skillcore.cli` gets it in its ``register(commands)``."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(self, name: str, run: Run, *, summary: str, details: str = "") -> argparse.ArgumentParser:
        """Add a command and return its parser, for further options.

        Args:
            name: as typed.
            run: called with the parsed options.
            summary: one line, for the list of commands.
            details: for the command's own help, such as its exit codes.
        """
        parser = self._parsers.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=details or None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--config", metavar="FILE", default=None, help="the configuration file (else SKILLCORE_CONFIG)")
        parser.set_defaults(run=run)
        return parser

    def group(self, name: str, *, summary: str) -> Commands:
        """Add a command that only has commands under it, and return what takes those."""
        return Commands(self._parsers.add_parser(name, help=summary, description=summary))


def configuration(options: argparse.Namespace) -> Configuration:
    """Load the configuration that the command line asks for, and look into the file of topics that it names.

    Raises:
        ConfigurationError: ends the command with exit code 2.
    """
    loaded = load(options.config)
    if wrong := problems(loaded.settings.verification.topics_file):
        raise ConfigurationError(wrong)
    return loaded


def plugins(loaded: Configuration, *, strict: bool | None = None) -> Plugins:
    """Load the plugins as configured.

    Args:
        loaded: the configuration.
        strict: overrides ``plugins.strict``; commands that look at failures pass False.

    Raises:
        PluginsFailed: ends the command with exit code 2.
    """
    settings = loaded.settings.plugins
    return Plugins.load(
        allow=settings.allow,
        block=settings.block,
        strict=settings.strict if strict is None else strict,
        sections=settings.sections,
    )


def for_people(settings: LogSettings) -> LogSettings:
    """Return how a command logs that people run and watch: as text, to them alone, and no everyday news unless they debug."""
    level = "warning" if settings.level == "info" else settings.level
    return msgspec.structs.replace(settings, format="text", directory="", level=level)
