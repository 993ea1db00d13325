"""What a formula says of its parameters: snapshots are kept by them, so that nothing may be missing."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from skillcore.plugin import ScoringFormula
from skillcore.testing.elsewhere import results
from skillcore.testing.formula_checks.frame import FormulaFrame
from skillcore.testing.pure import History, encode

__all__ = ["ParameterChecks"]

SAID = "return from parameters() all that the value depends on beside the events, or leave parameters() as it is inherited"


class ParameterChecks(FormulaFrame):
    """Checks of `parameters`."""

    def test_its_parameters_are_plain(self) -> None:
        """Guards snapshots, which are found by the parameters: JSON carries them, and folding leaves them as they are."""
        before = self._parameters(self.formula)
        for history in self._histories():
            self._exercised(history)
        if self._parameters(self.formula) != before:
            raise self._refuse(
                f"has other parameters after folding: {self._parameters(self.formula).decode()!a:.200} and not"
                f" {before.decode()!a:.200}",
                "set attributes in __init__ only, or name the parameters in parameters()",
            )
        if self._parameters(self._copied()) != before:
            raise self._refuse(
                "has other parameters when it is made again", "let parameters be values, not objects with an address"
            )

    def test_its_parameters_tell_formulas_apart(self) -> None:
        """Guards against stale scores: with other settings the formula has other parameters, so that it folds anew.

        The suite changes the formula's attributes one by one; where its scores change with one, its parameters must.
        """
        histories = self._possible()
        said, before = self._parameters(self.formula), self._lines(self.formula, histories)
        for name, other in _others(self.formula):
            if self._parameters(other) == said and self._differs(other, histories, before):
                raise self._refuse(
                    f"gives other scores when its attribute {name!r} changes, and has the same parameters {said.decode()!a}",
                    SAID,
                )
        for other in self.others:
            if self._parameters(other) == said:
                raise self._refuse(f"has the same parameters as another one in `others`: {said.decode()!a:.200}", SAID)

    def _parameters(self, formula: ScoringFormula[Any]) -> bytes:
        try:
            return encode(dict(formula.parameters()))
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise self._refuse(
                f"has parameters that JSON does not carry: {error}",
                "name in parameters() plain values, or keep only those as attributes",
            ) from error

    def _differs(self, other: ScoringFormula[Any], histories: Sequence[History], before: Sequence[bytes]) -> bool:
        """Tell whether another formula gives other states or values; one that cannot work so does not count."""
        for history, line in zip(histories, before, strict=True):
            try:
                if results(other, [history], self._inputs()) != line:
                    return True
            except Exception:  # noqa: BLE001 - it was given an attribute that no settings would
                return False
        return False


def _others(formula: ScoringFormula[Any]) -> Iterator[tuple[str, ScoringFormula[Any]]]:
    """Yield copies of a formula that differ in one public attribute."""
    for name, value in sorted(vars(formula).items()):
        if not name.startswith("_"):
            for changed in _changed(value):
                other = copy.copy(formula)
                vars(other)[name] = changed
                yield name, other


def _changed(value: Any) -> Iterator[Any]:
    """Yield values like one, and other than it."""
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value * 2 + 1
            yield value / 2 if isinstance(value, float) else value + 1
        case str():
            yield f"{value}x"
        case dict():
            for key, item in value.items():
                yield from ({**value, key: changed} for changed in _changed(item))
        case tuple() | list():
            for place, item in enumerate(value):
                yield from (type(value)([*value[:place], changed, *value[place + 1 :]]) for changed in _changed(item))
        case Struct():
            for field in msgspec.structs.fields(value):
                for changed in _changed(getattr(value, field.name)):
                    yield msgspec.structs.replace(value, **{field.name: changed})
