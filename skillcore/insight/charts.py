"""What is drawn of a person: a score over time, a score of several skills, what they did in each week, and on which days."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Date, any_, cast, func, select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.charts import Day, Forecast, Heatmap, LineChart, Radar, Series, Target
from skillcore.charts.scales import ticks
from skillcore.insight import aims, forecasts, readings, records, spans
from skillcore.insight.levels import DIGITS, most_of, rounded
from skillcore.insight.pictures import drawable
from skillcore.insight.spans import Span
from skillcore.ledger import scores, skills
from skillcore.ledger.entries import visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow, SkillRow
from skillcore.plugin import Score
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import InvalidField
from skillcore.work import weekly

__all__ = ["Counted", "activity", "end_of", "names_of_skills", "progress", "radar", "weeks"]

Counted = Literal["minutes", "works"]
"""What a weekly goal wants, and a chart of weeks counts."""

COVER = 80
"""Of a hundred outcomes, those that a forecast's band is to hold."""

AXES = 12
"""Skills that a radar shows, at most: with more nobody can tell them apart."""


async def progress(
    tx: Transaction,
    actor: Actor,
    *,
    formula: str,
    user: str,
    skill: str | None,
    subject: str | None,
    bucket: Span,
    since: date | None,
    until: date | None,
    ahead: int,
) -> LineChart:
    """Return a person's score over time, and for ``ahead`` days to come where it is going, if enough is known.

    Other arguments and errors are those of `skillcore.insight.readings.series`, and:

    Raises:
        InvalidField: what is forecast goes on from today, by day.
        Unprocessable: a value that cannot be drawn.
    """
    if ahead and (bucket != "day" or until is not None):
        raise InvalidField("ahead: a forecast goes on from today by day: leave out bucket and until", field="ahead")
    found = await readings.series(
        tx, actor, formula, user=user, skill=skill, subject=subject, bucket=bucket, since=since, until=until
    )
    of = found.subject if skill is None else (await skills.get(tx, found.subject)).name
    name = _named(formula)
    forecast = await _outlook(tx, actor, found, formula, user, ahead) if ahead else None
    coming = [] if forecast is None else [date.fromisoformat(label) for label in forecast.labels]
    with drawable():
        return LineChart(
            title=f"{name} · {of}" if of else name,
            labels=tuple(point.start.isoformat() for point in found.points),
            series=(Series(name, tuple(point.value for point in found.points)),),
            axis="dates",
            target=await aims.target_of(tx, actor, formula, found, coming),
            forecast=forecast,
        )


async def _outlook(
    tx: Transaction, actor: Actor, found: readings.Series, formula: str, user: str, ahead: int
) -> Forecast | None:
    """Return where a line is going after its last day; None where too little is known."""
    expected = await forecasts.score_ahead(
        tx, actor, formula=formula, user=user, skill=None, subject=found.subject, days=ahead, level=COVER / 100, as_of=None
    )
    days = expected.days
    if not days:
        return None
    return Forecast(
        labels=tuple(day.day.isoformat() for day in days),
        values=tuple(day.value for day in days),
        low=tuple(day.low for day in days),
        high=tuple(day.high for day in days),
        cover=COVER,
    )


async def radar(tx: Transaction, actor: Actor, *, formula: str, user: str, as_of: date | None) -> Radar:
    """Return a person's scores of the skills in which they are highest, by the skills' names.

    A platform is shown skills that some event it may see names. Arguments and errors are those of
    `skillcore.insight.readings.asked`, and:

    Raises:
        Unprocessable: a value that cannot be drawn.
    """
    wanted = await readings.asked(tx, actor, formula, user=user, as_of=as_of)
    found = await scores.read_all(tx, wanted.user_id, formula, as_of=wanted.as_of)
    judged = {subject: value.score for subject, value in found.items() if value.score.value is not None}
    names = await names_of_skills(tx, actor, wanted.user_id, scores.bound(tx.engine, formula).kinds, judged)
    by_name = sorted(names, key=lambda skill: (names[skill].casefold(), skill))
    highest = {*sorted(by_name, key=lambda skill: -(judged[skill].value or 0.0))[:AXES]}
    shown = [skill for skill in by_name if skill in highest]
    with drawable():
        return Radar(
            title=f"{_named(formula)} by skill",
            labels=tuple(names[skill] for skill in shown),
            series=(Series(_named(formula), tuple(rounded(judged[skill].value) for skill in shown)),),
            maximum=end_of([judged[skill] for skill in shown]),
        )


