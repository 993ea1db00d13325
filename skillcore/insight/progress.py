"""How a person got on: the figures at the top of their dashboard, as they stood at the end of each day, week or month."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from msgspec import Struct

from skillcore.accounts.access import Actor
from skillcore.insight import readings
from skillcore.insight.spans import Span
from skillcore.runtime.engine import Transaction

__all__ = ["Progress", "ProgressPoint", "read"]


class ProgressPoint(Struct, frozen=True, kw_only=True):
    """The figures at the end of a day, week or month.

    Attributes:
        start: its first day; weeks begin on Monday.
        level: the score `level`.
        overall: the score `overall`: completion of all modules, in percent; null without modules.
        improvement: the score `improvement`: points a week by which scores rise; null before there are two.
        difficulty: the score `working_difficulty`; null before the first work.
    """

    start: date
    level: float | None
    overall: float | None
    improvement: float | None
    difficulty: float | None


class Progress(Struct, frozen=True, kw_only=True):
    """A person's figures over time, oldest first, in their time zone."""

    user_id: UUID
    bucket: Span
    time_zone: str
    points: list[ProgressPoint]


async def read(tx: Transaction, actor: Actor, *, user: str, bucket: Span, since: date | None, until: date | None) -> Progress:
    """Return how a person got on, from the bucket of ``since`` to that of ``until``, which is today if not given.

    Raises:
        NotFound: no such person for this caller.
        InvalidField: a day that cannot be asked for, or the time asked for ends before it begins, or has too many buckets.
    """

    async def along(role: str) -> readings.Series:
        return await readings.series(
            tx, actor, role, user=user, skill=None, subject=None, bucket=bucket, since=since, until=until
        )

    level, overall = await along("level"), await along("overall")
    improvement, difficulty = await along("improvement"), await along("working_difficulty")
    return Progress(
        user_id=level.user_id,
        bucket=bucket,
        time_zone=level.time_zone,
        points=[
            ProgressPoint(start=one.start, level=one.value, overall=two.value, improvement=three.value, difficulty=four.value)
            for one, two, three, four in zip(level.points, overall.points, improvement.points, difficulty.points, strict=True)
        ],
    )
