"""The conformance suite for achievements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from skillcore.plugin import Achievement, Event, Reading, ScoringFormula
from skillcore.testing.conformance import Nonconformance
from skillcore.testing.formula_checks.frame import folded, in_time_order
from skillcore.testing.kinds import START, installed
from skillcore.testing.pure import judged, shown

__all__ = ["AchievementSuite"]


class AchievementSuite:
    """The whole suite for an achievement: one subclass, whose name begins with ``Test``, is all that an author adds.

    Example:
        class TestFirstTen(AchievementSuite):
            achievement = Achievement(name="first-ten", title="Ten works", formula="works", at_least=10)
            earned = (ten_works,)
            not_earned = (ten_works[:9],)

    No test needs a fixture.

    Attributes:
        achievement: the object under test.
        formula: whose value counts, where no installed plugin offers it under the achievement's ``formula``.
        highest: the highest value that the formula can have, if it has one.
        earned: histories that earn it; events in any order.
        not_earned: histories that do not.
    """

    achievement: ClassVar[Achievement]
    formula: ClassVar[ScoringFormula[Any] | None] = None
    highest: ClassVar[float | None] = None
    earned: ClassVar[Sequence[Sequence[Event]]] = ()
    not_earned: ClassVar[Sequence[Sequence[Event]]] = ()

    @property
    def _who(self) -> str:
        """The achievement's name, for messages."""
        return self.achievement.name

    def _refuse(self, wrong: str, remedy: str) -> Nonconformance:
        """Return the error that says what is wrong with the achievement, and what mends it."""
        return Nonconformance(self._who, wrong, remedy)

    def test_it_is_well_formed(self) -> None:
        """Guards the start of the engine, which refuses a plugin whose achievements lack a name, a title or a formula."""
        refused = judged(self.achievement)
        if refused:
            raise self._refuse(f"would be refused by the engine: {refused}", "give it what the message asks for")
        if msgspec.json.decode(msgspec.json.encode(self.achievement), type=Achievement) != self.achievement:
            raise self._refuse("does not come back from JSON as it went", "build it of texts and numbers")

    def test_its_bound_and_points_are_numbers(self) -> None:
        """Guards leader boards: the bound is finite, and points are not taken away."""
        if not math.isfinite(self.achievement.at_least):
            raise self._refuse(f"has {self.achievement.at_least} for its bound", "set at_least to a finite number")
        if self.achievement.points < 0:
            raise self._refuse(f"has {self.achievement.points} points", "set points to 0 or more")

    def test_its_formula_exists(self) -> None:
        """Guards against what nobody can earn: the formula whose value counts is offered by somebody."""
        if self._formula() is None:
            raise self._refuse(
                f"counts the formula {self.achievement.formula!r}, which no installed plugin offers",
                "spell it as it is, install the plugin that offers it, or name it in the suite's `formula`",
            )

    def test_it_is_not_given_away(self) -> None:
        """Guards its worth: a person without any event has not earned it."""
        value = self._value(())
        if value is not None and value >= self.achievement.at_least:
            raise self._refuse(
                f"is earned by {value}, the value of a person without any event, its bound being {self.achievement.at_least}",
                "set at_least above that",
            )

    def test_it_can_be_reached(self) -> None:
        """Guards people's time: the bound is not above the highest value there is."""
        if self.highest is None:
            pytest.skip(f"the suite of {self._who} declares no `highest`")
        if self.achievement.at_least > self.highest:
            raise self._refuse(
                f"needs {self.achievement.at_least}, and the formula ends at {self.highest}",
                "set at_least to what can be reached",
            )

    def test_samples_earn_it_or_not(self) -> None:
        """Guards what it is for: the histories that the author names earn it, or do not."""
        if not self.earned and not self.not_earned:
            pytest.skip(f"the suite of {self._who} has no samples in `earned` and `not_earned`")
        for histories, wanted in ((self.earned, True), (self.not_earned, False)):
            for history in histories:
                value = self._value(history)
                if (value is not None and value >= self.achievement.at_least) != wanted:
                    raise self._refuse(
                        f"is {'not ' if wanted else ''}earned by {shown(in_time_order(history))}: {self.achievement.formula} is"
                        f" {value}, and the bound {self.achievement.at_least}",
                        "look at the bound, at the formula, or at the sample",
                    )

    def _formula(self) -> ScoringFormula[Any] | None:
        return self.formula if self.formula is not None else installed().formulas.get(self.achievement.formula)

    def _value(self, history: Sequence[Event]) -> float | None:
        formula = self._formula()
        if formula is None:
            pytest.skip(f"the formula of {self._who} is not here")
        seen = in_time_order(history)
        state = folded(formula, seen).get(self.achievement.subject, formula.state())
        at = seen[-1].occurred_at if seen else START + timedelta(days=1)
        return formula.value(state, Reading(at, self.achievement.subject)).value
