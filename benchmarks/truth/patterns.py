"""Patterns on people without any, and on people with one: how often one is reported that is not there, and found that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from benchmarks.truth.practice import NULLS, PLANTED, Nature, practised
from benchmarks.truth.reports import Check, Report, share
from skillcore.insight.patterns.reading import patterns

__all__ = ["run"]

TARGET = 75.0
MOST_FALSE = 0.05
LEAST_FOUND = 0.8


def run(seed: int, *, nobody: int = 40, each: int = 25) -> Report:
    """Look for patterns in generated people.

    Args:
        seed: draws them.
        nobody: people of each nature that has no pattern.
        each: people of each nature that has one.
    """
    false: Counter[str] = Counter()
    of_pattern: Counter[str] = Counter()
    for number, (name, (nature, allowed)) in enumerate(NULLS.items()):
        for person in range(nobody):
            wrong = reported(nature, (seed, 0, number, person)) - allowed
            false[name] += bool(wrong)
            of_pattern.update(wrong)
    checks = [
        share("anything false", sum(false.values()), nobody * len(NULLS), bar=MOST_FALSE, at_most=True),
        *(share(f"  {name}", false[name], nobody) for name in NULLS),
        *(share(f"  false {name}", count, nobody * len(NULLS)) for name, count in sorted(of_pattern.items())),
        *found(seed, each),
    ]
    return Report(
        name="patterns",
        seed=seed,
        measured=f"{nobody * len(NULLS)} people without a pattern, of {len(NULLS)} natures: the share that is told of any;"
        f" {each * len(PLANTED)} with one: the share to which it is told",
        checks=tuple(checks),
        met=all(check.met for check in checks),
    )


def found(seed: int, each: int) -> list[Check]:
    """Return for each planted pattern the share of people to whom it is told, by nature and together."""
    hits: dict[str, list[int]] = {}
    told: list[Check] = []
    for number, (name, (pattern, nature)) in enumerate(PLANTED.items()):
        count = sum(pattern in reported(nature, (seed, 1, number, person)) for person in range(each))
        hits.setdefault(pattern, []).append(count)
        told.append(share(f"  {name}", count, each))
    return [share(name, sum(counts), each * len(counts), bar=LEAST_FOUND) for name, counts in of_patterns(hits)] + told


def of_patterns(hits: Mapping[str, list[int]]) -> list[tuple[str, list[int]]]:
    """Return what was found of each pattern, by name."""
    return sorted(hits.items())


def reported(nature: Nature, seed: tuple[int, ...]) -> frozenset[str]:
    """Return the patterns that are reported of one drawn person."""
    practice = practised(nature, np.random.default_rng(seed))
    told, _ = patterns(practice.doings, practice.calendar, len(practice.calendar.days), TARGET)
    return frozenset(pattern.name for pattern in told if pattern.state == "found")
