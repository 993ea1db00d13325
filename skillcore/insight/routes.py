"""The routes of this room: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked, PersonInPath
from skillcore.insight import analytics, explanations, levels, readings, spans
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="scores:read")}

FormulaInPath = Annotated[str, PathParameter(max_length=100, description="A role, such as `level`, or a formula's name.")]
SkillAsked = Annotated[str | None, QueryParameter(max_length=100, description="Only of this skill: its id, name or alias.")]
SubjectAsked = Annotated[
    str | None, QueryParameter(max_length=200, description="Of this subject, as the formula has it: a space's id, for one.")
]
AsOf = Annotated[date | None, QueryParameter(description="As it was at the end of this day; now without.")]
Since = Annotated[date | None, QueryParameter(description="A day of the first bucket; some time back without.")]
Until = Annotated[date | None, QueryParameter(description="A day of the last bucket; today without.")]


@get("/api/users/{person:str}/level", opt=READ, tags=["scores"], summary="Read a person's level")
async def read_level(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    person: PersonInPath,
    skill: SkillAsked = None,
    as_of: AsOf = None,
) -> levels.LevelReading:
    """Σ difficulty · weight / normalisation over accepted evidence, overall or of one skill; always at the newest event."""
    async with engine.transaction() as tx:
        return await levels.read(tx, actor, person, skill=skill, as_of=as_of)


@get("/api/explain/{formula:str}", opt=READ, tags=["scores"], summary="Explain a score")
async def explain_score(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    formula: FormulaInPath,
    user: PersonAsked = "me",
    skill: SkillAsked = None,
    subject: SubjectAsked = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> explanations.Explanation:
    """The components that make the score, what would raise it most, and every event that moved it, with how much."""
    async with engine.transaction() as tx:
        return await explanations.explain(
            tx, actor, formula, user=user, skill=skill, subject=subject, as_of=as_of, limit=limit, cursor=cursor
        )


@get("/api/scores/{formula:str}", opt=READ, tags=["scores"], summary="Read a score")
async def read_score(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    formula: FormulaInPath,
    user: PersonAsked = "me",
    skill: SkillAsked = None,
    subject: SubjectAsked = None,
    as_of: AsOf = None,
) -> readings.ScoreReading:
    """Any formula's, of a skill, a space or what else it judges; always at the newest event, or as of a former day."""
    async with engine.transaction() as tx:
        return await readings.read(tx, actor, formula, user=user, skill=skill, subject=subject, as_of=as_of)


@get("/api/scores/{formula:str}/series", opt=READ, tags=["scores"], summary="Read a score over time")
async def read_series(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    formula: FormulaInPath,
    user: PersonAsked = "me",
    skill: SkillAsked = None,
    subject: SubjectAsked = None,
    bucket: Annotated[spans.Span, QueryParameter(description="From one value to the next.")] = "day",
    since: Since = None,
    until: Until = None,
) -> readings.Series:
    """Its value at the end of each day, week or month: 30 days, 12 weeks or 12 months, unless asked otherwise."""
    async with engine.transaction() as tx:
        return await readings.series(
            tx, actor, formula, user=user, skill=skill, subject=subject, bucket=bucket, since=since, until=until
        )


@get("/api/analytics/distribution", opt=READ, tags=["analytics"], summary="Signals by skill")
async def read_distribution(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], user: PersonAsked = "me"
) -> analytics.Distribution:
    """How a person's signals spread over skills, most first."""
    async with engine.transaction() as tx:
        return await analytics.distribution(tx, actor, user=user)


@get("/api/analytics/momentum", opt=READ, tags=["analytics"], summary="Signals over time")
async def read_momentum(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    bucket: Annotated[spans.Span, QueryParameter(description="How much time goes into one.")] = "week",
    skill: SkillAsked = None,
    since: Since = None,
    until: Until = None,
) -> analytics.Momentum:
    """In the person's time zone, without gaps: 30 days, 12 weeks or 12 months, unless asked otherwise."""
    async with engine.transaction() as tx:
        return await analytics.momentum(tx, actor, user=user, bucket=bucket, skill=skill, since=since, until=until)


@get("/api/analytics/activity", opt=READ, tags=["analytics"], summary="Recent signals")
async def read_activity(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    skill: SkillAsked = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[analytics.Signal]:
    """A person's signals, newest first, each with the event and the rule it comes from."""
    async with engine.transaction() as tx:
        return await analytics.activity(tx, actor, user=user, skill=skill, limit=limit, cursor=cursor)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    read_level,
    explain_score,
    read_score,
    read_series,
    read_distribution,
    read_momentum,
    read_activity,
)
