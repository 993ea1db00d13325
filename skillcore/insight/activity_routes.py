"""The routes that tell of what a person did: progress, sums by period, streaks, patterns. The rest is left to the use cases."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.insight import aggregates, progress, spans, streaks
from skillcore.insight.patterns import reading
from skillcore.runtime.engine import Engine

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="scores:read")}

Zone = Annotated[
    str | None,
    QueryParameter(max_length=64, description="Whose days to count by, such as `Europe/Vienna`; the person's own without."),
]
Since = Annotated[date | None, QueryParameter(description="A day of the first period; some time back without.")]
Until = Annotated[date | None, QueryParameter(description="A day of the last period; today without.")]
Rest = Annotated[int, QueryParameter(ge=0, le=6, description="Days off that any seven days in a row may hold.")]
AsOf = Annotated[date | None, QueryParameter(description="For this day; today without.")]
FirstDay = Annotated[date | None, QueryParameter(description="The first day that is looked at; half a year back without.")]
LastDay = Annotated[date | None, QueryParameter(description="The last day that is looked at; today without.")]
Target = Annotated[
    float, QueryParameter(ge=1, le=99, description="The score at which tasks are neither too easy nor too hard.")
]


@get("/api/analytics/progress", opt=READ, tags=["analytics"], summary="Progress over time")
async def read_progress_over_time(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    bucket: Annotated[spans.Span, QueryParameter(description="From one value to the next.")] = "day",
    since: Since = None,
    until: Until = None,
) -> progress.Progress:
    """The level and what else a dashboard begins with, at the end of each: 30 days, 12 weeks or 12 months without `since`."""
    async with engine.transaction() as tx:
        return await progress.read(tx, actor, user=user, bucket=bucket, since=since, until=until)


@get("/api/analytics/aggregates", opt=READ, tags=["analytics"], summary="What was done by day, week or month")
async def read_aggregates(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    every: Annotated[spans.Span, QueryParameter(description="How long a period is.")] = "day",
    since: Since = None,
    until: Until = None,
    zone: Zone = None,
    week_starts: Annotated[spans.Weekday, QueryParameter(description="The weekday on which weeks begin.")] = "monday",
) -> aggregates.Aggregates:
    """Sessions, minutes, activities, works, scores, skills and more: 30 days, 12 weeks or 12 months without `since`."""
    async with engine.transaction() as tx:
        return await aggregates.read(
            tx, actor, user=user, every=every, since=since, until=until, zone=zone, week_starts=week_starts
        )


@get("/api/analytics/streaks", opt=READ, tags=["analytics"], summary="Streaks")
async def read_streaks(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    rest: Rest = 0,
    as_of: AsOf = None,
    zone: Zone = None,
) -> streaks.Streaks:
    """Days in a row with something done: the present streak and the longest, where `rest` allows days off."""
    async with engine.transaction() as tx:
        return await streaks.read(tx, actor, user=user, rest=rest, as_of=as_of, zone=zone)


@get("/api/analytics/patterns", opt=READ, tags=["analytics"], summary="Patterns")
async def read_patterns(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    since: FirstDay = None,
    until: LastDay = None,
    zone: Zone = None,
    target: Target = 75.0,
) -> reading.Patterns:
    """Hours, weekdays, rhythm, scores and learning: each told only if chance alone would hardly have made it."""
    async with engine.transaction() as tx:
        return await reading.read(tx, actor, user=user, since=since, until=until, zone=zone, target=target)


ROUTES: tuple[ControllerRouterHandler, ...] = (read_progress_over_time, read_aggregates, read_streaks, read_patterns)
