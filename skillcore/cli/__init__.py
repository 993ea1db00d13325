"""The ``skillcore`` command. Each module beside this one registers the command it is named after.

Exit codes that all commands share: 0 done, 1 done and something is wrong, 2 the command line or the configuration cannot be
used, 130 interrupted. Further ones stand in the command's own help.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from skillcore import __version__
from skillcore.cli.commands import Commands
from skillcore.plugin.manager import PluginsFailed
from skillcore.runtime.configuration import ConfigurationError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: the command line without the program's name, by default that of the process.
    """
    whole_process = arguments is None
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="skillcore", description="Checks work where it was done, keeps the evidence, and derives every score from it."
    )
    parser.add_argument("--version", action="version", version=f"skillcore {__version__}")
    commands = Commands(parser)
    with _loading(whole_process):
        for module in _modules(arguments):
            register = getattr(importlib.import_module(module), "register", None)
            if register is not None:
                register(commands)
    parsed = parser.parse_args(arguments)
    try:
        code = int(parsed.run(parsed))
        sys.stdout.flush()
    except (ConfigurationError, PluginsFailed) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader went away
        return 1
    finally:
        _drop_unread_words()
    return code


@contextmanager
def _loading(whole_process: bool) -> Iterator[None]:
    """Look for no garbage among modules, which stay to the end: neither while they are loaded, an eighth of it, nor later.

    Where a program calls `main`, what else it holds is its own affair.
    """
    if not whole_process or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _drop_unread_words() -> None:
    """Have nothing left to write where nobody reads: Python would complain of it at its end, and change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _modules(arguments: Sequence[str]) -> list[str]:
    """Return the module of the command that is asked for, or all: a command need not wait for, or break with, the others."""
    if arguments[:1] == ["--version"]:
        return []
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name != "commands"]
    asked = arguments[0].replace("-", "_") if arguments else ""
    return [f"{__name__}.{name}" for name in ([asked] if asked in names else names)]
