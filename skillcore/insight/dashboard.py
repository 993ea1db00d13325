"""The dashboard: what a person sees first. Everything on it stands elsewhere in full, and opens there to its evidence.

It reads what is kept of scores and of the last weeks, and the latest of everything else: how long a history is, and how much
these weeks hold, hardly makes it slower.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import literal_column, select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.accounts.people import Person
from skillcore.defaults.module_progress import AVERAGE, EFFICIENCY
from skillcore.insight import aims, forecasts, recommendations, records, skill_standings, streaks
from skillcore.insight.days import DayDone, by_day
from skillcore.insight.levels import rounded
from skillcore.insight.modules import figures
from skillcore.insight.predictions.completion import Forecast, completion
from skillcore.insight.predictions.facts import corrected, did_before
from skillcore.insight.recommendations import Ability, Course, Recommendation, Situation, Topic
from skillcore.insight.skill_standings import SkillStanding
from skillcore.insight.streaks import Streaks
from skillcore.learning import enrolments, modules, training
from skillcore.learning.standing import standing_on
from skillcore.learning.training import TrainingSession
from skillcore.ledger import scores
from skillcore.ledger.entries import latest, newest_first, visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.work import goals, weekly
from skillcore.work.weekly import WORK, Week

__all__ = ["Advised", "Ahead", "Dashboard", "Happened", "Recent", "Summary", "advise", "read"]

WEEKS = 8
"""Weeks of practice by which the time to come is told; the summary sums up the last ``LATELY`` days of them."""

LATELY = 28
LATEST = 5
MOST = 100
"""Goals that are looked at."""

ALL = 100_000
"""Skills that are: only of all of them it is known which are nearest to a milestone."""

SKILLS = 5
LEVEL = 0.8


class Summary(Struct, frozen=True, kw_only=True):
    """The figures at the top.

    Attributes:
        level: the score `level`.
        overall: the score `overall`: completion of all modules, in percent; null without modules.
        improvement: the score `improvement`: points a week by which scores rise; null before there are two.
        difficulty: the score `working_difficulty`; null before the first work.
        minutes: stated for the last 28 days, today included, and of the training sessions that began in them.
        works: verified in them.
        active_days: days of them on which something was done.
        week: this week beside its goal.
        streak: days in a row, none of them off.
    """

    level: float | None
    overall: float | None
    improvement: float | None
    difficulty: float | None
    minutes: float
    works: int
    active_days: int
    week: Week
    streak: Streaks


class Happened(Struct, frozen=True, kw_only=True):
    """A fact of the ledger, in short; ``GET /api/users/{id}/events`` has all of it."""

    event_id: UUID
    kind: str
    subject: str
    skills: tuple[str, ...]
    occurred_at: datetime


class Recent(Struct, frozen=True, kw_only=True):
    """The latest, newest first, five of each at most."""

    sessions: list[TrainingSession]
    works: list[Happened]
    levels: list[Happened]


class Ahead(Struct, frozen=True, kw_only=True):
    """What is not done yet of the modules, and when it may be.

    Attributes:
        minutes: that are left of all modules, at the pace so far; null where a module does not say how long it takes, and
            without modules.
        completion: when these minutes will have been spent, by how the person practised in the last eight weeks; null
            where `minutes` is.
    """

    minutes: float | None
    completion: Forecast | None


class Dashboard(Struct, frozen=True, kw_only=True):
    """What a person sees first.

    Attributes:
        milestones: skills by what is missing to their next milestone, the nearest first; five at most.
        recommendations: what to do next, the most urgent first.
    """

    user_id: UUID
    today: date
    time_zone: str
    summary: Summary
    recent: Recent
    milestones: list[SkillStanding]
    ahead: Ahead
    recommendations: list[Recommendation]


class Advised(Struct, frozen=True, kw_only=True):
    """What to do next, the most urgent first."""

    user_id: UUID
    today: date
    recommendations: list[Recommendation]


class Known(Struct, frozen=True, kw_only=True):
    """What both the dashboard and the recommendations are made of."""

    person: Person
    today: date
    days: list[DayDone]
    week: Week
    streak: Streaks
    courses: list[Course]
    standings: list[SkillStanding]
    difficulty: float | None
    recommendations: list[Recommendation]


async def advise(tx: Transaction, actor: Actor, *, user: str) -> Advised:
    """Return what a person may do next.

    Raises:
        NotFound: no such person for this caller.
    """
    known = await _known(tx, actor, user, weeks=1)
    return Advised(user_id=known.person.id, today=known.today, recommendations=known.recommendations)


async def read(tx: Transaction, actor: Actor, *, user: str) -> Dashboard:
    """Return a person's dashboard.

    Raises:
        NotFound: no such person for this caller.
    """
    known = await _known(tx, actor, user, weeks=WEEKS)
    person, today = known.person, known.today
    days = known.days
    lately = days[-LATELY:]
    near = [one for one in known.standings if one.next is not None]
    return Dashboard(
        user_id=person.id,
        today=today,
        time_zone=person.time_zone,
        summary=Summary(
            level=await _value(tx, person.id, "level"),
            overall=await _value(tx, person.id, "overall"),
            improvement=await _value(tx, person.id, "improvement"),
            difficulty=known.difficulty,
            minutes=round(sum(day.minutes for day in lately), 6),
            works=sum(day.works for day in lately),
            active_days=sum(day.active for day in lately),
            week=known.week,
            streak=known.streak,
        ),
        recent=Recent(
            sessions=await _sessions(tx, actor, user),
            works=await _latest_works(tx, actor, person.id),
            levels=await _latest_levels(tx, actor, person.id),
        ),
        milestones=sorted(near, key=lambda one: (one.next.missing if one.next else 0.0, one.skill))[:SKILLS],
        ahead=await _ahead(tx, actor, known),
        recommendations=known.recommendations,
    )


async def _known(tx: Transaction, actor: Actor, user: str, *, weeks: int) -> Known:
    """Return what is known of a person, with their days of so many weeks up to today: one holds all of the present week."""
    person = await people.read(tx, actor, user)
    today = now().astimezone(ZoneInfo(person.time_zone)).date()
    days = await by_day(tx, actor, person, today - timedelta(weeks=weeks) + timedelta(days=1), today)
    passed = days[-1 - today.weekday() :]
    minutes, works = sum(day.minutes for day in passed), sum(day.works for day in passed)
    week = await weekly.present(tx, actor, person.id, today - timedelta(days=today.weekday()), minutes, works)
    streak = await streaks.read(tx, actor, user=user, rest=0, as_of=None, zone=None)
    courses = await _courses(tx, person.id)
    standings = [*(await skill_standings.listing(tx, actor, user, limit=ALL, cursor=None)).items]
    difficulty = await _value(tx, person.id, "working_difficulty")
    areas = await forecasts.judged(tx, actor, user=user, as_of=None)
    running = streak.current
    situation = Situation(
        today=today,
        goals=tuple(await _goals(tx, actor, person, user, today)),
        minutes_missing=None if week.missing is None else week.missing.minutes,
        works_missing=None if week.missing is None else week.missing.works,
        days_left=7 - today.weekday(),
        topics=tuple(await _topics(tx, actor, person.id)),
        modules=tuple(courses),
        weak=tuple(Ability(skill=one.skill, name=one.name, reasons=one.reasons) for one in areas.weakest),
        near=tuple(
            Ability(skill=one.skill, name=one.name, milestone=(one.next.name, one.next.missing))
            for one in standings
            if one.next is not None and one.value > 0
        ),
        difficulty=difficulty,
        streak=running.days if running is not None and running.last < today else 0,
    )
    return Known(
        person=person,
        today=today,
        days=days,
        week=week,
        streak=streak,
        courses=courses,
        standings=standings,
        difficulty=difficulty,
        recommendations=recommendations.recommended(situation),
    )


async def _value(tx: Transaction, user_id: UUID, role: str) -> float | None:
    return rounded((await scores.read(tx, user_id, role)).score.value)


async def _courses(tx: Transaction, user_id: UUID) -> list[Course]:
    """Return the modules that a person has, each with how far it is."""
    meant = await modules.meant(tx, user_id, now(), platform=tx.platform_id)
    subjects = {name: f"{modules.SUBJECT}{name}" for name in meant}
    found = await scores.read_all(tx, user_id, modules.KIND, tuple(subjects.values()))
    courses = []
    for name, module in meant.items():
        score = found[subjects[name]].score
        beside = figures(score)
        courses.append(
            Course(
                name=name,
                tasks=len(module.tasks),
                completion=score.value or 0.0,
                average=beside.get(AVERAGE),
                required=module.required_score,
                minutes=module.minutes,
                pace=beside.get(EFFICIENCY),
            )
        )
    return courses


async def _goals(tx: Transaction, actor: Actor, person: Person, user: str, today: date) -> list[recommendations.Goal]:
    """Return the goals that are due on some day."""
    listed = (await goals.listing(tx, actor, user=user, limit=MOST, cursor=None)).items
    due = {str(one.id): (one, one.target_date) for one in listed if one.target_date is not None}
    found = await scores.read_all(tx, person.id, goals.KIND, tuple(due))
    zone = ZoneInfo(person.time_zone)
    return [
        recommendations.Goal(
            id=id_,
            name=goal.name,
            progress=found[id_].score.value or 0.0,
            on_the_way=aims.along(goal.created_at.astimezone(zone).date(), day, today),
            due=day,
        )
        for id_, (goal, day) in due.items()
    ]


async def _topics(tx: Transaction, actor: Actor, user_id: UUID) -> list[Topic]:
    """Return the next topic of each path that a person follows."""
    found = []
    for path in await enrolments.followed(tx, actor, user_id):
        current = (await standing_on(tx, user_id, path)).current
        topic = next((one for one in path.body.topics if one.name == current), None)
        if topic is not None:
            found.append(Topic(path_id=str(path.id), path=path.name, name=topic.name, hours=topic.hours))
    return found


async def _sessions(tx: Transaction, actor: Actor, user: str) -> list[TrainingSession]:
    found = await training.listing(tx, actor, user=user, is_open=None, module=None, limit=LATEST, cursor=None)
    return [*found.items]


async def _latest_works(tx: Transaction, actor: Actor, user_id: UUID) -> list[Happened]:
    withdrawn = await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST)
    accepted = EventRow.kind == literal_column(f"'{WORK}'")  # as the index of attempts has it
    query = select(EventRow).where(*records.conditions(user_id, (WORK,), withdrawn), accepted)
    return [_happened(row) for (row,) in await latest(tx, visible_to(actor, query), LATEST)]


async def _latest_levels(tx: Transaction, actor: Actor, user_id: UUID) -> list[Happened]:
    changed = EventRow.kind == literal_column("'level.changed'")  # they are few, and have an index of their own
    query = visible_to(actor, select(EventRow).where(EventRow.user_id == user_id, changed))
    return [_happened(row) for row in await tx.session.scalars(newest_first(query).limit(LATEST))]


def _happened(row: EventRow) -> Happened:
    return Happened(
        event_id=row.id, kind=row.kind, subject=row.subject_id, skills=tuple(row.skills), occurred_at=row.occurred_at
    )


async def _ahead(tx: Transaction, actor: Actor, known: Known) -> Ahead:
    """Return what is left of all modules, and when that may be done, by the days up to yesterday."""
    left = [one.minutes_left for one in known.courses]
    stated = [minutes for minutes in left if minutes is not None]
    if not left or len(stated) < len(left):
        return Ahead(minutes=None, completion=None)
    minutes = round(sum(stated), 6)
    history = [day.minutes for day in known.days[:-1]]
    begin = datetime.combine(known.today - timedelta(days=len(history)), time(), ZoneInfo(known.person.time_zone))
    before = await did_before(tx, actor, known.person.id, "minutes", skill=None, moment=begin)
    expected = completion(history, minutes, known.today, LEVEL, corrected(tx), went_before=before)
    return Ahead(minutes=minutes, completion=expected)
