"""Whether a plugin's types can be relied on: marked as typed, complete, and sound where mypy is installed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from skillcore.cli.checking.lines import Finding, failed, passed
from skillcore.cli.checking.subject import Subject

__all__ = ["typed", "unannotated"]

PATIENCE = 300.0
"""Seconds for mypy."""

SHOWN = 3


def typed(subject: Subject) -> Finding:
    """Look for ``py.typed``, for functions without types, and for what mypy says in its strict mode."""
    package = subject.package
    if package is None:
        return failed("its package cannot be found", "install it again")
    if not package.is_dir():
        return failed(
            f"{package.name} is a module, and only packages can be marked as typed", "make it a package with py.typed"
        )
    if not (package / "py.typed").is_file():
        return failed(f"{package.name} has no py.typed", f"add an empty file {package.name}/py.typed, and ship it")
    bare = list(unannotated(package))
    if bare:
        more = f" (and {len(bare) - SHOWN} more)" if len(bare) > SHOWN else ""
        return failed(f"without types: {', '.join(bare[:SHOWN])}{more}", "annotate every parameter and every result")
    if find_spec("mypy") is None:
        return passed("py.typed, and every function has types; mypy is not installed, so none were checked")
    return _checked(package)


def unannotated(package: Path) -> Iterator[str]:
    """Yield the functions of a package that lack a type, as file:line name."""
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _complete(node):
                yield f"{file.relative_to(package.parent)}:{node.lineno} {node.name}"


def _complete(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if positional and positional[0].arg in {"self", "cls"}:
        positional = positional[1:]
    named = [*positional, *arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
    result = function.returns is not None or (function.name == "__init__" and bool(named))
    return result and all(argument.annotation is not None for argument in named)


def _checked(package: Path) -> Finding:
    with tempfile.TemporaryDirectory() as place:
        # Its own configuration could excuse anything, and a cache beside the package is nothing to leave behind.
        options = ["--strict", "--config-file=", "--no-error-summary", "--no-color-output"]
        command = [sys.executable, "-m", "mypy", *options, package.name]
        environment = {"MYPY_CACHE_DIR": place} | os.environ  # whoever checks often has a place for it
        try:
            ran = subprocess.run(
                command,
                cwd=package.parent,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return failed(f"mypy did not end within {PATIENCE:g} s", f"run mypy --strict {package.name}")
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
    errors = [line for line in said if ": error:" in line] or (said if ran.returncode else [])
    if ran.returncode:
        more = f" (and {len(errors) - SHOWN} more)" if len(errors) > SHOWN else ""
        return failed(f"mypy --strict says {'; '.join(errors[:SHOWN])}{more}", f"run mypy --strict {package.name}, and mend")
    return passed("py.typed, every function has types, and mypy --strict finds nothing")
