"""How well somebody does: patterns that are there by construction, and those that are not."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from scipy import stats

from skillcore.insight.doings import Doing
from skillcore.insight.patterns.performance import adaptation, best_hours, optimal_difficulty
from skillcore.insight.patterns.progression import breakthrough, curves, learning_curve, plateau
from tests.insight.patterns.made import history, scored

WOBBLE = [4 * float(value) for value in np.random.default_rng(11).normal(size=80)]
"""A remainder that no pattern explains."""


def scores(*values: float) -> list[Doing]:
    return [scored(day, value) for day, value in enumerate(values)]


def test_the_evening_is_best_where_it_is() -> None:
    hours = [3.5, 9.5, 19.5, 14.5]
    doings = [scored(day, 50 + wobble + 20 * (day % 4 == 2), hours[day % 4]) for day, wobble in enumerate(WOBBLE)]
    found = best_hours(history(doings, 80))
    assert found.p is not None
    assert found.p < 1e-6
    assert found.effect == pytest.approx(20, abs=4)
    figures = {figure.name: figure.value for figure in found.figures}
    assert figures["bouts"] == 20
    assert figures["from_hour"] <= 19 < figures["until_hour"]


def test_a_rise_is_not_taken_for_better_hours() -> None:
    # mornings at first, evenings later, and scores that rise all the while
    doings = [scored(day, 20 + day * 0.9 + wobble / 4, 8.5 if day < 40 else 19.5) for day, wobble in enumerate(WOBBLE)]
    found = best_hours(history(doings, 80))
    assert found.p is not None
    assert found.p > 0.05


def test_parts_of_the_day_are_judged_together() -> None:
    """Eight parts hold the evening or the morning, 16 bouts each, so the clearest one counts for eight.

    Read backwards the scores are the same, so the line through them is level, and each stands there twice. All of the
    evening lies above all of the morning: by 16·16/2 beyond the expected sum of ranks, and 1/2 less for whole numbers. With
    16 pairs of equals the variance is 16·16/12·(33 - 16·6/(32·31)).
    """
    half = [value for number in range(8) for value in (40 + number, 60 + number)]
    values = half + half[::-1]
    found = best_hours(history([scored(day, value, 20.0 if value >= 60 else 8.0) for day, value in enumerate(values)], 32))
    z = (128 - 0.5) / math.sqrt(256 / 12 * (33 - 96 / (32 * 31)))
    assert found.p == pytest.approx(8 * math.erfc(z / math.sqrt(2)) / 2, rel=1e-9)


def test_one_hour_for_all_cannot_be_compared() -> None:
    assert best_hours(history(scores(*(50 + wobble for wobble in WOBBLE)), 80)).p == 1.0


def test_a_straight_rise_is_a_line() -> None:
    made = history(scores(*(30 + 0.5 * day + wobble for day, wobble in enumerate(WOBBLE))), 80)
    drawn = curves(made)
    found = learning_curve(made, drawn)
    assert drawn[0].shape == "linear"
    assert found.p is not None
    assert found.p < 1e-6
    assert found.effect == pytest.approx(79 * 0.5, abs=2)
    assert re.fullmatch(
        r"Your scores rise with practice, in the way of a linear curve: by (39|40|41) points so far\.", found.words
    )
    falling = history(scores(*(70 - 0.5 * day + wobble for day, wobble in enumerate(WOBBLE))), 80)
    assert learning_curve(falling, curves(falling)).words.startswith("Your scores fall with practice")


def test_what_stays_is_no_curve() -> None:
    made = history(scores(*(60 + wobble for wobble in WOBBLE)), 80)
    assert learning_curve(made, curves(made)).p == 1.0


def test_a_rise_that_ends_is_a_plateau() -> None:
    found = plateau(history(scores(*(30 + min(day, 40) + wobble for day, wobble in enumerate(WOBBLE))), 80))
    assert found.p is not None
    assert found.p < 1e-6
    assert found.effect == pytest.approx(1.0, abs=0.2)
    assert re.fullmatch(r"Your scores rose and have levelled off at about (69|70|71) for 40 bouts\.", found.words)


def jump(values: list[float], *columns: list[float]) -> tuple[float, float]:
    """Return Student's t of the last column beside the others and a constant, and its slope; by textbook least squares."""
    design = np.column_stack([np.ones(len(values)), *columns])
    inverse = np.linalg.inv(design.T @ design)
    fit = inverse @ design.T @ np.array(values)
    left = np.array(values) - design @ fit
    variance = float(left @ left) / (len(values) - design.shape[1]) * inverse[-1, -1]
    return float(fit[-1]) / math.sqrt(variance), float(fit[-1])


