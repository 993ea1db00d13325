"""How a formula folds: the same in any batches, with states that snapshots can hold."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from skillcore.plugin import Event
from skillcore.testing.formula_checks.frame import FormulaFrame, folded
from skillcore.testing.pure import encode, shown

__all__ = ["FoldingChecks"]

LONG = 20
"""Events of a history up to which it is cut at every place."""

PLAIN = "give the state's fields types that come back from JSON as they went: numbers, texts, tuples, dicts by text, Structs"


class FoldingChecks(FormulaFrame):
    """Checks of `subjects`, `apply` and the state."""

    def test_no_split_changes_it(self) -> None:
        """Guards snapshots: folding in batches, in other processes and with the state stored between, changes nothing."""
        for history in self._histories():
            whole = encode(self._states(history))
            for cuts in _splits(len(history)):
                split = encode(self._in_batches(history, cuts))
                if split != whole:
                    raise self._refuse(
                        f"comes to another state when it folds {shown(history)} in {len(cuts) + 1} batches:"
                        f" {split[:200].decode()!a} and not {whole[:200].decode()!a}",
                        f"keep in the state all that the next event needs, and nothing on the formula itself; {PLAIN}",
                    )

    def test_its_states_survive_the_database(self) -> None:
        """Guards snapshots: a state that is written as JSON and read again is the same."""
        for history in self._histories():
            for state in self._states(history).values():
                self._restored(state, history)

    def test_it_leaves_its_states_alone(self) -> None:
        """Guards readers that share a state: `apply` returns a new one, and neither it nor `value` changes what it is given."""
        for history in self._histories():
            states: dict[str, Any] = {}
            for event in history:
                for subject in self._contained(partial(self._subjects, event), [event]):
                    before = states.get(subject, self.formula.state())
                    kept, bytes_ = copy.deepcopy(before), encode(before)
                    after = self._contained(partial(self.formula.apply_to, subject, before, event), history)
                    self._unchanged("apply", bytes_, before, kept, history)
                    states[subject] = after
            for subject, state in states.items():
                kept, bytes_ = copy.deepcopy(state), encode(state)
                for reading in self._readings(subject, history):
                    self._read(history, state, reading)
                self._unchanged("value", bytes_, state, kept, history)

    def test_it_names_its_subjects(self) -> None:
        """Guards the ledger, which keeps a state for each subject: they are texts, each named once an event."""
        for history in self._histories():
            for event in history:
                subjects = self._contained(partial(self._subjects, event), [event])
                odd = [subject for subject in subjects if not isinstance(subject, str)]
                if odd or isinstance(self.formula.subjects(event), str):
                    raise self._refuse(f"names the subjects {subjects!a} for {shown([event])}", "return a tuple of texts")
                if len(set(subjects)) != len(subjects):
                    raise self._refuse(
                        f"names a subject twice for {shown([event])}, which moves its score twice: {subjects!a}",
                        "return each once, as dict.fromkeys does",
                    )

    def _subjects(self, event: Event) -> list[str]:
        return list(self.formula.subjects(event))

    def _in_batches(self, history: Sequence[Event], cuts: Sequence[int]) -> Mapping[str, Any]:
        states: Mapping[str, Any] = {}
        for start, end in zip((0, *cuts), (*cuts, len(history)), strict=True):
            states = self._contained(partial(folded, self._copied(), history[start:end], states), history)
            states = {subject: self._restored(state, history) for subject, state in states.items()}
        return states

    def _restored(self, state: Any, history: Sequence[Event]) -> Any:
        try:
            bytes_ = msgspec.json.encode(state)
            again = msgspec.json.decode(bytes_, type=self.formula.state)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
            raise self._refuse(f"has a state that JSON does not carry: {error}, after {shown(history)}", PLAIN) from error
        if again != state or encode(again) != encode(state):
            raise self._refuse(
                f"has a state that comes back from JSON as {again!a:.200} and went as {state!a:.200}, after {shown(history)}",
                PLAIN,
            )
        return again

    def _unchanged(self, method: str, bytes_: bytes, state: Any, kept: Any, history: Sequence[Event]) -> None:
        if encode(state) != bytes_ or state != kept:
            raise self._refuse(
                f"changes in `{method}` the state that it is given, for {shown(history)}",
                "declare the state with frozen=True, and build new dicts and tuples instead of changing the old ones",
            )


def _splits(length: int) -> list[tuple[int, ...]]:
    """Return places to cut a history at: each alone if it is short, and everywhere at once."""
    each = [(place,) for place in range(1, length)] if length <= LONG else [(length // 3, length // 2)]
    return [*each, tuple(range(1, length))] if length > 1 else [()]
