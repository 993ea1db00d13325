"""Every promise that an achievement may break is broken once, and the test that guards it says so."""

import math

import pytest

from skillcore.plugin import Achievement
from skillcore.testing import AchievementSuite, Nonconformance, event
from tests.testing.broken_formulas import BeginsWithSomething, Broken


def work(name):
    return event(
        "evidence.accepted", {"source": "gym", "account": "gym:7", "work": name, "strength": "judged", "difficulty": 4}
    )


WORKS = tuple(map(work, "abc"))


def achievement(**different):
    return Achievement(**{"name": "first-steps", "title": "First steps", "formula": "level", "at_least": 1.0, **different})


def suite_of(different, attributes):
    return type("Suite", (AchievementSuite,), {"achievement": achievement(**different), **attributes})()


@pytest.mark.parametrize(
    ("test", "different", "attributes", "wrong", "remedy"),
    [
        ("test_it_is_well_formed", {"title": ""}, {}, "it needs a title", "what the message asks for"),
        ("test_it_is_well_formed", {"formula": "No Such"}, {}, "must be the name of a formula or role", "what the message"),
        ("test_its_bound_and_points_are_numbers", {"at_least": math.inf}, {}, "has inf for its bound", "finite number"),
        ("test_its_bound_and_points_are_numbers", {"points": -1}, {}, "has -1 points", "0 or more"),
        ("test_its_formula_exists", {"formula": "levle"}, {}, "'levle', which no installed plugin offers", "spell it as it is"),
        ("test_it_is_not_given_away", {"at_least": 0.0}, {}, "is earned by 0.0", "set at_least above"),
        ("test_it_is_not_given_away", {}, {"formula": BeginsWithSomething()}, "is earned by 1000.0", "set at_least above"),
        ("test_it_can_be_reached", {"at_least": 11.0}, {"highest": 10}, "needs 11.0, and the formula ends at 10", "reached"),
        ("test_samples_earn_it_or_not", {}, {"earned": (WORKS[:2],)}, "is not earned by 2 events", "look at the bound"),
        ("test_samples_earn_it_or_not", {}, {"not_earned": (WORKS,)}, "is earned by 3 events", "look at the bound"),
    ],
)
def test_each_promise_has_its_test(test, different, attributes, wrong, remedy):
    with pytest.raises(Nonconformance) as caught:
        getattr(suite_of(different, attributes), test)()
    said = str(caught.value)
    assert said.startswith("first-steps: ")
    assert wrong in said
    assert remedy in said.partition("Remedy: ")[2]


class TestFirstSteps(AchievementSuite):
    """1.2 levels of three works of difficulty 4, and 0.8 of two: the bound of 1 lies between."""

    achievement = achievement()
    earned = (WORKS, WORKS[::-1])
    not_earned = ((), WORKS[:2])


class TestThreeWorks(AchievementSuite):
    achievement = achievement(name="three", formula="acme.broken", at_least=3)
    formula = Broken()
    highest = 100
    earned = (WORKS,)
    not_earned = (WORKS[:2],)
