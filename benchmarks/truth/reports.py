"""What a check of truth found, beside what it must reach."""

from __future__ import annotations

import math

from msgspec import Struct

__all__ = ["Check", "Report", "share", "table"]


class Check(Struct, frozen=True, kw_only=True):
    """A share with its bar.

    Attributes:
        share: from 0 to 1.
        error: its standard error, of a binomial share of ``of``.
        bar: what it must reach, or must not exceed; None where it is only told.
    """

    name: str
    share: float
    of: int
    error: float
    bar: float | None = None
    at_most: bool = False
    met: bool = True


class Report(Struct, frozen=True, kw_only=True):
    """What one check found.

    Attributes:
        measured: what was done.
        met: every bar is.
    """

    name: str
    seed: int
    measured: str
    checks: tuple[Check, ...]
    met: bool


def share(name: str, hits: int, of: int, *, bar: float | None = None, at_most: bool = False) -> Check:
    """Return how many of some had something, beside its bar."""
    found = hits / of if of else 0.0
    met = bar is None or (found <= bar if at_most else found >= bar)
    error = math.sqrt(found * (1 - found) / of) if of else 0.0
    return Check(name=name, share=found, of=of, error=error, bar=bar, at_most=at_most, met=met)


def table(report: Report) -> str:
    """Return a report as text for people."""
    width = max((len(check.name) for check in report.checks), default=0)
    lines = [f"{report.name}, seed {report.seed}", f"  {report.measured}"]
    for check in report.checks:
        bar = "" if check.bar is None else f"  {'at most' if check.at_most else 'at least'} {check.bar:.0%}"
        missed = "" if check.met else "  MISSED"
        lines.append(f"    {check.name:<{width}}  {check.share:6.1%} ± {check.error:.1%} of {check.of}{bar}{missed}")
    return "\n".join(lines)
