"""The check of patterns runs at sizes at which its figures mean nothing, and draws the same people each time."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.truth import patterns
from benchmarks.truth.__main__ import CHECKS
from benchmarks.truth.practice import NULLS, PLANTED, practised
from benchmarks.truth.reports import share, table


@pytest.mark.timeout(300)
def test_few_people_are_judged() -> None:
    report = patterns.run(3, nobody=1, each=1)
    assert report.checks[0].name == "anything false"
    assert report.checks[0].of == len(NULLS)
    planted = {pattern for pattern, _ in PLANTED.values()}
    assert {check.name for check in report.checks if check.bar == patterns.LEAST_FOUND} == planted
    assert len(planted) == 11
    assert report.met == all(check.met for check in report.checks)
    assert table(report).startswith("patterns, seed 3\n")
    assert CHECKS["patterns"] is patterns.run


@pytest.mark.parametrize("name", NULLS)
def test_a_seed_draws_the_same_practice(name: str) -> None:
    first, again, other = (practised(NULLS[name][0], np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first.doings == again.doings != other.doings
    assert first.doings == tuple(sorted(first.doings, key=lambda doing: doing.at))
    assert first.calendar.days == again.calendar.days


def test_bars_are_held_against_shares() -> None:
    assert [share("s", hits, 100, bar=0.05, at_most=True).met for hits in (5, 6)] == [True, False]
    assert [share("s", hits, 100, bar=0.8).met for hits in (79, 80)] == [False, True]
    assert share("s", 20, 100).error == pytest.approx(0.04)
    assert share("s", 0, 0) == share("s", 0, 0)
    assert "MISSED" in table(patterns.Report(name="n", seed=1, measured="m", checks=(share("s", 1, 2, bar=0.8),), met=False))
