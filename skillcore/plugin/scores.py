"""What is derived from events: signals by rules, scores by formulas, achievements by bounds. Nothing here does I/O."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar

from msgspec import Struct

from skillcore.plugin.events import Event

__all__ = [
    "Achievement",
    "Component",
    "Reading",
    "Score",
    "ScoringFormula",
    "SignalRule",
    "SignalType",
    "SkillSignal",
    "SourceType",
]

S = TypeVar("S", bound=Struct)

SourceType = Literal["project", "update", "mentorship", "evidence", "session", "platform"]
SignalType = Literal["joined", "update", "completed"]


class SkillSignal(Struct, frozen=True):
    """A trace that an event leaves on a skill; its first four fields and the user make it one and the same."""

    skill_id: str
    source_type: SourceType
    source_id: str
    signal_type: SignalType
    weight: float = 1.0


class SignalRule(ABC):
    """Derives skill signals from an event. Pure: no clock, no I/O, no globals."""

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[frozenset[str]]

    @abstractmethod
    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Return the signals of one event. Signals that exist already are absorbed."""


class Component(Struct, frozen=True):
    """A part of a score. ``kinds`` and ``subject`` name the events behind it; the engine finds them.

    Attributes:
        value: the part itself; the score combines ``value * weight``.
        subject: as returned by the formula's ``subjects``; empty for all.
        formula: the formula, or role, whose score for ``subject`` the part is; empty if it stems from events themselves.
        most: the highest that ``value`` can become, if there is one: what is missing to it says what would raise the score.
    """

    name: str
    value: float
    weight: float = 1.0
    kinds: frozenset[str] = frozenset()
    subject: str = ""
    formula: str = ""
    most: float | None = None


class Score(Struct, frozen=True):
    """A value that is the weighted sum, or the product, of its components; the engine checks that it is.

    Attributes:
        value: finite, or None where there is nothing to judge by.
        label: a word for the value, where thresholds give one.
        link: what makes the value of what the components make: nothing, or for a probability whose logit they make the
            logistic function, `1 / (1 + exp(-x))`.
    """

    value: float | None
    components: tuple[Component, ...] = ()
    combine: Literal["sum", "product"] = "sum"
    label: str | None = None
    link: Literal["identity", "logistic"] = "identity"

    def combined(self) -> float:
        """Return what the components make, which the value has to be unless it is None."""
        parts = [component.value * component.weight for component in self.components]
        made = math.fsum(parts) if self.combine == "sum" else math.prod(parts)
        if self.link == "identity" or not math.isfinite(made):
            return made
        return 1 / (1 + math.exp(-made)) if made > 0 else math.exp(made) / (1 + math.exp(made))


class Reading(Struct, frozen=True):
    """What a formula may see when its value is read, and never when it folds.

    Attributes:
        at: the moment of reading.
        subject: whose value is read, as returned by ``subjects``.
        definition: targets, sizes and the like, where the formula says which it wants, and its subject has one.
        inputs: scores of the formulas named in ``inputs``, by formula and subject.
    """

    at: datetime
    subject: str = ""
    definition: Struct | None = None
    inputs: Mapping[str, Mapping[str, Score]] = {}


class ScoringFormula(ABC, Generic[S]):
    """A fold over a person's events. Pure: no clock, no I/O, no globals.

    Events come ordered by ``(occurred_at, id)`` with withdrawn evidence left out; the engine sees to it. Parameters are
    attributes of the instance, set by the plugin from its settings and listed by `parameters`: snapshots are kept by name,
    version and parameters.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[frozenset[str]]
    state: type[S]
    inputs: tuple[str, ...] = ()
    definition: type[Struct] | None = None
    """What a subject's value is judged by, such as `skillcore.defaults.definitions.Space`; the engine looks it up."""

    def parameters(self) -> Mapping[str, Any]:
        """Return what, beside the events, determines the fold and its value."""
        return dict(sorted(vars(self).items()))

    def subjects(self, event: Event) -> Iterable[str]:
        """Return whose score the event moves: the person's (empty), a skill's, a space's, and so on."""
        return ("",)

    def asks(self, reading: Reading) -> Mapping[str, Iterable[str]]:
        """Return the subjects whose scores the value needs, for each formula of ``inputs``; by default the same subject.

        The reading has its definition, and no inputs yet.
        """
        return dict.fromkeys(self.inputs, (reading.subject,))

    @abstractmethod
    def apply(self, state: S, event: Event) -> S:
        """Return the state after the event; sees neither definitions nor time."""

    def apply_to(self, subject: str, state: S, event: Event) -> S:
        """Return a subject's state after the event: for formulas whose events move their subjects in different ways."""
        return self.apply(state, event)

    @abstractmethod
    def value(self, state: S, reading: Reading) -> Score:
        """Return the score of a state; sees definitions, other scores and time."""


class Achievement(Struct, frozen=True, kw_only=True):
    """Something earned once when a score reaches a bound.

    Attributes:
        formula: role or name of the formula whose value counts.
        subject: as returned by the formula's ``subjects``.
        at_least: the bound.
    """

    name: str
    title: str
    formula: str
    subject: str = ""
    at_least: float
    points: int = 0
