"""How many minutes somebody trained on each day, by the stretches of training that began on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Date, and_, cast, func, or_, select, true

from skillcore.accounts.access import Actor
from skillcore.learning.session_tables import TrainingSessionRow
from skillcore.runtime.engine import Transaction

__all__ = ["minutes_by_day", "trained_before"]


async def minutes_by_day(
    tx: Transaction, actor: Actor, user_id: UUID, time_zone: str, begin: datetime, end: datetime
) -> Mapping[date, float]:
    """Return the minutes of the stretches that began between two moments, by their day in a time zone, where there are any.

    Time in which a session lay idle or was over belongs to none. A platform is told of its own sessions, and of those that
    people recorded themselves.
    """
    row = TrainingSessionRow
    stretch = func.unnest(row.stretch_starts, row.stretch_seconds).table_valued("start", "seconds").render_derived()
    day = cast(func.timezone(time_zone, stretch.c.start), Date)
    within = and_(stretch.c.start >= begin, stretch.c.start < end)
    sessions = and_(_seen(actor, user_id), row.last_at >= begin, row.started_at < end)
    query = select(day, func.sum(stretch.c.seconds)).select_from(row).join(stretch, true()).where(sessions, within)
    return {held: float(spent) / 60 for held, spent in (await tx.session.execute(query.group_by(day))).all()}


async def trained_before(tx: Transaction, actor: Actor, user_id: UUID, moment: datetime) -> bool:
    """Tell whether a stretch of a session that somebody is told of began before a moment."""
    earlier = select(TrainingSessionRow.id).where(_seen(actor, user_id), TrainingSessionRow.stretch_starts[1] < moment)
    return (await tx.session.execute(earlier.limit(1))).first() is not None


def _seen(actor: Actor, user_id: UUID) -> ColumnElement[bool]:
    """Return which of a person's sessions somebody is told of."""
    row = TrainingSessionRow
    if actor.platform_id is None:
        return row.user_id == user_id
    return and_(row.user_id == user_id, or_(row.platform_id.is_(None), row.platform_id == actor.platform_id))
