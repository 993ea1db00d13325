"""What a line of progress is to reach: a goal's, on its way from the day on which it was set to the day by which it is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from skillcore.accounts.access import Actor
from skillcore.charts import Target
from skillcore.insight import spans
from skillcore.insight.readings import Series
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import NotFound
from skillcore.work import goals

__all__ = ["along", "target_of"]

DIGITS = 6


async def target_of(tx: Transaction, actor: Actor, role: str, series: Series, coming: Sequence[date]) -> Target | None:
    """Return the target of a goal's progress; None of other scores, and of goals without a day or out of the caller's sight.

    Args:
        tx: an open transaction.
        actor: who looks.
        role: whose score the line is.
        series: the line.
        coming: the days after it for which something is drawn.
    """
    if role != goals.KIND or not series.subject or not series.points:
        return None
    try:
        goal = await goals.read(tx, actor, series.subject)
    except NotFound:
        return None
    if goal.target_date is None:
        return None
    begin = goal.created_at.astimezone(ZoneInfo(series.time_zone)).date()
    days = [spans.last_day(series.bucket, point.start) for point in series.points]
    return Target(tuple(along(begin, goal.target_date, day) for day in (*days, *coming)))


def along(begin: date, end: date, day: date) -> float:
    """Return what of 100 is to be reached at the end of a day, from nothing at the end of one day to all at that of another."""
    if day >= end:
        return 100.0
    if day <= begin:
        return 0.0
    return round(100 * (day - begin).days / (end - begin).days, DIGITS)
