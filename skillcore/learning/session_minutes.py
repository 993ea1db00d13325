"""How many minutes somebody trained on each day, by the sessions that began on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, cast, func, or_, select

from skillcore.accounts.access import Actor
from skillcore.learning.session_tables import TrainingSessionRow
from skillcore.runtime.engine import Transaction

__all__ = ["minutes_by_day"]


async def minutes_by_day(
    tx: Transaction, actor: Actor, user_id: UUID, time_zone: str, begin: datetime, end: datetime
) -> Mapping[date, float]:
    """Return the minutes of the sessions that began between two moments, by their day in a time zone, where there are any.

    A platform is told of its own sessions, and of those that people recorded themselves.
    """
    row = TrainingSessionRow
    day = cast(func.timezone(time_zone, row.started_at), Date)
    seconds = func.sum(func.extract("epoch", func.greatest(row.last_at, row.ended_at) - row.started_at))
    query = select(day, seconds).where(row.user_id == user_id, row.started_at >= begin, row.started_at < end)
    if actor.platform_id is not None:
        query = query.where(or_(row.platform_id.is_(None), row.platform_id == actor.platform_id))
    return {held: float(spent) / 60 for held, spent in (await tx.session.execute(query.group_by(day))).all()}
