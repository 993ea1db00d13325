"""What predictions rest on, read from the ledger: how much was done on each day, and how the latest attempts went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Float, Select, and_, any_, case, cast, func, literal_column, null, or_, select

from skillcore.accounts.access import Actor
from skillcore.accounts.people import Person
from skillcore.defaults.counted import KINDS, VOUCHING, counted
from skillcore.insight.predictions.completion import Correction
from skillcore.insight.predictions.pace import LONGEST_HISTORY
from skillcore.insight.records import conditions
from skillcore.learning.session_minutes import minutes_by_day, trained_before
from skillcore.ledger.entries import in_order, latest, newest_first, visible_to
from skillcore.ledger.streams import LAST, NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.work.weekly import MINUTES, WORK

__all__ = [
    "LATEST",
    "Attempt",
    "Measure",
    "corrected",
    "did_before",
    "done_by_day",
    "latest_attempts",
    "scores_by_skill",
    "today_of",
]

Measure = Literal["works", "attempts", "minutes"]
"""What is counted: accepted works, attempts that count, or minutes: stated, and without a skill also of training sessions."""

LATEST = 1000
"""Attempts that are looked at, so that a long history is read as fast as a short one."""

AS_INDEXED = EventRow.kind.in_([literal_column(f"'{kind}'") for kind in sorted(KINDS)])
"""`KINDS` as the index of attempts has them: the planner cannot compare it with parameters."""


class Attempt(NamedTuple):
    """An attempt that counts: the skills it was about, and how well it went, from 0 to 100."""

    skills: Sequence[str]
    score: float


def today_of(person: Person, as_of: date | None) -> date:
    """Return the first day to come of a person: today, or the day after a former one."""
    today = now().astimezone(ZoneInfo(person.time_zone)).date()
    return today if as_of is None or as_of >= today else as_of + timedelta(days=1)


def corrected(tx: Transaction) -> Correction:
    """Return how forecasts of completion are corrected here."""
    chosen = tx.engine.settings.forecasts
    return Correction(chosen.shift, chosen.scale)


async def done_by_day(
    tx: Transaction, actor: Actor, person: Person, measure: Measure, *, skill: str | None, today: date
) -> list[float]:
    """Return how much a person did on each day up to yesterday, from the first day that holds something.

    Where they began longer ago than is looked at, it is that many days. Withdrawn evidence is left out, and for a platform
    what is other platforms' business.

    Args:
        tx: an open transaction.
        actor: who asks.
        person: whose.
        measure: what is counted.
        skill: only on this skill, by its id.
        today: the day after the last one.
    """
    zone = ZoneInfo(person.time_zone)
    first = today - timedelta(days=LONGEST_HISTORY)
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, today))
    counting = await _counting(tx, person.id, measure, skill)
    day = cast(func.timezone(person.time_zone, EventRow.occurred_at), Date)
    amount = func.sum(EventRow.data["minutes"].as_float()) if measure == "minutes" else cast(func.count(), Float)
    within = (EventRow.occurred_at >= begin, EventRow.occurred_at < end)
    rows = (await tx.session.execute(visible_to(actor, select(day, amount).where(*counting, *within).group_by(day)))).all()
    found = {held: float(total) for held, total in rows if total}  # an event may state no minutes
    if _trains(measure, skill):
        for held, trained in (await minutes_by_day(tx, actor, person.id, person.time_zone, begin, end)).items():
            found[held] = found.get(held, 0.0) + trained
    if not found:
        return []
    start = first if await did_before(tx, actor, person.id, measure, skill=skill, moment=begin) else min(found)
    return [found.get(start + timedelta(days=place), 0.0) for place in range((today - start).days)]


async def did_before(
    tx: Transaction, actor: Actor, user_id: UUID, measure: Measure, *, skill: str | None, moment: datetime
) -> bool:
    """Tell whether a person did anything of what is counted before a moment; arguments are those of `done_by_day`."""
    counting = await _counting(tx, user_id, measure, skill)
    if measure == "minutes":
        counting.append(EventRow.data["minutes"].as_float() > 0)
    earlier = visible_to(actor, select(EventRow.id).where(*counting, EventRow.occurred_at < moment)).limit(1)
    if (await tx.session.execute(earlier)).first():
        return True
    return _trains(measure, skill) and await trained_before(tx, actor, user_id, moment)


def _trains(measure: Measure, skill: str | None) -> bool:
    """Tell whether training sessions count."""
    return measure == "minutes" and skill is None


async def _counting(tx: Transaction, user_id: UUID, measure: Measure, skill: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions under which an event of a person counts."""
    kinds: Mapping[Measure, Collection[str]] = {"works": (WORK,), "attempts": KINDS, "minutes": MINUTES}
    counting = conditions(user_id, kinds[measure], await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST))
    if measure == "attempts":
        vouched = and_(EventRow.via.in_(sorted(VOUCHING)), EventRow.data["score"].as_float().is_not(None))
        counting.append(or_(EventRow.kind == WORK, vouched))
    if skill is not None:
        counting.append(any_(EventRow.skills) == skill)
    return counting


async def latest_attempts(tx: Transaction, actor: Actor, user_id: UUID, *, until: datetime | None) -> list[Attempt]:
    """Return the latest attempts of a person that count, the newest first.

    Withdrawn evidence is left out, and for a platform what is other platforms' business.

    Args:
        tx: an open transaction.
        actor: who asks.
        user_id: whose.
        until: what happened later is left out.
    """
    rows = await latest(tx, await _attempted(tx, actor, user_id, until), LATEST)
    found = ((row.skills, counted(row.kind, row.via, row.stated)) for row in rows)
    return [Attempt(skills, score) for skills, score in found if score is not None]


async def scores_by_skill(
    tx: Transaction, actor: Actor, user_id: UUID, *, until: datetime | None
) -> tuple[Mapping[str, list[float]], int]:
    """Return the scores of a person's latest attempts that count, by skill in no order; and how many attempts there are.

    They are those of `latest_attempts`, of which the arguments are.
    """
    one = newest_first(await _attempted(tx, actor, user_id, until)).limit(LATEST).subquery()
    skill = func.unnest(func.array_append(one.c.skills, null())).label("skill")  # and null once for each attempt
    each = select(one.c.kind, one.c.via, one.c.stated, skill).subquery()
    query = select(each.c.kind, each.c.via, each.c.stated, each.c.skill, func.count()).group_by(*each.c)
    async with in_order(tx):
        rows = (await tx.session.execute(query)).all()
    of_skill: dict[str | None, list[float]] = {}
    for kind, via, stated, name, times in rows:
        if (score := counted(kind, via, stated)) is not None:
            of_skill.setdefault(name, []).extend([score] * times)
    attempts = len(of_skill.get(None, ()))
    return {name: of_skill[name] for name in sorted(filter(None, of_skill))}, attempts


async def _attempted(
    tx: Transaction, actor: Actor, user_id: UUID, until: datetime | None
) -> Select[tuple[str, str, float | None, list[str]]]:
    """Return the query for what may be attempts of a person, as far as it is the caller's business."""
    withdrawn = await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST)
    stated = case((EventRow.kind == "session.activity", EventRow.data["score"].as_float())).label("stated")
    query = select(EventRow.kind, EventRow.via, stated, EventRow.skills)
    attempted = (*conditions(user_id, KINDS, withdrawn), AS_INDEXED, EventRow.occurred_at <= (until or LAST))
    return visible_to(actor, query.where(*attempted))
