"""Whether what a plugin offers keeps to the contract: its conformance suites, and servers that fail."""

from __future__ import annotations

from collections.abc import Iterable

from skillcore.cli.checking.lines import Finding, failed, passed, skipped
from skillcore.cli.checking.subject import Subject
from skillcore.cli.checking.suites import Report, SuitesUnusable

__all__ = ["conforms", "survives_faults"]

SHOWN = 3
"""Findings of a kind that a line shows; the rest is counted."""

_SUITES = {"source": "SourceSuite", "rule": "RuleSuite", "formula": "FormulaSuite", "achievement": "AchievementSuite"}


def conforms(subject: Subject) -> Finding:
    """Look whether a suite of `skillcore.testing` passes for everything that the plugin offers."""
    offered = _offered(subject)
    if not offered:
        return skipped("it offers no source, rule, formula or achievement")
    try:
        report = subject.suites.report()
    except SuitesUnusable as unusable:
        return failed(unusable.why, unusable.remedy)
    ran = [test for test in report.tests if test.outcome == "passed"]
    skips = len(report.tests) - len(ran)
    all_well = passed(f"{len(ran)} tests of its suites pass{f'; {skips} skipped' if skips else ''}")
    return (
        _unread(report)
        or _untried(offered, report)
        or _failing(report)
        or _replaced(report)
        or _idle(offered, report)
        or all_well
    )


def _unread(report: Report) -> Finding | None:
    if not report.broken:
        return None
    return failed(f"pytest cannot read its tests: {_some(report.broken)}", "make pytest collect them")


def _untried(offered: Iterable[tuple[str, str]], report: Report) -> Finding | None:
    tried = {(test.kind, test.name) for test in report.tests}
    for kind, name in offered:
        if (kind, name) not in tried:
            suite = f"skillcore.testing.{_SUITES[kind]}"
            return failed(f"no suite tries {kind} {name}", f"add a subclass of {suite} with {kind} = … to its tests")
    return None


def _failing(report: Report) -> Finding | None:
    bad = [f"{test.test}: {test.message}" for test in report.tests if test.outcome == "failed"]
    if not bad:
        return None
    return failed(f"{len(bad)} of {len(report.tests)} tests of its suites fail: {_some(bad)}", "do as the message says")


def _replaced(report: Report) -> Finding | None:
    replaced = [f"{test.suite} {test.test}" for test in report.tests if test.replaced]
    if not replaced:
        return None
    return failed(f"tests of a suite are replaced: {_some(replaced)}", "give tests of your own other names, so that both run")


def _idle(offered: Iterable[tuple[str, str]], report: Report) -> Finding | None:
    """Look for suites that ran no test to its end."""
    for kind, name in offered:
        tests = [test for test in report.tests if (test.kind, test.name) == (kind, name)]
        if all(test.outcome == "skipped" for test in tests):
            why = f"every test of {kind} {name} was skipped: {tests[0].message}"
            return failed(why, "install what its tests need, and check again")
    return None


def survives_faults(subject: Subject) -> Finding:
    """Look whether servers that fail make a source give verdicts, lose past work, or hang."""
    if not subject.sources:
        return skipped("it offers no source")
    try:
        report = subject.suites.report()
    except SuitesUnusable as unusable:
        return failed(f"faults are tried with the samples of its suites, and {unusable.why}", unusable.remedy)
    untried = [name for name in subject.sources if not report.faults.get(name)]
    if untried:
        return failed(
            f"source {untried[0]} has no samples to try faults with",
            "add a subclass of skillcore.testing.SourceSuite with samples in `met` and `not_met` to its tests",
        )
    if report.mishaps:
        said = [f"{mishap.source}: {mishap.fault}: {mishap.did}" for mishap in report.mishaps]
        return failed(
            f"{len(said)} of {sum(report.faults.values())} faults did harm: {_some(said)}",
            "let the errors of the tools pass, and raise Unavailable for every answer that is not whole",
        )
    return passed(f"{sum(report.faults.values())} faults, and never a verdict")


def _offered(subject: Subject) -> list[tuple[str, str]]:
    parts = {
        "source": subject.sources,
        "rule": subject.rules,
        "formula": subject.formulas,
        "achievement": subject.achievements,
    }
    return [(kind, name) for kind, names in parts.items() for name in names]


def _some(said: Iterable[str]) -> str:
    lines = list(said)
    more = f" (and {len(lines) - SHOWN} more)" if len(lines) > SHOWN else ""
    return "; ".join(line[:600] for line in lines[:SHOWN]) + more