ALTERNATING = [(6.0 + day % 3) * (1 if day % 2 else -1) for day in range(48)]
"""A remainder whose values are not alike to their followers, for which nothing is to be added to a variance."""


def test_places_of_a_leap_are_judged_together() -> None:
    """Each half of 48 bouts is left out by the eight nearest its end: 33 places, and the clearest counts for all of them."""
    values = [50 + 12 * (day >= 20) + wobble for day, wobble in enumerate(ALTERNATING)]
    steps = [float(day) for day in range(48)]
    clearest = max(jump(values, steps, [float(day >= place) for day in range(48)])[0] for place in range(8, 41))
    found = breakthrough(history(scores(*values), 48))
    assert found.p == pytest.approx(33 * float(stats.t.sf(clearest, 45)), rel=1e-6)


def test_places_of_a_plateau_are_judged_together() -> None:
    """Three of them: 16, 24 and 32. Both that the rise is slower and that there was one must be sure."""
    values = [30 + 0.6 * min(day, 24) + wobble for day, wobble in enumerate(ALTERNATING)]
    chances = []
    for begin in (16, 24, 32):
        parts = values[:begin], values[begin:]
        lines = [np.polyfit(np.arange(len(part)), part, 1) for part in parts]
        left = [part - np.polyval(line, np.arange(len(part))) for part, line in zip(parts, lines, strict=True)]
        spreads = [(len(part) ** 3 - len(part)) / 12 for part in parts]
        variance = sum(float(one @ one) for one in left) / 44 * sum(1 / spread for spread in spreads)
        slower = float(stats.t.sf((lines[0][0] - lines[1][0]) / math.sqrt(variance), 44))
        rose = stats.kendalltau(np.arange(begin), parts[0], method="asymptotic", alternative="greater").pvalue
        chances.append((slower, rose, lines[1][0] <= lines[0][0] / 3))
    found = plateau(history(scores(*values), 48))
    assert found.p == pytest.approx(3 * min(max(slower, rose) for slower, rose, level in chances if level), rel=1e-6)


def test_what_rises_half_as_fast_as_before_is_no_plateau() -> None:
    values = [30 + min(day, 40) + 0.5 * max(day - 40, 0) + wobble / 8 for day, wobble in enumerate(WOBBLE)]
    assert plateau(history(scores(*values), 80)).p == 1.0


def test_what_never_rose_and_falls_is_no_plateau() -> None:
    found = plateau(history(scores(*(70 - max(day - 40, 0) + wobble for day, wobble in enumerate(WOBBLE))), 80))
    assert found.p is not None
    assert found.p > 0.05


@pytest.mark.parametrize("rise", [0.0, 0.5])
def test_neither_a_line_nor_nothing_is_a_plateau(rise: float) -> None:
    found = plateau(history(scores(*(30 + rise * day + wobble for day, wobble in enumerate(WOBBLE))), 80))
    assert found.p is not None
    assert found.p > 0.05


def test_a_leap_is_a_breakthrough() -> None:
    found = breakthrough(history(scores(*(45 + 25 * (day >= 50) + wobble for day, wobble in enumerate(WOBBLE))), 80))
    assert found.p is not None
    assert found.p < 1e-6
    assert found.effect == pytest.approx(25, abs=3)
    assert re.fullmatch(r"A breakthrough (29|30|31) bouts ago: your scores leapt by about 2[2-8] points\.", found.words)


