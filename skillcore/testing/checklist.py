"""Runs conformance suites, and nothing else, for ``skillcore plugins check``: a plugin of pytest, and faults for the sources.

It is asked for with ``-p skillcore.testing.checklist`` and writes what it saw into the file that
``SKILLCORE_CHECKLIST_REPORT`` names, as `skillcore.cli.checking.suites` reads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from msgspec import Struct

import skillcore.testing
from skillcore.testing.source_checks.frame import SourceFrame
from skillcore.testing.striking import Evidence, Mishap, strike

__all__ = ["pytest_configure"]

VARIABLE = "SKILLCORE_CHECKLIST_REPORT"

_NONCONFORMANCE = f"{skillcore.testing.Nonconformance.__module__}.{skillcore.testing.Nonconformance.__qualname__}: "

SUITES = {
    name.removesuffix("Suite").lower(): getattr(skillcore.testing, name)
    for name in skillcore.testing.__all__
    if name.endswith("Suite")
}
"""By what they try, which is also the attribute that holds the object under test."""


class Trial(Struct, frozen=True):
    """A test of a suite, and what came of it."""

    kind: str
    name: str
    suite: str
    test: str
    outcome: Literal["passed", "failed", "skipped"]
    message: str
    replaced: bool


class Report(Struct):
    """What is written."""

    tests: list[Trial] = []
    broken: list[str] = []
    faults: dict[str, int] = {}
    mishaps: list[Mishap] = []
    evidence: list[Evidence] = []


def pytest_configure(config: pytest.Config) -> None:
    """Record this run, if somebody waits for the report."""
    if VARIABLE in os.environ:
        config.pluginmanager.register(Recorder(Path(os.environ[VARIABLE])))


class Recorder:
    """Keeps the tests of suites, leaves the others out, and strikes the sources with faults when they are through."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.report = Report()
        self._suites: dict[str, tuple[str, str, bool]] = {}
        self._sources: dict[str, type[SourceFrame]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what cannot be read."""
        if report.failed:
            self.report.broken.append(f"{report.nodeid}: {_last_line(report)}")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the tests that a suite of ours brings; an author's own run with the author's own command."""
        kept: list[pytest.Item] = []
        left: list[pytest.Item] = []
        for item in items:
            (kept if self._noted(item) else left).append(item)
        config.hook.pytest_deselected(items=left)
        items[:] = kept

    def _noted(self, item: pytest.Item) -> bool:
        suite = getattr(item, "cls", None)
        name = getattr(item, "originalname", item.name)
        for kind, base in SUITES.items():
            if isinstance(suite, type) and issubclass(suite, base) and hasattr(base, name):
                tried = str(getattr(getattr(suite, kind, None), "name", ""))
                self._suites[item.nodeid] = (kind, tried, getattr(suite, name) is not getattr(base, name))
                if kind == "source" and issubclass(suite, SourceFrame):
                    self._sources[item.nodeid.rpartition("::")[0]] = suite
                return True
        return False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of a test."""
        if report.nodeid not in self._suites or (report.when != "call" and report.passed):
            return
        kind, name, replaced = self._suites[report.nodeid]
        suite, _, test = report.nodeid.rpartition("::")
        message = "" if report.passed else _last_line(report)
        self.report.tests.append(Trial(kind, name, suite, test, report.outcome, message, replaced))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Try the faults, and write the report."""
        self._note_what_did_not_run()
        for suite in self._sources.values():
            struck = strike(suite())
            self.report.faults[suite.source.name] = self.report.faults.get(suite.source.name, 0) + struck.tried
            self.report.mishaps += struck.mishaps
            self.report.evidence.append(struck.evidence)
        self.file.write_bytes(msgspec.json.encode(self.report))

    def _note_what_did_not_run(self) -> None:
        """A suite counts as a whole: what a configuration leaves out of it is a test that failed."""
        ran = {(test.suite, test.test.partition("[")[0]) for test in self.report.tests}
        for suite, kind, name in sorted(
            {(node.rpartition("::")[0], kind, name) for node, (kind, name, _) in self._suites.items()}
        ):
            for test in (test for test in dir(SUITES[kind]) if test.startswith("test_")):
                if (suite, test) not in ran:
                    self.report.tests.append(Trial(kind, name, suite, test, "failed", "it did not run", replaced=False))


def _last_line(report: Any) -> str:
    """Return what a report says in its end, for people."""
    said = report.longrepr
    if isinstance(said, tuple):  # a skip: file, line, reason
        return str(said[2])
    crash = getattr(said, "reprcrash", None)
    text = crash.message.removeprefix(_NONCONFORMANCE) if crash is not None else str(said)
    lines = [line for line in _printable(text) if line]
    return lines[0 if crash is not None else -1] if lines else ""


def _printable(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield line.strip().encode("utf-8", "backslashreplace").decode()
