"""Predictions as they are asked for: each says what it rests on, and says so where there is too little to rest on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.accounts.people import Person
from skillcore.defaults.attempts.formula import NextAttempt
from skillcore.defaults.counted import deviation, mean
from skillcore.insight import readings, spans
from skillcore.insight.explanations import Part, part_of
from skillcore.insight.levels import most_of, rounded
from skillcore.insight.predictions.areas import Area, Practised, areas
from skillcore.insight.predictions.completion import Forecast, completion
from skillcore.insight.predictions.curve import WEEKS, curve
from skillcore.insight.predictions.facts import Measure, corrected, done_by_day, latest_attempts, scores_by_skill, today_of
from skillcore.insight.predictions.practice import Need, needed, needs
from skillcore.ledger import scores, skills, snapshots
from skillcore.ledger.folding import valued
from skillcore.ledger.snapshots import Folded
from skillcore.ledger.tables import SkillRow
from skillcore.plugin import Reading, ScoringFormula
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction

__all__ = [
    "AttemptForecast",
    "CompletionForecast",
    "MasteryForecast",
    "ScoreDay",
    "ScoreForecast",
    "SkillAreas",
    "attempt",
    "completed",
    "judged",
    "mastered",
    "score_ahead",
]

MASTERY, ATTEMPT = "mastery", "attempt"
"""Roles of the formulas that are asked."""

CHALLENGES = 5
LATELY = 10
"""Attempts whose mean is taken for the score of those to come."""


class CompletionForecast(Struct, frozen=True, kw_only=True):
    """When so much will be done.

    Attributes:
        skill: counted on this skill only.
        today: the first day to come; what was done from then on is not part of what it rests on.
        days: of history that it rests on.
    """

    user_id: UUID
    measure: Measure
    skill: str | None
    today: date
    days: int
    forecast: Forecast


class ScoreDay(Struct, frozen=True, kw_only=True):
    """A score expected at the end of a day, with the band that holds it as often as `level` says."""

    day: date
    value: float
    low: float
    high: float


class ScoreForecast(Struct, frozen=True, kw_only=True):
    """Where a score is going.

    Attributes:
        value: the present one; null where there is nothing to judge by.
        known: whether there is enough to say anything; if not, `days` is empty.
        rests_on: days of history, at most.
        days: from tomorrow on, or from the day after a former one.
    """

    user_id: UUID
    formula: str
    formula_version: int
    subject: str
    value: float | None
    level: float
    known: bool
    rests_on: int
    days: list[ScoreDay]


class MasteryForecast(Struct, frozen=True, kw_only=True):
    """What it takes to reach a target, and by when it may be reached.

    Attributes:
        value: the present one; null before the first attempt.
        needs: how many more attempts would do, for several scores of each of them.
        lately: mean score of the last attempts on the skill, ten at most; null without any.
        attempts: how many more would do with such scores; null where even many would not, or without any.
        reached: when so many will have been made, by how often the person practises the skill; null where `attempts` is.
    """

    user_id: UUID
    formula: str
    formula_version: int
    skill: str
    target: float
    value: float | None
    needs: list[Need]
    lately: float | None
    attempts: int | None
    reached: Forecast | None


class AttemptForecast(Struct, frozen=True, kw_only=True):
    """How probable success at the next attempt is.

    Attributes:
        probability: null where there is nothing to judge by.
        link: as for an explanation; `logistic`: the components add up to the logit.
        attempts: the latest that count, a thousand at most, and how many of them were on the skill.
        parameters: of the formula; `model` tells which model it is.
    """

    user_id: UUID
    formula: str
    formula_version: int
    skill: str | None
    item: str
    difficulty: float | None
    probability: float | None
    link: str
    components: list[Part]
    attempts: int
    on_skill: int
    parameters: Mapping[str, Any]


class SkillAreas(Struct, frozen=True, kw_only=True):
    """A person's skills, judged among each other.

    Attributes:
        strongest: best first.
        weakest: worst first.
        challenges: those of which the next attempt is expected to succeed least, of all with enough attempts.
        unknown: with too few attempts to be told from chance.
        attempts: that it rests on: the latest, a thousand at most.
    """

    user_id: UUID
    strongest: list[Area]
    weakest: list[Area]
    challenges: list[Area]
    unknown: list[Area]
    attempts: int


async def completed(
    tx: Transaction,
    actor: Actor,
    *,
    user: str,
    measure: Measure,
    remaining: float,
    skill: str | None,
    level: float,
    as_of: date | None,
) -> CompletionForecast:
    """Return when a person will have done so much more.

    Raises:
        NotFound: no such person for this caller, or no such skill.
        InvalidField: a day that cannot be asked for.
    """
    person = await people.read(tx, actor, user)
    spans.past_end(as_of, person.time_zone)
    chosen = None if skill is None else (await skills.get(tx, skill)).id
    today = today_of(person, as_of)
    history = await done_by_day(tx, actor, person, measure, skill=chosen, today=today)
    return CompletionForecast(
        user_id=person.id,
        measure=measure,
        skill=chosen,
        today=today,
        days=len(history),
        forecast=completion(history, remaining, today, level, corrected(tx)),
    )


async def score_ahead(
    tx: Transaction,
    actor: Actor,
    *,
    formula: str,
    user: str,
    skill: str | None,
    subject: str | None,
    days: int,
    level: float,
    as_of: date | None,
) -> ScoreForecast:
    """Return where a person's score is going; errors are those of `skillcore.insight.readings.asked`."""
    person = await people.read(tx, actor, user)
    today = today_of(person, as_of)
    wanted = await readings.chosen(tx, person.id, person.time_zone, formula, skill=skill, subject=subject, as_of=as_of)
    last = today if as_of is None or as_of >= today else as_of
    back = [last - timedelta(days=ago) for ago in range(7 * WEEKS, -1, -1)]
    ends = [spans.end_of_day(day, person.time_zone) for day in back]
    found = await scores.series(tx, person.id, formula, ends, subject=wanted.subject)
    values = [value.score.value for value in found]
    bound = scores.bound(tx.engine, formula)
    known = [value for value in values if value is not None]
    # What has never been below zero is taken not to go there.
    least = 0.0 if min(known, default=0.0) >= 0 else -math.inf
    bands = curve(values, days, level, least=least, most=most_of(found[-1].score))
    return ScoreForecast(
        user_id=person.id,
        formula=bound.name,
        formula_version=bound.version,
        subject=wanted.subject,
        value=rounded(values[-1]),
        level=level,
        known=bands is not None,
        rests_on=len(back),
        days=[
            ScoreDay(
                day=last + timedelta(days=ahead),
                value=round(band.value, 6),
                low=round(band.low, 6),
                high=round(band.high, 6),
            )
            for ahead, band in enumerate(bands or (), 1)
        ],
    )


