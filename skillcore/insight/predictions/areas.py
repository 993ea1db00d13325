"""Which skills are strong, which weak, and which are a challenge, where there is enough to say so.

A skill is ranked from `LEAST_ATTEMPTS` attempts on. It is called strong or weak if its mean score lies further from that of
all the person's attempts than chance explains: by `ERRORS` standard errors of its own mean at least, where a skill's scores
are taken to vary no less than all of them do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

__all__ = ["ERRORS", "LEAST_ATTEMPTS", "Area", "Practised", "areas"]

LEAST_ATTEMPTS = 5
ERRORS = 3.0

Kind = Literal["strong", "weak", "usual", "unknown"]


class Practised(Struct, frozen=True, kw_only=True):
    """What somebody did on a skill.

    Attributes:
        attempts: that count, of the latest ones.
        mean: of their scores, from 0 to 100.
        spread: standard deviation of the population.
        mastery: null where the formula says nothing.
        chance: of success at the next attempt, from 0 to 1; null where nobody knows.
    """

    skill: str
    name: str
    attempts: int
    mean: float
    spread: float
    mastery: float | None
    chance: float | None


class Area(Struct, frozen=True, kw_only=True):
    """A skill, judged among the others of the same person.

    Attributes:
        kind: `unknown`: too few attempts to tell it from chance.
        reasons: in words.
    """

    skill: str
    name: str
    kind: Kind
    attempts: int
    mean: float
    mastery: float | None
    chance: float | None
    reasons: tuple[str, ...]


def areas(practised: Iterable[Practised]) -> list[Area]:
    """Return each skill with what it is, the weakest first; those of which too little is known come last."""
    found = list(practised)
    attempts = sum(one.attempts for one in found)
    if not attempts:
        return []
    centre = math.fsum(one.attempts * one.mean for one in found) / attempts
    within = math.fsum(one.attempts * (one.spread**2 + (one.mean - centre) ** 2) for one in found) / attempts
    return sorted((_area(one, centre, math.sqrt(within)) for one in found), key=_rank)


def _area(one: Practised, centre: float, spread: float) -> Area:
    error = max(spread, one.spread) / math.sqrt(one.attempts) if one.attempts else math.inf
    apart = one.mean - centre
    kind: Kind = "usual"
    if one.attempts < LEAST_ATTEMPTS:
        kind = "unknown"
        reasons = [f"{one.attempts} of the {LEAST_ATTEMPTS} attempts that it takes to judge"]
    else:
        if abs(apart) > ERRORS * error:
            kind = "strong" if apart > 0 else "weak"
        reasons = [f"{one.mean:.0f} on average over {one.attempts} attempts; {centre:.0f} over all skills"]
        if kind == "usual":
            reasons.append(f"within {ERRORS * error:.0f} points, which chance explains")
    if one.chance is not None:
        reasons.append(f"the next attempt is expected to succeed with a probability of {one.chance:.0%}")
    return Area(
        skill=one.skill,
        name=one.name,
        kind=kind,
        attempts=one.attempts,
        mean=one.mean,
        mastery=one.mastery,
        chance=one.chance,
        reasons=tuple(reasons),
    )


def _rank(area: Area) -> tuple[bool, float, str]:
    return (area.kind == "unknown", area.chance if area.chance is not None else area.mean / 100, area.skill)
