"""Models: what they find in generated answers, what they never see, and what they say of what they do not know."""

import random

import numpy as np
import pytest
from scipy import sparse

from skillcore.defaults.attempts.learner import FEATURES, Learner, after, features
from skillcore.insight.attempts.answers import Answer, gathered
from skillcore.insight.attempts.fitting import Design, fitted
from skillcore.insight.attempts.judging import judged
from skillcore.insight.attempts.training import predictions, trained
from tests.insight.attempts.generated import answers, rows


@pytest.fixture(scope="module")
def model():
    return trained(answers(1))


def test_it_is_better_than_the_share_of_each_skill_on_learners_it_has_not_seen(model):
    test = answers(2)
    said = judged(test.correct, predictions(model, test))
    by_item = np.array([model.ease_of(test.item_names[item], ()) for item in test.items])
    alone = judged(test.correct, 1 / (1 + np.exp(-by_item)))
    assert said.auc > alone.auc + 0.05 > 0.65
    assert said.rmse < alone.rmse - 0.01
    assert said.calibrated


def test_hard_items_are_found_hard(model):
    said = {name: effect.ease for name, effect in model.items.items()}
    counts: dict[str, list[float]] = {}
    for row in rows(1):
        counts.setdefault(row.item, []).append(row.correct)
    share = {item: sum(right) / len(right) for item, right in counts.items()}
    hardest, easiest = (pick(share, key=lambda item: share[item]) for pick in (min, max))
    assert said[hardest] == min(said.values())
    assert said[easiest] == max(said.values())


def test_the_future_never_reaches_a_prediction(model):
    found = rows(3, learners=4)
    before = predictions(model, gathered(found))
    for cut in (1, 17, 38):
        changed = [
            row._replace(correct=1 - row.correct, item="i0", skills=("s5",)) if row.at > cut * 60 else row for row in found
        ]
        after_ = predictions(model, gathered(changed))
        for learner in range(4):
            start = learner * 40
            assert np.array_equal(before[start : start + cut + 1], after_[start : start + cut + 1])
        assert not np.array_equal(before, after_)


def test_an_answer_never_reaches_its_own_prediction(model):
    found = rows(3, learners=1)
    flipped = [*found[:-1], found[-1]._replace(correct=1 - found[-1].correct)]
    assert predictions(model, gathered(found))[-1] == predictions(model, gathered(flipped))[-1]


def test_learners_do_not_reach_each_other(model):
    together = predictions(model, answers(4, learners=3))
    apart = [predictions(model, answers(4, learners=3 - skip))[: 40 * (3 - skip)] for skip in (1, 2)]
    assert np.array_equal(together[:80], apart[0])
    assert np.array_equal(together[:40], apart[1])


def test_learners_go_on_from_their_earlier_answers_and_others_from_nothing(model):
    found = rows(4, learners=3)
    whole = predictions(model, gathered(found))
    # Of u1 the first half is known, u2 is known as somebody else, and of u0 nothing is.
    early = [row for row in found if row.learner == "u1" and row.at < 1200]
    elsewhere = [row._replace(learner="u9") for row in found if row.learner == "u2" and row.at < 1200]
    late = [row for row in found if row.learner != "u1" or row.at >= 1200]
    said = predictions(model, gathered(late), gathered([*elsewhere, *early]))
    assert np.array_equal(said[:40], whole[:40])
    assert np.array_equal(said[40:60], whole[60:80])
    assert np.array_equal(said[60:], whole[80:])
    assert not np.array_equal(predictions(model, gathered(late))[40:60], whole[60:80])


def test_what_comes_after_the_first_answer_is_not_known_before(model):
    found = rows(4, learners=1)
    later = [row._replace(at=row.at + 0.5, correct=1.0) for row in found[1:]]
    assert np.array_equal(predictions(model, gathered(found), gathered(later)), predictions(model, gathered(found)))
    # What has the same time as the first answer stands in the file of what was before.
    at_once = [row._replace(at=0.0) for row in later]
    assert not np.array_equal(predictions(model, gathered(found), gathered(at_once)), predictions(model, gathered(found)))


def test_predictions_follow_what_is_answered(model):
    def last(outcome):
        found = [Answer("u", f"i{turn}", (f"s{turn % 6}",), turn, outcome) for turn in range(12)]
        return predictions(model, gathered(found))[-1]

    assert last(1.0) > last(0.0) + 0.2


def test_unseen_items_skills_and_learners_have_a_prediction(model):
    found = [Answer("new", "unheard of", skills, 0.0, 1.0) for skills in (("s1",), ("unheard of",), (), ("s1", "unheard of"))]
    said = predictions(model, gathered(found))
    assert np.all((said > 0.05) & (said < 0.95))
    assert model.ease_of("unheard of", ("s1",)) == model.skills["s1"].ease
    assert model.ease_of("unheard of", ("s1", "other")) == pytest.approx((model.skills["s1"].ease + model.ease) / 2)
    assert model.ease_of("unheard of", ()) == model.ease


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_what_is_still_to_come_means_nothing(model, seed):
    """Online: what is said of an answer depends on those before it, whatever follows, in whichever order."""
    found, chance = rows(7, learners=3), random.Random(seed)
    before = predictions(model, gathered(found))
    cut = chance.randrange(1, 39)
    permuted = []
    for learner in range(3):
        own = found[learner * 40 : learner * 40 + 40]
        later = chance.sample(own[cut:], k=40 - cut)
        permuted += own[:cut] + [row._replace(at=kept.at) for row, kept in zip(later, own[cut:], strict=True)]
    after_ = predictions(model, gathered(permuted))
    for start in (0, 40, 80):
        assert np.array_equal(before[start : start + cut], after_[start : start + cut])
    assert not np.array_equal(before, after_)


