"""Mastery, readiness, improvement and working difficulty under the whole suite, with sums by hand."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from skillcore.defaults.improvement import Improvement, ImprovementSettings
from skillcore.defaults.mastery import Mastery, MasterySettings
from skillcore.defaults.readiness import Readiness, ReadinessSettings
from skillcore.defaults.working_difficulty import WorkingDifficulty, WorkingDifficultySettings
from skillcore.plugin import Reading
from skillcore.testing import FormulaSample, FormulaSuite, event

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def activity(score, days=0.0, via="platform", skills=("loops",), module=""):
    data = {"type": "quiz", "module": module} | ({} if score is None else {"score": score})
    made = event("session.activity", data, skills=skills, at=MONDAY + timedelta(days=days))
    return structs.replace(made, via=via)


def scores(*given, **more):
    return tuple(activity(score, days, **more) for days, score in enumerate(given))


def work(difficulty, days=0.0, skills=("loops",)):
    data = {"source": "gym", "account": "gym:7", "work": f"{days}", "strength": "judged", "difficulty": difficulty}
    return event("evidence.accepted", data, skills=skills, at=MONDAY + timedelta(days=days))


class TestMastery(FormulaSuite):
    formula = Mastery()
    lowest, highest = 0, 100
    others = (Mastery(MasterySettings(half_life=1)), Mastery(MasterySettings(full=1)), Mastery(MasterySettings(spread=0.1)))
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample(scores(80), 80 * 1 * 1 / 20, subject="loops"),
        FormulaSample((work(3.0),), 100 * 1 / 20, subject="loops"),
        FormulaSample(scores(*[60] * 20), 60.0, subject="loops"),
        FormulaSample(scores(*[60] * 230), 60.0, subject="loops"),
        FormulaSample(scores(*[0] * 40), 0.0, subject="loops"),
        # 0 and 100: s = 0.5, so consistency is 1/2; the later weighs 1, the earlier 0.5^(1/10) = 0.9330329915368074
        FormulaSample(scores(0, 100), 100 * (1 / 1.9330329915368074) * 0.5 * 0.1, subject="loops"),
        # 40 and 80: s = 0.2, consistency 1 - 0.4/2 = 0.8
        FormulaSample(
            scores(40, 80), 100 * ((0.4 * 0.9330329915368074 + 0.8) / 1.9330329915368074) * 0.8 * 0.1, subject="loops"
        ),
        FormulaSample((activity(90, via="page"), activity(90, via="edge"), activity(None)), None, subject="loops"),
        FormulaSample(scores(80, skills=("loops", "graphs")), 4.0, subject="graphs"),
    )


class TestReadiness(FormulaSuite):
    formula = Readiness()
    lowest, highest = 0, 100
    others = (
        Readiness(ReadinessSettings(advanced=60)),
        Readiness(ReadinessSettings(advanced_below=40)),
        Readiness(ReadinessSettings(proficient=55)),
        Readiness(ReadinessSettings(proficient_below=1)),
        Readiness(ReadinessSettings(developing=90)),
    )
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample(scores(85, 85, 85, 85, 85), 85.0, label="advanced"),
        FormulaSample(scores(84, 85, 85, 85, 85), 84.8, label="proficient"),
        FormulaSample(scores(10, 85, 85, 85, 85, 85), 85.0, label="advanced"),  # the sixth is forgotten
        FormulaSample(scores(80, 100), 90.0, label="proficient"),  # s = 10 is not below 10
        FormulaSample(scores(81, 99), 90.0, label="advanced"),  # s = 9
        FormulaSample(scores(55, 85), 70.0, label="developing"),  # s = 15 is not below 15
        FormulaSample(scores(56, 84), 70.0, label="proficient"),  # s = 14
        FormulaSample(scores(50), 50.0, label="developing"),
        FormulaSample(scores(49.9), 49.9, label="beginner"),
        FormulaSample(scores(90, module="sql"), 90.0, subject="module:sql", label="advanced"),
        FormulaSample((activity(100, via="page"),), None),
    )


class TestImprovement(FormulaSuite):
    formula = Improvement()
    others = (Improvement(ImprovementSettings(last=2)),)
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample(scores(50), None),
        FormulaSample((activity(50, 0), activity(90, 0)), None),  # both at one moment
        FormulaSample(scores(50, 52, 54), 14.0),  # two points a day
        FormulaSample(scores(50, 52, 0, 56), (14 + 14) / 2 + 0, subject="loops"),
        FormulaSample((activity(40, 0), activity(60, 14)), 10.0),
        FormulaSample((activity(40, 0, module="sql"), activity(60, 14, module="sql")), 10.0, subject="module:sql"),
        FormulaSample((activity(40, 0), activity(60, 14, via="page")), None),
    )


class TestWorkingDifficulty(FormulaSuite):
    formula = WorkingDifficulty()
    lowest, highest = 1, 10
    others = (WorkingDifficulty(WorkingDifficultySettings(last=1)),)
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample((work(None),), None),
        FormulaSample((work(4.0, 0), work(7.0, 1)), 5.5),
        FormulaSample((work(4.0, 0), work(None, 1), work(9.0, 2), work(5.0, 3)), 5.0, subject="loops"),
        FormulaSample((work(10.0, 0), *(work(2.0, day) for day in range(1, 11))), 2.0),  # ten are looked at
        FormulaSample(tuple(work(2.0 if day < 6 else 8.0, day) for day in range(16)), 8.0),  # the latest ten
    )


percents = st.floats(0, 100)


def states(formula, events):
    """Yield the state of a formula after each of some events."""
    state = formula.state()
    for one in events:
        state = formula.apply(state, one)
        yield state


def read(formula, events, subject=""):
    *_, state = states(formula, events)
    return formula.value(state, Reading(MONDAY, subject))


@given(score=percents, number=st.integers(2, 300))
@settings(max_examples=20, deadline=None)
def test_mastery_never_falls_with_the_number_of_equal_attempts(score, number):
    formula = Mastery()
    values = [formula.value(state, Reading(MONDAY, "loops")).value for state in states(formula, scores(*[score] * number))]
    assert all(value <= later + 1e-9 for value, later in pairwise(values))
    assert values[-1] == pytest.approx(score * min(number / 20, 1))


@given(score=percents, number=st.integers(1, 8))
@settings(max_examples=50, deadline=None)
def test_readiness_by_identical_scores_is_that_score(score, number):
    found = read(Readiness(), scores(*[score] * number))
    bounds = ((85, "advanced"), (70, "proficient"), (50, "developing"))
    assert found.value == pytest.approx(score)
    assert found.label == next((word for least, word in bounds if found.value >= least), "beginner")


@given(earlier=st.lists(percents, min_size=1, max_size=20), last=st.lists(percents, min_size=5, max_size=5))
@settings(max_examples=10, deadline=None)
def test_readiness_looks_at_five_scores_however_many_there_are(earlier, last):
    formula, flood = Readiness(), scores(*earlier * 100)
    assert read(formula, (*flood, *scores(*last))) == read(formula, scores(*last))


timed = st.lists(st.tuples(st.integers(0, 3_000_000), percents), min_size=2, max_size=12, unique_by=lambda pair: pair[0])


def attempts(pairs):
    """Return scores at moments, given in seconds, as events in the order of time."""
    return tuple(
        structs.replace(activity(score), occurred_at=MONDAY + timedelta(seconds=second)) for second, score in sorted(pairs)
    )


@given(timed, percents)
@settings(max_examples=50, deadline=None)
def test_identical_scores_improve_nothing(pairs, score):
    assert read(Improvement(), attempts((second, score) for second, _ in pairs)).value == 0


@given(timed)
@settings(max_examples=50, deadline=None)
def test_a_trend_that_is_reversed_has_the_other_sign(pairs):
    value = read(Improvement(), attempts(pairs)).value
    assert read(Improvement(), attempts((3_000_000 - second, score) for second, score in pairs)).value == -value


@given(timed, st.lists(percents, min_size=1, max_size=20))
@settings(max_examples=10, deadline=None)
def test_improvement_looks_at_the_last_scores_however_many_there_are(pairs, earlier):
    formula, last = Improvement(ImprovementSettings(last=len(pairs))), attempts(pairs)
    flood = tuple(activity(score, place / 1000 - 10) for place, score in enumerate(earlier * 100))
    assert read(formula, flood + last) == read(formula, last)
