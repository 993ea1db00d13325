"""The formula of the next attempt under the whole suite, with sums by hand."""

import math
from datetime import UTC, datetime
from functools import reduce

import msgspec
import pytest
from msgspec import structs

from skillcore.defaults.attempts.formula import Attempt, AttemptSettings, NextAttempt, attempted, configured
from skillcore.defaults.attempts.learner import FEATURES, Learner
from skillcore.defaults.attempts.model import Bend, Effect, Model, TrainedOn, UnusableModel, generic, read_model
from skillcore.plugin import Reading
from skillcore.testing import FormulaSample, FormulaSuite, event

NOWHERE = TrainedOn(answers=0, learners=0, items=0, skills=0)
AT = datetime(2026, 3, 3, tzinfo=UTC)


def weighing(**weights: float) -> Model:
    """Return a model by hand: the features named, an item and a skill."""
    return Model(
        trained_on=NOWHERE,
        least_learners=1,
        intercept=0.5,
        ease=0.0,
        weights={name: weights.get(name.replace(".", "_"), 0.0) for name in FEATURES},
        skills={"loops": Effect(0.25, 0.1)},
        items={"gym:a": Effect(-1.0, -0.8)},
    )


def scored(score, skills=("loops",), via="platform", **more):
    made = event("session.activity", {"type": "quiz", "score": score, **more}, skills=skills)
    return structs.replace(made, via=via)


def work(name, skills=("loops",), difficulty=None):
    data = {"source": "gym", "account": "gym:7", "work": name, "strength": "judged", "difficulty": difficulty}
    return event("evidence.accepted", data, skills=skills)


def logistic(logit):
    return 1 / (1 + math.exp(-logit))


COUNTING = weighing(general_right=1.0, general_wrong=-1.0, skill_right=2.0)
ON_LOOPS = NextAttempt(skills=("loops",))


class TestAttempt(FormulaSuite):
    formula = Attempt(COUNTING)
    lowest = 0
    highest = 1
    others = (
        Attempt(generic()),
        Attempt(COUNTING, AttemptSettings(difficulty_slope=1.0)),
        Attempt(COUNTING, AttemptSettings(usual_difficulty=3.0)),
    )
    definitions = (None, ON_LOOPS, NextAttempt(skills=("loops", "new"), item="gym:a", difficulty=9.0))
    at_first = (None, logistic(0.75), logistic(0.5 - 1.0 + 0.125))
    samples = (
        # Nobody's attempt, on a skill that the model knows: intercept and skill.
        FormulaSample((), logistic(0.5 + 0.25), at=AT, definition=ON_LOOPS),
        FormulaSample((), None, at=AT),
        # A success in general, nothing known of the skill: 0.5 + ln 2.
        FormulaSample((scored(100),), logistic(0.5 + math.log(2))),
        FormulaSample((scored(100),), logistic(0.75 + math.log(2) + 2 * math.log(2)), definition=ON_LOOPS),
        # Half a success: ln 1.5 for it, and as much against it.
        FormulaSample((scored(50),), logistic(0.75 + 2 * math.log(1.5)), definition=ON_LOOPS),
        FormulaSample((scored(0),), logistic(0.75 - math.log(2)), definition=ON_LOOPS),
        FormulaSample((work("b"), work("c")), logistic(0.75 + 3 * math.log(3)), definition=ON_LOOPS),
        # The item is known, so that its stated difficulty says nothing new.
        FormulaSample((), logistic(0.75 - 1), at=AT, definition=NextAttempt(("loops",), "gym:a", 9.0)),
        FormulaSample((), logistic(0.75 - 4 * 0.25), at=AT, definition=NextAttempt(("loops",), "gym:b", 9.0)),
        # What learners say of themselves, and what has no score, are no attempts.
        FormulaSample((scored(100, via="page"), scored(100, via="edge"), scored(None)), None),
    )


class TestShipped(FormulaSuite):
    formula = Attempt(generic())
    lowest = 0
    highest = 1
    definitions = (None, ON_LOOPS)


def read(formula, events, definition=ON_LOOPS):
    return formula.value(reduce(formula.apply, events, Learner()), Reading(AT, definition=definition))


def test_parts_are_told_on_the_scale_of_logits():
    score = read(Attempt(COUNTING), [scored(100), scored(0)])
    assert score.link == "logistic"
    parts = {part.name: part.value for part in score.components}
    assert parts == {
        "usual": 0.5,
        "the item": 0.0,
        "the skill": 0.25,
        "attempts so far": pytest.approx(math.log(2) - math.log(2)),
        "attempts on the skill": pytest.approx(2 * math.log(2)),
        "ability on top of what is expected": 0.0,
        "the bend": 0.0,
    }


@pytest.mark.parametrize(
    ("depth", "middle", "reach", "bend"),
    [
        (-0.8, 0.0, 3.0, -0.05),  # 0.75 is a quarter of the way: -0.8 / 16
        (-0.8, -0.75, 3.0, -0.2),  # half of the way
        (-0.8, 0.0, 0.5, -0.8),  # beyond the reach
    ],
)
def test_a_bend_adds_the_more_the_farther_from_its_middle(depth, middle, reach, bend):
    bent = structs.replace(COUNTING, bend=Bend(depth, middle, reach))
    assert read(Attempt(bent), []).value == pytest.approx(logistic(0.75 + bend))
    assert read(Attempt(bent), []).components[-1].value == pytest.approx(bend)


def test_the_shipped_model_names_nobody_s_items_and_learns_from_every_outcome():
    model = generic()
    assert (model.items, model.skills) == ({}, {})
    formula = Attempt(model)
    outcomes = [100, 0, 100, 100, 0, 0, 100]
    for length in range(len(outcomes)):
        before = [scored(outcome) for outcome in outcomes[:length]]
        up, down = (read(formula, [*before, scored(last)]).value for last in (100, 0))
        assert 0.05 < down < up < 0.95


def test_many_successes_and_failures_leave_a_probability():
    formula = Attempt(generic())
    assert 0.75 < read(formula, [work(f"w{number}") for number in range(400)]).value < 1
    assert 0 < read(formula, [scored(0) for _ in range(400)]).value < 0.25


def test_harder_is_less_likely():
    formula = Attempt(generic())
    said = [read(formula, [scored(100)], NextAttempt(("loops",), difficulty=float(hard))).value for hard in range(1, 11)]
    assert said == sorted(said, reverse=True)
    assert said[0] > said[-1] + 0.1


def test_items_are_named_alike_for_everybody():
    assert attempted(work("1500/A")).item == "gym:1500/A"
    assert attempted(scored(80, item="quiz 4")) == ("quiz 4", ("loops",), None, 0.8)
    assert attempted(scored(None)) is None


def test_a_model_comes_back_from_its_file(tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(msgspec.json.encode(COUNTING))
    assert read_model(path) == COUNTING
    assert configured(AttemptSettings(model=str(path))).parameters()["model"] == COUNTING.digest()
    assert configured(AttemptSettings()).parameters()["model"] == generic().digest() != COUNTING.digest()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no model", "holds no model of this version"),
        (msgspec.json.encode({**msgspec.to_builtins(COUNTING), "format": 2}), "train"),
        (msgspec.json.encode({**msgspec.to_builtins(COUNTING), "weights": {"shoe.size": 1.0}}), "shoe.size"),
        (None, "No such file"),
    ],
)
def test_a_file_without_a_usable_model_is_refused(tmp_path, content, said):
    path = tmp_path / "model.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnusableModel, match=said):
        configured(AttemptSettings(model=str(path)))