async def mastered(
    tx: Transaction,
    actor: Actor,
    *,
    user: str,
    skill: str,
    target: float,
    level: float,
    as_of: date | None,
) -> MasteryForecast:
    """Return what it takes a person to reach a mastery of a skill.

    Raises:
        NotFound: no such person for this caller, or no such skill.
        InvalidField: a day that cannot be asked for.
    """
    person = await people.read(tx, actor, user)
    wanted = await readings.chosen(tx, person.id, person.time_zone, MASTERY, skill=skill, as_of=as_of)
    formula, moment = scores.bound(tx.engine, MASTERY), wanted.as_of
    state = (await _folded(tx, formula, person.id, moment)).states.get(wanted.subject)
    reading = await scores.reading(tx, person.id, formula, subject=wanted.subject, as_of=moment)
    practised = await latest_attempts(tx, actor, person.id, until=moment)
    last = [attempt.score for attempt in practised if wanted.subject in attempt.skills][:LATELY]
    lately = round(mean(last), 6) if last else None
    attempts = None if lately is None else needed(formula, state, reading, target, lately)
    return MasteryForecast(
        user_id=person.id,
        formula=formula.name,
        formula_version=formula.version,
        skill=wanted.subject,
        target=target,
        value=rounded(valued(formula, state, reading).value),
        needs=needs(formula, state, reading, target),
        lately=lately,
        attempts=attempts,
        reached=None if attempts is None else await _practised(tx, actor, person, wanted.subject, attempts, level, as_of),
    )


