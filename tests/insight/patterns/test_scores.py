"""How well somebody does: patterns that are there by construction, and those that are not."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

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