async def activity(tx: Transaction, actor: Actor, *, user: str, weeks: int) -> Heatmap:
    """Return how much a person did on each day of some weeks, the present one included, in their time zone.

    Withdrawn evidence is left out, and for a platform what is other platforms' business.

    Raises:
        NotFound: no such person for this caller.
    """
    person = await people.read(tx, actor, user)
    zone = ZoneInfo(person.time_zone)
    last = now().astimezone(zone).date()
    first = spans.start_of("week", last) - timedelta(weeks=weeks - 1)
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    day = cast(func.timezone(person.time_zone, EventRow.occurred_at), Date)
    withdrawn = await withdrawn_accounts(await tx.psycopg(), person.id, NEWEST)
    conditions = [
        *records.conditions(person.id, records.done_kinds(tx.engine.plugins), withdrawn),
        EventRow.occurred_at >= begin,
        EventRow.occurred_at < end,
    ]
    query = visible_to(actor, select(day, func.count()).where(*conditions).group_by(day).order_by(day))
    rows = (await tx.session.execute(query)).all()
    return Heatmap(
        title="Activity", unit="done", first=first, last=last, days=tuple(Day(held, float(count)) for held, count in rows)
    )


async def weeks(tx: Transaction, actor: Actor, *, user: str, measure: Counted, count: int) -> LineChart:
    """Return what a person did in each of some weeks, the present one included, beside what they wanted to do in it.

    Each week is named by its Monday, and has the goal by which `skillcore.work.weekly.read` judges it.

    Raises:
        NotFound: no such person for this caller.
        Unprocessable: a number that cannot be drawn.
    """
    found = await weekly.read(tx, actor, user=user, weeks=count)
    wanted = [None if week.target is None else getattr(week.target, measure) for week in found.weeks]
    with drawable():
        return LineChart(
            title=f"{measure.capitalize()} by week",
            unit=measure,
            labels=tuple(week.start.isoformat() for week in found.weeks),
            series=(Series(measure.capitalize(), tuple(rounded(getattr(week, measure)) for week in found.weeks)),),
            axis="dates",
            target=None if wanted.count(None) == len(wanted) else Target(tuple(wanted), "Weekly goal"),
        )


def end_of(found: Iterable[Score]) -> float:
    """Return the end of the axes: the most that the scores can become; where that has no end, a round number above them."""
    found = list(found)
    most = max((most_of(score) for score in found), default=math.inf)
    if most < math.inf and (end := round(most, DIGITS)) > 0:
        return end
    return ticks([0.0, *(max(score.value or 0.0, 0.0) for score in found)], 0, 1).high


def _named(formula: str) -> str:
    """Return a role or a formula's name as a title has it."""
    return formula.replace("_", " ").replace("-", " ").capitalize()


async def names_of_skills(
    tx: Transaction, actor: Actor, user_id: UUID, kinds: Collection[str], subjects: Iterable[str]
) -> Mapping[str, str]:
    """Return the names of those subjects that are skills, and that the caller may learn of; by skill."""
    query = select(SkillRow.id, SkillRow.name).where(SkillRow.id.in_(sorted(subjects)))
    if actor.platform_id is not None:
        of_kind = (EventRow.user_id == user_id) & EventRow.kind.in_(sorted(kinds))
        named = select(EventRow.id).where(of_kind, SkillRow.id == any_(EventRow.skills))
        query = query.where(visible_to(actor, named).exists())
    rows = (await tx.session.execute(query)).all()
    return {id_: name for id_, name in rows}  # noqa: C416 - rows are no pairs
