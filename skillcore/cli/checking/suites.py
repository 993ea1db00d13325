"""The conformance suites of a plugin, run by pytest in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

__all__ = ["Evidence", "Mishap", "Report", "Suites", "SuitesUnusable", "Trial"]

PATIENCE = 900.0
"""Seconds for all suites of a plugin."""

RECORDER = "skillcore.testing.checklist"
NEEDED = ("pytest", "hypothesis", "respx", "pytest_asyncio")


class Trial(Struct, frozen=True):
    """A test of a suite.

    Attributes:
        kind: of the object under test: source, rule, formula or achievement.
        name: of the object.
        suite: where the author's subclass stands.
        replaced: the author's subclass has another test under this name.
    """

    kind: str
    name: str
    suite: str
    test: str
    outcome: Literal["passed", "failed", "skipped"]
    message: str = ""
    replaced: bool = False


class Mishap(Struct, frozen=True):
    """A fault of a server that a source did not survive: which, and what the source did."""

    source: str
    fault: str
    did: str


class Evidence(Struct, frozen=True):
    """What the evidence for a source's samples looks like."""

    source: str
    strengths: tuple[str, ...]
    metadata: tuple[str, ...]
    rated: bool


class Report(Struct, frozen=True):
    """What the run of the suites brought.

    Attributes:
        broken: modules of tests that could not be collected, each with the error.
        faults: how many faults each source met.
    """

    tests: tuple[Trial, ...] = ()
    broken: tuple[str, ...] = ()
    faults: dict[str, int] = {}
    mishaps: tuple[Mishap, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class SuitesUnusable(Exception):
    """The suites cannot be run. Says why, and what to do."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


class Suites:
    """The suites below a folder, which run when they are first asked for."""

    def __init__(self, tests: Path | None) -> None:
        self.tests = tests
        self._brought: Report | SuitesUnusable | None = None

    def report(self) -> Report:
        """Return what the run brought; there is one run, however often this is asked.

        Raises:
            SuitesUnusable: there are no tests, or they cannot run.
        """
        if self._brought is None:
            try:
                self._brought = self._run()
            except SuitesUnusable as unusable:
                self._brought = unusable
        if isinstance(self._brought, SuitesUnusable):
            raise self._brought
        return self._brought

    def _run(self) -> Report:
        if self.tests is None:
            raise SuitesUnusable(
                "its tests are not to be seen",
                "name their folder with --tests DIR, or install the plugin from its folder, editable",
            )
        missing = [name.replace("_", "-") for name in NEEDED if find_spec(name) is None]
        if missing:
            raise SuitesUnusable(f"{', '.join(missing)} is not installed", "install the extra skillcore[testing]")
        with tempfile.TemporaryDirectory() as place:
            return _run(self.tests.resolve(), Path(place) / "report.json")


def _run(tests: Path, report: Path) -> Report:
    # -P: what is installed is tried, and not a source tree that happens to lie beside the tests.
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", RECORDER, "-p", "no:cacheprovider", "--no-header", "--tb=line"]
    # The recorder sees all tests of one process.
    command += ["-n0"] if find_spec("xdist") else []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment["SKILLCORE_CHECKLIST_REPORT"] = str(report)
    try:
        ran = subprocess.run(
            [*command, str(tests)],
            cwd=tests.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace")
        raise SuitesUnusable(
            f"its suites did not end within {PATIENCE:g} s{_last(said)}", "run them with pytest -v to see where"
        ) from error
    said = ran.stdout.decode(errors="replace")
    if not report.exists():
        raise SuitesUnusable(f"pytest ended with {ran.returncode}{_last(said)}", f"make pytest {tests} run")
    return msgspec.json.decode(report.read_bytes(), type=Report)


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f": {' / '.join(lines[-3:])[:500]}" if lines else ""
