"""Tails of distributions, against counting all cases by hand or with exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.insight.patterns.probabilities import (
    autocorrelation,
    binomial_tail,
    bounded_tail,
    chi_square_below,
    early_trend,
    holm,
    inflation,
    normal_tail,
    rank_sum_tail,
    rotation_tail,
    student_tail,
    theil_sen,
    trend,
)


def test_tails_of_tables() -> None:
    assert normal_tail(1.959964) == pytest.approx(0.025, abs=1e-6)
    assert student_tail(2.228139, 10) == pytest.approx(0.025, abs=1e-6)
    assert student_tail(-2.228139, 10) == pytest.approx(0.975, abs=1e-6)
    assert chi_square_below(3.940299, 10) == pytest.approx(0.05, abs=1e-6)


def exactly(total: int, n: int, share: Fraction) -> float:
    """Return the tail of a binomial distribution by its terms."""
    return float(sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(total, n + 1)))


@pytest.mark.parametrize(("total", "n"), [(0, 5), (3, 20), (10, 20), (20, 20), (21, 20), (60, 400)])
def test_the_binomial_tail_is_the_sum_of_its_terms(total: int, n: int) -> None:
    assert binomial_tail(total, n, 1 / 8) == pytest.approx(exactly(total, n, Fraction(1, 8)), rel=1e-9)


def test_the_bound_for_shares_is_e_times_the_binomial_tail() -> None:
    assert bounded_tail(12, 20, 1 / 8) == pytest.approx(math.e * exactly(12, 20, Fraction(1, 8)), rel=1e-9)
    between = math.sqrt(exactly(12, 20, Fraction(1, 8)) * exactly(13, 20, Fraction(1, 8)))
    assert bounded_tail(12.5, 20, 1 / 8) == pytest.approx(math.e * between, rel=1e-9)
    assert bounded_tail(1, 20, 1 / 8) == 1.0
    assert bounded_tail(0, 20, 1 / 8) == 1.0
    assert bounded_tail(20, 20, 1 / 8) == pytest.approx(math.e / 8**20)
    assert bounded_tail(20.5, 20, 1 / 8) == 0.0


@given(
    weeks=st.lists(st.integers(0, 3**7 - 1), min_size=1, max_size=3),
    days=st.sets(st.integers(0, 6), min_size=1, max_size=5),
)
def test_turned_weeks_are_counted_one_by_one(weeks: list[int], days: set[int]) -> None:
    week = [[number // 3**day % 3 for day in range(7)] for number in weeks]
    observed = sum(one[day] for one in week for day in days)
    turns = list(product(range(7), repeat=len(week)))
    as_much = sum(
        sum(one[(day + turn) % 7] for one, turn in zip(week, turned, strict=True) for day in days) >= observed
        for turned in turns
    )
    assert rotation_tail(week, sorted(days)) == pytest.approx(as_much / len(turns))


def test_ranks_are_those_of_a_worked_example() -> None:
    # 4 of 7, ranks 7, 6, 5, 3 = 21 where 16 is the mean; variance 4·3·8/12 = 8: (5 - 1/2) / √8
    assert rank_sum_tail(np.array([9.0, 8.0, 7.0, 4.0]), np.array([5.0, 1.0, 2.0])) == pytest.approx(
        normal_tail(4.5 / math.sqrt(8))
    )
    # 2, 2 against 1, 2: ranks 3, 3 against 1, 3; excess 6 - 5; ties 3³ - 3 = 24 of 4·3: 4/12·(5 - 2) = 1
    assert rank_sum_tail(np.array([2.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(normal_tail(0.5))
    assert rank_sum_tail(np.ones(5), np.ones(5)) == 1.0


def test_kendalls_trend_is_that_of_a_worked_example() -> None:
    # 9 of 10 pairs rise, one falls: 8; variance 5·4·15/18
    found = trend(np.array([1.0, 2.0, 4.0, 3.0, 5.0]))
    assert found.tau == 0.8
    assert found.up == pytest.approx(normal_tail(7 / math.sqrt(300 / 18)))
    assert found.down == pytest.approx(normal_tail(-9 / math.sqrt(300 / 18)))
    assert found.either == 2 * found.up
    assert found.slope == 1.0
    assert trend(np.ones(10)).either == 1.0


def test_a_trend_is_hardly_likelier_by_chance_than_it_says() -> None:
    rows = np.array(list(permutations(range(7))), dtype=np.float64)
    for level in (0.05, 0.01):
        assert np.mean([trend(row).up <= level for row in rows]) <= level


def test_what_changes_early_is_seen_by_logarithms() -> None:
    scores = 100 - 60 / np.arange(1.0, 41.0) + np.where(np.arange(40) % 2, 12.0, -12.0)
    assert early_trend(scores) < 0.02
    assert early_trend(np.ones(20)) == 1.0
    assert early_trend(scores[::-1]) > early_trend(scores)
    # of three values: Σ(x - x̄)(y - ȳ) over the root of Σ(x - x̄)²·Σ(y - ȳ)² / 2
    x, y = np.log([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])
    z = float((x - x.mean()) @ (y - 2)) / math.sqrt(float((x - x.mean()) @ (x - x.mean())) * 2 / 2)
    assert early_trend(y) == pytest.approx(2 * normal_tail(z))


def test_likeness_counts_only_beyond_chance() -> None:
    assert autocorrelation(np.array([1.0, -1.0] * 10)) == 0.0
    # Of twenty, 1 for nine and -1 for nine, then 1 -1: of nineteen neighbours sixteen are alike, three not: 13/20.
    values = np.array([1.0] * 9 + [-1.0] * 9 + [1.0, -1.0])
    assert autocorrelation(values) == pytest.approx(0.65 + (2 + 2.6) / 20)
    assert inflation(values) == pytest.approx(1.88 / 0.12)
    assert inflation(np.array([1.0] * 40 + [-1.0] * 40)) == pytest.approx(1.9 / 0.1)
    assert autocorrelation(np.ones(9)) == 0.0
    assert theil_sen(np.array([0.0, 1.0, 5.0])) == 2.5


def test_weak_likeness_is_left_to_chance() -> None:
    # Of sixteen in runs of 2, 3, 2, 3, 2, 2 and 2, nine neighbours are alike and six are not: 3/16, where chance makes 1/4.
    weak = np.concatenate([np.full(length, (-1.0) ** run) for run, length in enumerate((2, 3, 2, 3, 2, 2, 2))])
    assert weak.sum() == 0
    assert autocorrelation(weak) == 0.0
    assert inflation(weak) == 1.0
    # In runs of 4, 3, 2, 3, 2 and 2 it is ten and five: 5/16, which is more.
    more = np.concatenate([np.full(length, (-1.0) ** run) for run, length in enumerate((4, 3, 2, 3, 2, 2))])
    assert autocorrelation(more) == pytest.approx(5 / 16 + (2 + 5 / 4) / 16)


def test_many_are_judged_as_holm_does() -> None:
    # 0.01·4, 0.02·3, 0.03·2 raised to the one before, and 0.5
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]