async def _practised(
    tx: Transaction, actor: Actor, person: Person, skill: str, attempts: int, level: float, as_of: date | None
) -> Forecast:
    today = today_of(person, as_of)
    history = await done_by_day(tx, actor, person, "attempts", skill=skill, today=today)
    return completion(history, float(attempts), today, level, corrected(tx))


async def attempt(
    tx: Transaction,
    actor: Actor,
    *,
    user: str,
    skill: str | None,
    item: str,
    difficulty: float | None,
    as_of: date | None,
) -> AttemptForecast:
    """Return how probable a person's success at the next attempt is.

    Raises:
        NotFound: no such person for this caller, or no such skill.
        InvalidField: a day that cannot be asked for.
    """
    person = await people.read(tx, actor, user)
    chosen = None if skill is None else (await skills.get(tx, skill)).id
    moment = spans.past_end(as_of, person.time_zone)
    of = NextAttempt(skills=() if chosen is None else (chosen,), item=item, difficulty=difficulty)
    found = await scores.read(tx, person.id, ATTEMPT, as_of=moment, definition=of)
    practised = await latest_attempts(tx, actor, person.id, until=moment)
    return AttemptForecast(
        user_id=person.id,
        formula=found.formula,
        formula_version=found.version,
        skill=chosen,
        item=item,
        difficulty=difficulty,
        probability=rounded(found.score.value),
        link=found.score.link,
        components=[part_of(component) for component in found.score.components],
        attempts=len(practised),
        on_skill=sum(chosen in attempt.skills for attempt in practised),
        parameters=scores.bound(tx.engine, ATTEMPT).parameters(),
    )


async def judged(tx: Transaction, actor: Actor, *, user: str, as_of: date | None) -> SkillAreas:
    """Return a person's skills by how they are doing.

    Raises:
        NotFound: no such person for this caller.
        InvalidField: a day that cannot be asked for.
    """
    person = await people.read(tx, actor, user)
    moment = spans.past_end(as_of, person.time_zone)
    of_skill, attempts = await scores_by_skill(tx, actor, person.id, until=moment)
    found = areas(await _each(tx, person, of_skill, moment))
    ranked = [area for area in found if area.kind != "unknown"]
    return SkillAreas(
        user_id=person.id,
        strongest=sorted((area for area in ranked if area.kind == "strong"), key=lambda area: (-area.mean, area.skill)),
        weakest=sorted((area for area in ranked if area.kind == "weak"), key=lambda area: (area.mean, area.skill)),
        challenges=ranked[:CHALLENGES],
        unknown=[area for area in found if area.kind == "unknown"],
        attempts=attempts,
    )


async def _each(
    tx: Transaction, person: Person, of_skill: Mapping[str, Sequence[float]], moment: datetime | None
) -> list[Practised]:
    """Return what is known of each skill."""
    mastery = await scores.read_all(tx, person.id, MASTERY, tuple(of_skill), as_of=moment)
    next_attempt = scores.bound(tx.engine, ATTEMPT)
    state = (await _folded(tx, next_attempt, person.id, moment)).states.get("")
    at = moment or now()
    named = await tx.session.execute(select(SkillRow.id, SkillRow.name).where(SkillRow.id.in_(sorted(of_skill))))
    names = {row.id: row.name for row in named}
    return [
        Practised(
            skill=skill,
            name=names.get(skill, skill),
            attempts=len(given),
            mean=round(mean(given), 6),
            spread=deviation(given),
            mastery=rounded(mastery[skill].score.value),
            chance=rounded(valued(next_attempt, state, Reading(at, "", NextAttempt(skills=(skill,)))).value),
        )
        for skill, given in of_skill.items()
    ]


async def _folded(tx: Transaction, formula: ScoringFormula[Any], user_id: UUID, moment: datetime | None) -> Folded:
    """Return a formula's states now, or as of a moment."""
    connection, plugins = await tx.psycopg(), tx.engine.plugins
    if moment is None:
        return await snapshots.folded(connection, plugins, formula, user_id)
    return await snapshots.as_of(connection, plugins, formula, user_id, moment)
