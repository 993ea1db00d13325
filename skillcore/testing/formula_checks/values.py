"""What a formula says of a state: a finite number within its range, which its components explain."""

from __future__ import annotations

import math
from collections.abc import Mapping

from skillcore.plugin import Reading, Score
from skillcore.testing.formula_checks.frame import FormulaFrame, in_time_order, scored
from skillcore.testing.kinds import installed
from skillcore.testing.pure import shown

__all__ = ["ValueChecks"]

EXACT = {"rel_tol": 1e-9, "abs_tol": 1e-9}
"""What the engine allows for rounding."""


class ValueChecks(FormulaFrame):
    """Checks of `value`."""

    def test_samples_give_their_values(self) -> None:
        """Guards what the formula is for: the histories that the author names give the values that the author expects."""
        if not self.samples:
            self._skip("has no sample in `samples`")
        for sample in self.samples:
            history = in_time_order(sample.events)
            if not history and sample.at is None:
                raise self._refuse("has a sample without events and without `at`", "say in `at` when its value is read")
            at = sample.at or history[-1].occurred_at
            inputs = {
                name: {one: scored(name, number) for one, number in given.items()}
                if isinstance(given, Mapping)
                else {sample.subject: scored(name, given)}
                for name, given in sample.inputs.items()
            }
            state = self._states(history).get(sample.subject, self.formula.state())
            score = self._read(history, state, Reading(at, sample.subject, sample.definition, inputs))
            if not _same(score.value, sample.value) or (sample.label is not None and score.label != sample.label):
                raise self._refuse(
                    f"gives {score.value} {score.label or ''}".rstrip()
                    + f" and not {sample.value} {sample.label or ''}".rstrip()
                    + f" for {shown(history)}",
                    "look at `apply` and `value`, or at the sample",
                )

    def test_its_numbers_are_finite(self) -> None:
        """Guards everything that is compared and drawn: no value and no part of one is infinite or no number."""
        for read in self._scores():
            parts = [("value", read.score.value)]
            for part in read.score.components:
                parts += [(f"{part.name}'s value", part.value), (f"{part.name}'s weight", part.weight)]
            for what, number in parts:
                if number is not None and not _finite(number):
                    raise self._refuse(
                        f"has {number!r} for the {what} in {self._of(read)}",
                        "divide by nothing that may be zero, and bound what is summed: a payload's fields by Meta(ge=…, le=…),"
                        " or the value itself",
                    )

    def test_it_keeps_to_its_range(self) -> None:
        """Guards what people are told a score can be: no value is outside of what the suite declares."""
        if self.lowest is None and self.highest is None:
            self._skip("declares neither `lowest` nor `highest`")
        for read in self._scores():
            value = read.score.value
            if value is None:
                continue
            if (self.lowest is not None and value < self.lowest) or (self.highest is not None and value > self.highest):
                raise self._refuse(
                    f"gives {value}, and declares {self.lowest} to {self.highest}, in {self._of(read)}",
                    "clamp the value together with its components, or declare the range that it has",
                )

    def test_its_parts_make_its_value(self) -> None:
        """Guards explanations: the components, each with its weight, add up to the value, or multiply to it as it says."""
        for read in self._scores():
            self._adds_up(read.score, self._of(read))

    def test_its_parts_name_kinds_and_subjects_of_its_own(self) -> None:
        """Guards explanations: the engine finds the events behind a component by the kinds and the subject that it names."""
        kinds = set(self.formula.kinds)
        for name in self.formula.inputs:
            known = installed().formulas.get(name)
            kinds |= known.kinds if known else set()
        for read in self._scores():
            for part in read.score.components:
                foreign = sorted(part.kinds - kinds)
                if foreign:
                    raise self._refuse(
                        f"has a component {part.name!a} of kinds that it does not take: {', '.join(foreign)}",
                        "name kinds that the formula takes, or add them to its `kinds`",
                    )
                if part.formula and part.formula not in self.formula.inputs:
                    raise self._refuse(
                        f"has a component {part.name!a} of the formula {part.formula!a}, which is none of its inputs",
                        "name that formula in `inputs`",
                    )
                if part.subject and not part.formula and part.subject not in read.subjects:
                    raise self._refuse(
                        f"has a component {part.name!a} of the subject {part.subject!a}, which `subjects` did not return,"
                        f" in {self._of(read)}",
                        "name a subject as `subjects` returns it, or leave it empty for all",
                    )

    def test_nobody_begins_with_a_score(self) -> None:
        """Guards people without any event: they have nothing, or what the suite says that everybody begins with."""
        for reading in self._readings("", ()):
            value = self._read((), self.formula.state(), reading).value
            if not any(_same(value, first) for first in self.at_first):
                raise self._refuse(
                    f"gives {value} to a person without any event",
                    "return 0 or None for the first state, or declare in `at_first` what everybody begins with",
                )

    def _adds_up(self, score: Score, of: str) -> None:
        if score.value is None:
            return
        if score.combine not in {"sum", "product"}:
            raise self._refuse(f"combines by {score.combine!a}", "combine by sum or product")
        if score.link not in {"identity", "logistic"}:
            raise self._refuse(f"has the link {score.link!a}", "let the link be identity or logistic")
        try:
            made = score.combined()
        except (OverflowError, ValueError):  # infinite parts, of which another test tells
            made = math.inf
        if not math.isclose(score.value, made, **EXACT):
            other = "product" if score.combine == "sum" else "sum"
            names = ", ".join(part.name for part in score.components) or "none"
            linked = "" if score.link == "identity" else f" by its {score.link} link"
            raise self._refuse(
                f"says {score.value}, and the {score.combine} of its components ({names}) is {made}{linked}, in {of}",
                f"return every part that the value is made of, or combine={other!r} if that is how they make it",
            )


def _same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isclose(one, other, **EXACT))


def _finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
