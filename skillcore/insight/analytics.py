"""Analytics of skill signals, and of nothing else: how many on which skill, when, and which came last.

Signals of withdrawn evidence are left out, and for a platform those that other platforms' business left.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, not_, select, tuple_

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.insight import spans
from skillcore.insight.levels import rounded
from skillcore.insight.spans import Span
from skillcore.ledger import skills
from skillcore.ledger.entries import visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow, SignalRow, SkillRow
from skillcore.plugin import SignalType
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position

__all__ = ["Bucket", "Distribution", "Momentum", "Share", "Signal", "activity", "distribution", "momentum"]

SIGNAL_TYPES: tuple[SignalType, ...] = get_args(SignalType)


class Share(Struct, frozen=True, kw_only=True):
    """A skill's signals.

    Attributes:
        weight: sum of the signals' weights.
        share: of all of the person's signals, from 0 to 1.
    """

    skill: str
    name: str
    joined: int
    update: int
    completed: int
    total: int
    weight: float
    share: float


class Distribution(Struct, frozen=True, kw_only=True):
    """How a person's signals spread over skills, most first."""

    user_id: UUID
    total: int
    skills: list[Share]


class Bucket(Struct, frozen=True, kw_only=True):
    """The signals of a day, week or month.

    Attributes:
        start: its first day, in the person's time zone; weeks begin on Monday.
    """

    start: date
    joined: int
    update: int
    completed: int
    total: int


class Momentum(Struct, frozen=True, kw_only=True):
    """A person's signals over time, without gaps, oldest bucket first."""

    user_id: UUID
    bucket: Span
    time_zone: str
    skill: str | None
    buckets: list[Bucket]


class Signal(Struct, frozen=True, kw_only=True):
    """A trace that an event left on a skill.

    Attributes:
        event_id: the event that it comes from.
        rule: which derived it.
        created_at: the event's own time.
    """

    id: UUID
    skill: str
    source_type: str
    source_id: str
    signal_type: str
    weight: float
    event_id: UUID | None
    rule: str
    rule_version: int
    created_at: datetime


async def distribution(tx: Transaction, actor: Actor, *, user: str) -> Distribution:
    """Return how a person's signals spread over skills.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, user)
    counts = [func.count().filter(SignalRow.signal_type == kind) for kind in SIGNAL_TYPES]
    total = func.count()
    query = (
        select(SignalRow.skill_id, SkillRow.name, *counts, total, func.sum(SignalRow.weight))
        .join(SkillRow, SkillRow.id == SignalRow.skill_id)
        .where(*await _counting(tx, actor, user_id))
        .group_by(SignalRow.skill_id, SkillRow.name)
        .order_by(total.desc(), SignalRow.skill_id)
    )
    rows: Sequence[Any] = (await tx.session.execute(query)).all()
    everything = sum(row[5] for row in rows)
    shares = [
        Share(
            skill=id_,
            name=name,
            joined=joined,
            update=update,
            completed=completed,
            total=number,
            weight=rounded(weight) or 0.0,
            share=rounded(number / everything) or 0.0,
        )
        for id_, name, joined, update, completed, number, weight in rows
    ]
    return Distribution(user_id=user_id, total=everything, skills=shares)


async def momentum(
    tx: Transaction, actor: Actor, *, user: str, bucket: Span, skill: str | None, since: date | None, until: date | None
) -> Momentum:
    """Return a person's signals over time.

    Args:
        tx: an open transaction.
        actor: who asks.
        user: whose.
        bucket: how much time goes into one.
        skill: only this skill's.
        since: a day of the first bucket.
        until: a day of the last bucket; today, if not given.

    Raises:
        NotFound: no such person for this caller, or no such skill.
        InvalidField: a day that cannot be asked for, or the time asked for ends before it begins, or has too many buckets.
    """
    person = await people.read(tx, actor, user)
    zone = ZoneInfo(person.time_zone)
    starts = spans.starts(bucket, since, until or now().astimezone(zone).date())
    chosen = None if skill is None else (await skills.get(tx, skill)).id
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (starts[0], spans.after(bucket, starts[-1])))
    slot = func.date_trunc(bucket, SignalRow.created_at, person.time_zone)
    conditions = [*await _counting(tx, actor, person.id), SignalRow.created_at >= begin, SignalRow.created_at < end]
    if chosen is not None:
        conditions.append(SignalRow.skill_id == chosen)
    counts = [func.count().filter(SignalRow.signal_type == kind) for kind in SIGNAL_TYPES]
    rows = (await tx.session.execute(select(slot, *counts, func.count()).where(*conditions).group_by(slot))).all()
    found = {row[0].astimezone(zone).date(): tuple(row[1:]) for row in rows}
    buckets = []
    for start in starts:
        joined, update, completed, total = found.get(start, (0, 0, 0, 0))
        buckets.append(Bucket(start=start, joined=joined, update=update, completed=completed, total=total))
    return Momentum(user_id=person.id, bucket=bucket, time_zone=person.time_zone, skill=chosen, buckets=buckets)


async def activity(
    tx: Transaction, actor: Actor, *, user: str, skill: str | None, limit: int, cursor: str | None
) -> Page[Signal]:
    """Return a person's signals, newest first.

    Raises:
        NotFound: no such person for this caller, or no such skill.
    """
    user_id = await people.resolve(tx, actor, user)
    query = select(SignalRow).where(*await _counting(tx, actor, user_id))
    if skill is not None:
        query = query.where(SignalRow.skill_id == (await skills.get(tx, skill)).id)
    before = position(cursor, tuple[datetime, UUID])
    if before is not None:
        query = query.where(tuple_(SignalRow.created_at, SignalRow.id) < before)
    query = query.order_by(SignalRow.created_at.desc(), SignalRow.id.desc()).limit(limit + 1)
    rows = (await tx.session.scalars(query)).all()
    return page(rows, limit, _signal, lambda row: (row.created_at, row.id))


async def _counting(tx: Transaction, actor: Actor, user_id: UUID) -> list[ColumnElement[bool]]:
    """Return the conditions under which a person's signals count for the caller."""
    conditions: list[ColumnElement[bool]] = [SignalRow.user_id == user_id]
    for account in sorted(await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST)):
        of_account = SignalRow.source_id.startswith(f"{account}:", autoescape=True)
        conditions.append(not_(and_(SignalRow.source_type == "evidence", of_account)))
    if actor.platform_id is not None:
        # The person once more, as a value: compared with the signal's, the planner hashes the events of all people.
        same = (EventRow.user_id == user_id) & (EventRow.id == SignalRow.event_id)
        conditions.append(SignalRow.event_id.is_(None) | visible_to(actor, select(EventRow.id).where(same)).exists())
    return conditions


def _signal(row: Any) -> Signal:
    return Signal(
        id=row.id,
        skill=row.skill_id,
        source_type=row.source_type,
        source_id=row.source_id,
        signal_type=row.signal_type,
        weight=row.weight,
        event_id=row.event_id,
        rule=row.rule,
        rule_version=row.rule_version,
        created_at=row.created_at,
    )
