"""Formulas that each break one promise, and sound ones that are easily mistaken for broken."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from msgspec import Struct, structs

from skillcore.plugin import Component, EventKind, Score, ScoringFormula


class Lap(Struct, frozen=True):
    """Without bounds, so that a sum may overflow."""

    metres: float


LAP = EventKind("acme.lap", Lap, client=True)


class Count(Struct, frozen=True):
    number: int = 0
    skills: tuple[str, ...] = ()


class Broken(ScoringFormula[Count]):
    name = "acme.broken"
    version = 1
    kinds = frozenset({"evidence.accepted"})
    state = Count

    def apply(self, state, event):
        return structs.replace(state, number=state.number + 1)

    def value(self, state, reading):
        return self.score(float(state.number))

    def score(self, value, **different):
        part = Component("works", **{"value": value, "kinds": self.kinds, **different})
        return Score(value, (part,))


class ReadsClockInValue(Broken):
    def value(self, state, reading):
        return self.score(float((datetime.now(UTC) - reading.at).days))


class CountsOnItself(Broken):
    def __init__(self):
        self.number = 0

    def apply(self, state, event):
        self.number += 1
        return Count(self.number)

    def parameters(self):
        return {}


class RemembersTheLast(Broken):
    """Two works in a row count double, and which was the last it keeps on itself: a batch that begins anew forgets it."""

    def __init__(self):
        self.last = None

    def apply(self, state, event):
        again, self.last = self.last == state.number, state.number + 1
        return Count(state.number + (2 if again else 1))

    def parameters(self):
        return {}


class KeepsASet(Broken):
    def apply(self, state, event):
        return Count(state.number + 1, tuple({*state.skills, *event.skills}))


class Loose(Struct, frozen=True):
    last: Any = ()
    number: int = 0


class ForgetsATuple(Broken):
    """Its state holds a tuple where JSON gives back a list."""

    state = Loose

    def apply(self, state, event):
        return Loose((event.kind,), state.number + (2 if isinstance(state.last, tuple) else 1))


class Unstorable(Broken):
    class state(Struct, frozen=True):  # noqa: N801 - the contract calls it so
        number: Any = 0

    def apply(self, state, event):
        return self.state(object())

    def value(self, state, reading):
        return self.score(0.0)


class Overflows(Broken):
    kinds = frozenset({"acme.lap"})

    class state(Struct, frozen=True):  # noqa: N801
        metres: float = 0.0

    def apply(self, state, event):
        return self.state(max(-1.7e308, min(1.7e308, state.metres + event.data.metres)))

    def value(self, state, reading):
        return self.score(state.metres * 10)


class DividesToNothing(Broken):
    def value(self, state, reading):
        return self.score(math.nan if state.number > 1 else 0.0)


class HasAnInfiniteWeight(Broken):
    def value(self, state, reading):
        return self.score(0.0, weight=math.inf)


class NeedsDifficulty(Broken):
    def apply(self, state, event):
        return Count(state.number + int(event.data.difficulty))


class FallsAtTheFirst(Broken):
    def value(self, state, reading):
        return self.score(1 / state.number)


class HidesAPart(Broken):
    def value(self, state, reading):
        return Score(state.number + 1.0, (Component("works", float(state.number)),))


class ProductAsSum(Broken):
    def value(self, state, reading):
        parts = (Component("works", float(state.number)), Component("each", 3.0))
        return Score(state.number * 3.0, parts)


class LogitAsSum(Broken):
    def value(self, state, reading):
        return Score(0.9, (Component("works", 0.0),), link="logistic")


class LinksOddly(Broken):
    def value(self, state, reading):
        return Score(0.0, (Component("works", 0.0),), link="probit")


class LeavesTheRange(Broken):
    pass


class Grows(Struct):
    skills: list[str] = []
    number: int = 0


class ChangesItsState(Broken):
    state = Grows

    def apply(self, state, event):
        state.number += 1
        return state


class ChangesItsStateInside(Broken):
    state = Grows

    def apply(self, state, event):
        state.skills.extend(event.skills)
        return Grows(state.skills, state.number + 1)


class ChangesItsStateWhenRead(Broken):
    state = Grows

    def apply(self, state, event):
        return Grows(state.skills, state.number + 1)

    def value(self, state, reading):
        state.skills.append("read")
        return self.score(float(state.number))


class ChangesEvents(Broken):
    def apply(self, state, event):
        event.data.metadata["seen"] = True
        return super().apply(state, event)


class HidesAParameter(Broken):
    def __init__(self, weight=2.0):
        self.weight = weight

    def value(self, state, reading):
        return self.score(state.number * self.weight)

    def parameters(self):
        return {}


class HidesAFold(Broken):
    """The parameter decides only what is folded, for works that are worth something."""

    def __init__(self, least=3.0):
        self._least = least

    def apply(self, state, event):
        return Count(state.number + ((event.data.difficulty or 0) > self._least))

    def parameters(self):
        return {}


class HasOddParameters(Broken):
    def __init__(self):
        self.of = object()


class LearnsItsParameters(Broken):
    def __init__(self, weight=2.0):
        self.weight = weight

    @cached_property
    def doubled(self):
        return self.weight * 2

    def value(self, state, reading):
        return self.score(state.number * self.doubled)


class NamesForeignKinds(Broken):
    def value(self, state, reading):
        return self.score(float(state.number), kinds=frozenset({"project.joined"}))


class NamesForeignSubjects(Broken):
    def value(self, state, reading):
        return self.score(float(state.number), subject="elsewhere")


class NamesSubjectsTwice(Broken):
    def subjects(self, event):
        return ("", *event.skills, *event.skills)


class NamesOddSubjects(Broken):
    def subjects(self, event):
        return (None,)


class BeginsWithSomething(Broken):
    def value(self, state, reading):
        return self.score(state.number + 1000.0)


class ReturnsANumber(Broken):
    def value(self, state, reading):
        return float(state.number)


class HasNoState(Broken):
    state = dict


class Rated(Struct, frozen=True):
    weights: dict[str, float] = {}
    skills: frozenset[str] = frozenset()


class Rating(ScoringFormula[Rated]):
    """Builds on the level, multiplies, depends on time, keeps a set, begins at 1000, and is sound."""

    name = "acme.rating"
    version = 2
    kinds = frozenset({"evidence.accepted", "acme.lap"})
    state = Rated
    inputs = ("level",)

    def __init__(self, base=1000.0, weights=(1.0, 2.0)):
        self.base = base
        self.weights = weights
        self._sum = sum(weights)

    def parameters(self):
        return {"base": self.base, "weights": self.weights}

    def subjects(self, event):
        return ("", *dict.fromkeys(event.skills))

    def apply(self, state, event):
        if event.kind == "acme.lap":
            return state
        weight = self.weights[event.data.difficulty is None]
        return Rated({**state.weights, event.subject_id: weight}, state.skills | set(event.skills))

    def value(self, state, reading):
        level = reading.inputs["level"][reading.subject].value or 0.0
        days = min(max((reading.at - datetime(2026, 1, 1, tzinfo=UTC)).days, 0), 365)
        grown = 1 + math.log1p(len(state.weights)) + min(level, 100.0) / 100
        faded = math.exp(-days / 365) if state.weights else 1.0
        parts = (
            Component("base", self.base),
            Component("growth", grown, 1.0, self.kinds, reading.subject),
            Component("freshness", faded if state.weights else 1 / grown),
        )
        return Score(math.prod(part.value * part.weight for part in parts), parts, "product", "rated")
