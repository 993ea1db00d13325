"""What tests found, judged together: which patterns are reported, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from skillcore.insight.levels import rounded
from skillcore.insight.patterns.probabilities import holm

__all__ = ["LEVEL", "Figure", "Finding", "Group", "Pattern", "judged"]

LEVEL = 0.05
"""Of people without any pattern, the share that may be told of one."""

Group = Literal["time", "performance", "engagement", "progression"]


class Figure(Struct, frozen=True):
    """A number that belongs to a pattern."""

    name: str
    value: float


class Finding(Struct, frozen=True, kw_only=True):
    """What one test found.

    Attributes:
        n: of the unit that is tested.
        needed: of them, for the test.
        p: probability that chance alone gives as much; None if there is too little data.
        effect: how strong it is.
        words: the pattern, if it is one.
        figures: numbers that belong to it.
    """

    name: str
    group: Group
    unit: str
    n: int
    needed: int
    p: float | None = None
    effect: float | None = None
    effect_is: str
    words: str = ""
    figures: tuple[Figure, ...] = ()


class Pattern(Struct, frozen=True, kw_only=True):
    """A pattern that was looked for.

    Attributes:
        state: ``too_little`` data to look; ``none`` found; ``found``.
        words: what was found, or that nothing was, or how much data is needed.
        n: how many of ``unit`` were looked at.
        needed: how many of them it takes.
        effect: how strong it is, as ``effect_is`` says; null with too little data.
        p: probability that somebody without any of these patterns is told of one as clear as this; null with too little data.
        figures: numbers that belong to it.
    """

    name: str
    group: Group
    state: Literal["found", "none", "too_little"]
    words: str
    n: int
    needed: int
    unit: str
    effect: float | None
    effect_is: str
    p: float | None
    figures: tuple[Figure, ...]


def judged(findings: Sequence[Finding]) -> list[Pattern]:
    """Return the patterns of one person, with probabilities corrected for how many were looked for (Holm)."""
    tested = [finding.p for finding in findings if finding.p is not None]
    adjusted = iter(holm(tested))
    return [_pattern(finding, None if finding.p is None else next(adjusted)) for finding in findings]


def _pattern(finding: Finding, p: float | None) -> Pattern:
    state: Literal["found", "none", "too_little"] = "none"
    words = f"No pattern found with n={finding.n} {finding.unit}."
    if p is None:
        state, words = "too_little", f"{finding.unit} so far: {finding.n}; it takes {finding.needed} to tell."
    elif p <= LEVEL:
        state, words = "found", finding.words
    return Pattern(
        name=finding.name,
        group=finding.group,
        state=state,
        words=words,
        n=finding.n,
        needed=finding.needed,
        unit=finding.unit,
        effect=rounded(finding.effect),
        effect_is=finding.effect_is,
        p=None if p is None else float(f"{p:.3g}"),
        figures=tuple(Figure(figure.name, round(figure.value, 6)) for figure in finding.figures),
    )