def test_what_was_answered_before_makes_predictions_better(model):
    """Of each learner anew, without a past, the same model says less."""
    test = rows(8)
    online = judged(gathered(test).correct, predictions(model, gathered(test)))
    strangers = gathered([row._replace(learner=str(number)) for number, row in enumerate(test)])
    assert online.auc > judged(strangers.correct, predictions(model, strangers)).auc + 0.05


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_can_be_foreseen_nothing_is_claimed(seed):
    """Forty learners who toss coins: with weights drawn to zero by a fixed strength, tenths missed by 12 points."""

    def tossed(first, learners):
        chance = random.Random(seed * 10_000 + first)
        return gathered(
            Answer(
                f"u{first + learner}",
                f"i{chance.randrange(200)}",
                (f"s{chance.randrange(10)}",),
                0.0,
                float(chance.random() < 0.5),
            )
            for learner in range(learners)
            for _ in range(50)
        )

    test = tossed(1000, 60)
    said = predictions(trained(tossed(0, 40)), test)
    assert np.mean(np.abs(said - 0.5)) < 0.045
    assert judged(test.correct, said).rmse < 0.505


def test_one_outcome_only_is_not_held_for_certain():
    found = [row._replace(correct=1.0) for row in rows(1, learners=12, each=10)]
    said = predictions(trained(gathered(found)), answers(2, learners=5))
    assert np.all((said > 0.9) & (said < 0.9999))


def test_what_few_have_tried_is_not_named():
    found = [*rows(1, learners=30), *(Answer("u0", "lonely", ("rare",), 9e9, 1.0) for _ in range(50))]
    assert "lonely" not in trained(gathered(found), least_learners=2).items
    assert "rare" not in trained(gathered(found), least_learners=2).skills
    assert "lonely" in trained(gathered(found), least_learners=1).items


def test_of_many_skills_the_most_frequent_have_effects_of_their_own():
    kept = {"s0": 200, "s1": 30, "s2": 200, "s3": 60, "s4": 200, "s5": 30}
    found, left = [], dict(kept)
    for row in rows(1, learners=60):
        left[row.skills[0]] -= 1
        found += [row] if left[row.skills[0]] >= 0 else []
    few, all_of_them = (trained(gathered(found), most_skills=most) for most in (3, 6))
    assert {name for name, skill in few.skills.items() if skill.effect} == {"s0", "s2", "s4"}
    assert {name for name, skill in all_of_them.skills.items() if skill.effect} == set(kept)
    assert all(skill.ease for skill in few.skills.values())
    assert {name for name, skill in few.skills.items() if any(skill.slopes)} == {"s0", "s2", "s4"}
    assert len(few.items) == len(all_of_them.items)
    assert judged(answers(2).correct, predictions(few, answers(2))).auc > 0.68


def test_a_generic_model_names_nothing():
    model = trained(answers(1, learners=40), generic=True)
    assert not model.items
    assert not model.skills
    assert judged(answers(2).correct, predictions(model, answers(2))).auc > 0.55


@pytest.mark.parametrize(
    "found",
    [
        [Answer("u", "i", ("s",), 0.0, 1.0)] * 5,
        [Answer("u", "i", (), float(turn), float(turn % 2)) for turn in range(20)],
        [Answer(f"u{turn}", f"i{turn}", (f"s{turn}",), 0.0, float(turn % 2)) for turn in range(50)],
    ],
    ids=["all right", "one item without a skill", "everything once"],
)
def test_little_and_odd_data_give_a_model_that_is_sure_of_nothing(found):
    said = predictions(trained(gathered(found)), gathered(found))
    assert np.all(np.isfinite(said))
    assert np.all((said > 0.01) & (said < 0.995))


def test_a_fit_meets_the_conditions_of_its_optimum():
    chance = np.random.default_rng(5)
    items, seen = chance.integers(0, 30, 3000), chance.normal(size=(3000, 2))
    truth = chance.normal(size=30)[items] + seen @ np.array([0.8, -0.4]) + 0.3
    correct = (chance.random(3000) < 1 / (1 + np.exp(-truth))).astype(float)
    design = Design(items, 30, sparse.csr_array((len(items), 0)), seen)
    fit = fitted(design, correct)
    residual = correct - 1 / (1 + np.exp(-fit.logits(design)))
    assert residual.sum() == pytest.approx(0, abs=0.5)
    # What is left over on an item is what its penalty holds back: effect / variance.
    left = np.bincount(items, residual, 30)
    assert left == pytest.approx(fit.items / fit.item_variance, abs=0.2)
    assert fit.features == pytest.approx([0.8, -0.4], abs=0.12)
    assert fit.item_variance == pytest.approx(np.var(np.unique(truth - seen @ np.array([0.8, -0.4]) - 0.3)), rel=0.5)


def test_features_have_names_and_skills_count_on_average():
    learner = Learner()
    for outcome in (1.0, 1.0, 0.0):
        learner = after(learner, ("a",), 0.0, 0.0, outcome)
    one, other = (dict(zip(FEATURES, features(learner, skills, 0.0, 60.0), strict=True)) for skills in (("a",), ("a", "b")))
    assert one["skill.right"] == pytest.approx(np.log(3))
    assert other["skill.right"] == pytest.approx(np.log(3) / 2)
    assert one["general.run"] == -1
    assert one["general.pause"] == pytest.approx(np.log(2))
    assert (one["skill.first"], other["skill.first"]) == (0, 0.5)


def test_a_learner_s_state_is_bounded():
    learner = Learner()
    for turn in range(300):
        learner = after(learner, (f"s{turn}",), 0.0, float(turn), 1.0)
    assert len(learner.skills) == 100
    assert "s299" in learner.skills
    assert "s199" not in learner.skills
