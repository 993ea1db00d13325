"""What all checks of a formula share: how it is folded and read, and scores of the formulas that it builds on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, ClassVar

from msgspec import Struct, structs

from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula
from skillcore.testing.pure import History, PureFrame, shown

__all__ = ["FormulaFrame", "FormulaSample", "Read"]

SUBJECTS = 6
"""Subjects of a history whose scores are read."""

LATER = (timedelta(0), timedelta(days=1), timedelta(days=20_000))


class FormulaSample(Struct, frozen=True):
    """A history, and what must come of it.

    Attributes:
        events: in any order; the formula sees them by time, as from the ledger.
        value: of the score.
        subject: whose value is read, as returned by the formula's ``subjects``.
        at: the moment of reading; that of the last event, if not given.
        definition: what the formula may see of its subject.
        inputs: values of the formulas named in its ``inputs``, by formula: of the same subject, or by subject.
        label: the score's, if it is to be looked at.
    """

    events: tuple[Event, ...]
    value: float | None
    subject: str = ""
    at: datetime | None = None
    definition: Struct | None = None
    inputs: Mapping[str, float | Mapping[str, float | None] | None] = {}
    label: str | None = None


class Read(Struct, frozen=True):
    """A score with where it comes from."""

    history: History
    subjects: frozenset[str]
    reading: Reading
    state: Any
    score: Score


class FormulaFrame(PureFrame):
    """The attributes that an author sets, and the tools of the checks. See `skillcore.testing.FormulaSuite`."""

    formula: ClassVar[ScoringFormula[Any]]
    samples: ClassVar[Sequence[FormulaSample]] = ()
    lowest: ClassVar[float | None] = None
    highest: ClassVar[float | None] = None
    at_first: ClassVar[Sequence[float | None]] = (0.0, None)
    others: ClassVar[Sequence[ScoringFormula[Any]]] = ()
    definitions: ClassVar[Sequence[Struct | None]] = (None,)

    @property
    def _tried(self) -> ScoringFormula[Any]:
        """The object under test."""
        return self.formula

    def _exercise(self, history: Sequence[Event]) -> None:
        """Fold a history and read every score that comes of it in every way."""
        states = folded(self.formula, history)
        for subject, state in islice(states.items(), SUBJECTS):
            for reading in self._readings(subject, history):
                self.formula.value(state, reading)
        self.formula.parameters()

    def _sampled(self) -> list[History]:
        """Return each sample's events, by time."""
        return [in_time_order(sample.events) for sample in self.samples]

    def _inputs(self) -> Mapping[str, Score]:
        """Return a score of each formula that this one builds on."""
        return {name: scored(name, 3.5) for name in self.formula.inputs}

    def _readings(self, subject: str, history: Sequence[Event]) -> Iterator[Reading]:
        """Yield what the formula may see: soon and late, with every definition, and with scores of all sorts for its inputs."""
        last = history[-1].occurred_at if history else datetime.fromisoformat("2026-01-01T00:00:00+00:00")
        for after in LATER:
            for definition in self.definitions:
                for value in (3.5, None, 0.0, 1e6) if self.formula.inputs else (None,):
                    bare = Reading(last + after, subject, definition)
                    inputs = {
                        name: {one: scored(name, value) for one in subjects} for name, subjects in self._asked(bare).items()
                    }
                    yield structs.replace(bare, inputs=inputs)

    def _asked(self, bare: Reading) -> Mapping[str, Iterable[str]]:
        """Return the subjects whose scores the formula asks for, by formula.

        Raises:
            Nonconformance: it asks for scores of a formula that is none of its inputs.
        """
        asked: Mapping[str, Iterable[str]] = self._contained(lambda: self.formula.asks(bare), ())
        foreign = sorted(set(asked) - set(self.formula.inputs))
        if foreign:
            raise self._refuse(f"asks for scores of {', '.join(foreign)}", "name them in `inputs`, or do not ask for them")
        return {name: tuple(subjects) for name, subjects in asked.items()}

    def _states(self, history: Sequence[Event]) -> dict[str, Any]:
        """Return the states of all subjects after a history.

        Raises:
            Nonconformance: the formula raised.
        """
        found: dict[str, Any] = self._contained(lambda: folded(self.formula, history), history)
        return found

    def _read(self, history: Sequence[Event], state: Any, reading: Reading) -> Score:
        """Return the score of a state.

        Raises:
            Nonconformance: the formula raised, or returned something else.
        """
        score: object = self._contained(lambda: self.formula.value(state, reading), history)
        if not isinstance(score, Score):
            raise self._refuse(f"returns a {type(score).__name__} for its value", "return a Score")
        return score

    def _scores(self) -> Iterator[Read]:
        """Yield scores of all histories, read in every way."""
        for history in self._histories():
            states = self._states(history)
            subjects = frozenset(states)
            for subject, state in islice(states.items(), SUBJECTS):
                for reading in self._readings(subject, history):
                    yield Read(tuple(history), subjects, reading, state, self._read(history, state, reading))

    def _of(self, read: Read) -> str:
        """Say which score it was."""
        subject = f" of {read.reading.subject!a}" if read.reading.subject else ""
        return f"the score{subject} after {shown(read.history)}"


def folded(formula: ScoringFormula[Any], history: Sequence[Event], states: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the states of all subjects after a history, as the ledger folds it.

    Args:
        formula: whose states.
        history: ordered by time.
        states: those before the history.
    """
    states = dict(states or {})
    for event in history:
        for subject in formula.subjects(event):
            state = states.get(subject)
            states[subject] = formula.apply_to(subject, formula.state() if state is None else state, event)
    return states


def in_time_order(events: Sequence[Event]) -> History:
    """Return events as formulas see them."""
    return tuple(sorted(events, key=lambda event: (event.occurred_at, event.id)))


def scored(name: str, value: float | None) -> Score:
    """Return a score of a formula that another one builds on."""
    return Score(value) if value is None else Score(value, (Component(name, value),))