@pytest.mark.parametrize(
    "curve",
    [
        lambda day: 50.0,
        lambda day: 20 + 0.8 * day,
        lambda day: 80 - 50 * math.exp(-0.1 * day),
        lambda day: 60 - 25 * (day >= 40),  # a fall
    ],
)
def test_smooth_ways_are_no_breakthrough(curve: object) -> None:
    values = [curve(day) + wobble for day, wobble in enumerate(WOBBLE)]  # type: ignore[operator]
    found = breakthrough(history(scores(*values), 80))
    assert found.p is not None
    assert found.p > 0.05


def test_the_difficulty_is_where_the_target_is_met() -> None:
    doings = [
        scored(day, 110 - 7 * difficulty + wobble, 12 + difficulty / 100, difficulty)
        for day, wobble in enumerate(WOBBLE[:40])
        for difficulty in (2.0 + day % 3, 5.0, 8.0 - day % 2)
    ]
    found = optimal_difficulty(history(doings, 80), 75.0)
    assert found.p is not None
    assert found.p < 1e-6
    assert found.effect == pytest.approx(7, abs=0.3)
    assert {figure.name: figure.value for figure in found.figures}["difficulty"] == pytest.approx(5.0, abs=0.2)
    assert found.words == "Tasks of difficulty 5.0 suit you: there you reach about 75 of 100."
    beyond = optimal_difficulty(history(doings, 80), 20.0)
    assert (beyond.p, [figure.name for figure in beyond.figures]) == (1.0, ["target"])


def test_equal_difficulty_tells_nothing() -> None:
    doings = [scored(day, 50 + wobble, 12, 5.0) for day, wobble in enumerate(WOBBLE)]
    assert optimal_difficulty(history(doings, 80), 75.0).p == 1.0
    assert adaptation(history(doings, 80)).p == 1.0


def test_harder_after_success_is_adaptation() -> None:
    draw = np.random.default_rng(4)
    doings, difficulty = [], 5.0
    for day in range(80):
        score = 60 + 15 * float(draw.normal())
        doings.append(scored(day, min(max(score, 0.0), 100.0), 12, difficulty))
        difficulty = min(max(5 + 0.08 * (score - 60) + 0.3 * float(draw.normal()), 1.0), 10.0)
    found = adaptation(history(doings, 80))
    assert found.p is not None
    assert found.p < 1e-6
    assert found.effect == pytest.approx(0.8, abs=0.1)


def test_falling_back_to_the_mean_is_no_adaptation() -> None:
    """Hard tasks go badly, and after a hard one an easier follows, however it went."""
    draw = np.random.default_rng(4)
    hard = [5 + 1.5 * float(draw.normal()) for _ in range(80)]
    doings = [
        scored(day, 60 - 8 * (difficulty - 5) + 5 * float(draw.normal()), 12, difficulty) for day, difficulty in enumerate(hard)
    ]
    found = adaptation(history(doings, 80))
    assert found.p is not None
    assert found.p > 0.05


@pytest.mark.parametrize("count", [0, 1, 14])
def test_too_little_is_not_tested(count: int) -> None:
    made = history([scored(day, 50.0, 12, 5.0) for day in range(count)], 80)
    assert curves(made) == []
    found = [
        best_hours(made),
        learning_curve(made, []),
        plateau(made),
        breakthrough(made),
        optimal_difficulty(made, 75.0),
        adaptation(made),
    ]
    assert [(one.p, one.n) for one in found] == [(None, count)] * 6
    assert [one.needed for one in found] == [30, 15, 30, 30, 20, 30]


def test_just_enough_is_tested() -> None:
    made = [history([scored(day, 50.0, 12, 5.0) for day in range(count)], 80) for count in (15, 20, 30)]
    assert len(curves(made[0])) == 4
    assert optimal_difficulty(made[1], 75.0).p is not None
    assert [test(made[2]).p is None for test in (best_hours, plateau, breakthrough, adaptation)] == [False] * 4


def test_equal_scores_are_nothing() -> None:
    made = history([scored(day, 100.0, day % 24, 5.0 + day % 3) for day in range(60)], 80)
    found = [
        best_hours(made),
        learning_curve(made, curves(made)),
        plateau(made),
        breakthrough(made),
        optimal_difficulty(made, 75.0),
        adaptation(made),
    ]
    assert [one.p for one in found] == [1.0] * 6
