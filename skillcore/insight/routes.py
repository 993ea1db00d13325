"""The routes of this room: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked, PersonInPath
from skillcore.charts import CalendarData, ChartData, as_calendar, as_chartjs
from skillcore.insight import analytics, charts, explanations, levels, pictures, readings, skill_standings, spans
from skillcore.runtime.engine import Engine
from skillcore.runtime.freshness import KEPT
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES", "AsOf"]

READ = {"access": access(user(), key="scores:read")}
DRAWN = READ | pictures.PICTURE

FormulaInPath = Annotated[str, PathParameter(max_length=100, description="A role, such as `level`, or a formula's name.")]
SkillAsked = Annotated[str | None, QueryParameter(max_length=100, description="Only of this skill: its id, name or alias.")]
SubjectAsked = Annotated[
    str | None, QueryParameter(max_length=200, description="Of this subject, as the formula has it: a space's id, for one.")
]
AsOf = Annotated[date | None, QueryParameter(description="As it was at the end of this day; now without.")]
Since = Annotated[date | None, QueryParameter(description="A day of the first bucket; some time back without.")]
Until = Annotated[date | None, QueryParameter(description="A day of the last bucket; today without.")]
BucketAsked = Annotated[spans.Span, QueryParameter(description="From one value to the next.")]
FormulaAsked = Annotated[str, QueryParameter(max_length=100, description="A role, such as `level`, or a formula's name.")]
Ahead = Annotated[int, QueryParameter(ge=0, le=90, description="Days to come, with the band in which the score is expected.")]
CountedAsked = Annotated[charts.Counted, QueryParameter(description="What is counted in each week.")]
Weeks = Annotated[int, QueryParameter(ge=1, le=53, description="How many weeks, the present one included.")]


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


@get("/api/users/{person:str}/skills", opt=READ, tags=["scores"], summary="List a person's skills")
async def list_skills_of_person(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    person: PersonInPath,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[skill_standings.SkillStanding]:
    """Progress in each skill that was started, with the milestones reached and the next one."""
    async with engine.transaction() as tx:
        return await skill_standings.listing(tx, actor, person, limit=limit, cursor=cursor)


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
    """The components that make the score, what would raise it, and the events that moved what is its own, with how much."""
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
    bucket: BucketAsked = "day",
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


@get("/api/charts/progress", opt=READ, tags=["charts"], summary="Chart a score over time")
async def read_progress_chart(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    formula: FormulaAsked = "level",
    user: PersonAsked = "me",
    skill: SkillAsked = None,
    subject: SubjectAsked = None,
    bucket: BucketAsked = "day",
    since: Since = None,
    until: Until = None,
    ahead: Ahead = 0,
) -> ChartData:
    """`data` of a Chart.js line: its value at the end of each day, week or month, which its first day names."""
    async with engine.transaction() as tx:
        chart = await charts.progress(
            tx,
            actor,
            formula=formula,
            user=user,
            skill=skill,
            subject=subject,
            bucket=bucket,
            since=since,
            until=until,
            ahead=ahead,
        )
    return as_chartjs(chart)


@get(
    "/api/charts/progress.svg",
    opt=DRAWN,
    tags=["charts"],
    summary="Draw a score over time",
    media_type=pictures.MEDIA_TYPE,
)
async def draw_progress_chart(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    request: Request[Any, Any, Any],
    formula: FormulaAsked = "level",
    user: PersonAsked = "me",
    skill: SkillAsked = None,
    subject: SubjectAsked = None,
    bucket: BucketAsked = "day",
    since: Since = None,
    until: Until = None,
    ahead: Ahead = 0,
) -> Response[str]:
    """The same as a picture, to be asked for again with `If-None-Match`."""
    async with engine.transaction() as tx:
        chart = await charts.progress(
            tx,
            actor,
            formula=formula,
            user=user,
            skill=skill,
            subject=subject,
            bucket=bucket,
            since=since,
            until=until,
            ahead=ahead,
        )
    return pictures.answer(request, chart, KEPT)


@get("/api/charts/radar", opt=READ, tags=["charts"], summary="Chart a score of several skills")
async def read_radar_chart(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    formula: FormulaAsked = "mastery",
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> ChartData:
    """`data` of a Chart.js radar: the twelve skills in which the person's score is highest, by name."""
    async with engine.transaction() as tx:
        chart = await charts.radar(tx, actor, formula=formula, user=user, as_of=as_of)
    return as_chartjs(chart)


@get(
    "/api/charts/radar.svg",
    opt=DRAWN,
    tags=["charts"],
    summary="Draw a score of several skills",
    media_type=pictures.MEDIA_TYPE,
)
async def draw_radar_chart(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    request: Request[Any, Any, Any],
    formula: FormulaAsked = "mastery",
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> Response[str]:
    """The same as a picture, to be asked for again with `If-None-Match`."""
    async with engine.transaction() as tx:
        chart = await charts.radar(tx, actor, formula=formula, user=user, as_of=as_of)
    return pictures.answer(request, chart, KEPT)


@get("/api/charts/heatmap", opt=READ, tags=["charts"], summary="Chart activity by day")
async def read_heatmap_chart(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], user: PersonAsked = "me", weeks: Weeks = 13
) -> CalendarData:
    """How much a person did on each day in their time zone, and in which of five levels that is among their own days."""
    async with engine.transaction() as tx:
        chart = await charts.activity(tx, actor, user=user, weeks=weeks)
    return as_calendar(chart)


@get(
    "/api/charts/heatmap.svg",
    opt=DRAWN,
    tags=["charts"],
    summary="Draw activity by day",
    media_type=pictures.MEDIA_TYPE,
)
async def draw_heatmap_chart(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    request: Request[Any, Any, Any],
    user: PersonAsked = "me",
    weeks: Weeks = 13,
) -> Response[str]:
    """The same as a picture, to be asked for again with `If-None-Match`."""
    async with engine.transaction() as tx:
        chart = await charts.activity(tx, actor, user=user, weeks=weeks)
    return pictures.answer(request, chart, KEPT)


@get("/api/charts/weeks", opt=READ, tags=["charts"], summary="Chart weeks beside the weekly goal")
async def read_weeks_chart(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    measure: CountedAsked = "minutes",
    weeks: Weeks = 13,
) -> ChartData:
    """`data` of a Chart.js line: what was done in each week, which its Monday names, and what was wanted of it."""
    async with engine.transaction() as tx:
        chart = await charts.weeks(tx, actor, user=user, measure=measure, count=weeks)
    return as_chartjs(chart)


@get(
    "/api/charts/weeks.svg",
    opt=DRAWN,
    tags=["charts"],
    summary="Draw weeks beside the weekly goal",
    media_type=pictures.MEDIA_TYPE,
)
async def draw_weeks_chart(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    request: Request[Any, Any, Any],
    user: PersonAsked = "me",
    measure: CountedAsked = "minutes",
    weeks: Weeks = 13,
) -> Response[str]:
    """The same as a picture, to be asked for again with `If-None-Match`."""
    async with engine.transaction() as tx:
        chart = await charts.weeks(tx, actor, user=user, measure=measure, count=weeks)
    return pictures.answer(request, chart, KEPT)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    read_level,
    list_skills_of_person,
    explain_score,
    read_score,
    read_series,
    read_distribution,
    read_momentum,
    read_activity,
    read_progress_chart,
    draw_progress_chart,
    read_radar_chart,
    draw_radar_chart,
    read_heatmap_chart,
    draw_heatmap_chart,
    read_weeks_chart,
    draw_weeks_chart,
)
