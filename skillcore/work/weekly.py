"""The weekly goal: how many minutes and works somebody wants to do in a week, and how far they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct
from sqlalchemy import Date, Float, and_, cast, func, not_, select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition
from skillcore.learning.session_minutes import minutes_by_day
from skillcore.ledger.entries import visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict, InvalidField

__all__ = ["KIND", "MINUTES", "WORK", "NewWeeklyGoal", "Week", "WeeklyGoal", "WeeklyTarget", "aims", "present", "read", "write"]

KIND = "weekly-goal"
NAME = "weekly"

MOST = 200
"""Weekly goals of one person that are looked at: their own, and one for each platform that set one."""

VERSIONS = 500

DIGITS = 6
"""After the point, of minutes as they are shown."""

WeeklyMinutes = Annotated[float, Meta(ge=0, le=10_080)]
WeeklyWorks = Annotated[int, Meta(ge=0, le=10_000)]

WORK = "evidence.accepted"
MINUTES = ("progress.time", "platform.volunteered", "mentorship.held")
"""Kinds whose minutes count, whoever reports them: the week is the person's own calendar."""


class WeeklyTarget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wanted of each week; null where nothing is."""

    minutes: WeeklyMinutes | None = None
    works: WeeklyWorks | None = None


class NewWeeklyGoal(WeeklyTarget, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A weekly goal to set.

    Attributes:
        user: whose.
    """

    user: people.PersonReference = "me"


class Week(Struct, frozen=True, kw_only=True):
    """A week of a person's calendar.

    Attributes:
        start: its Monday.
        minutes: stated, and of training sessions, as far as the caller may see.
        works: verified.
        target: what was wanted of it, as it stood when it ended; null before there was a goal.
        missing: what the target asks beyond what was done; null without one.
    """

    start: date
    minutes: float
    works: int
    target: WeeklyTarget | None
    missing: WeeklyTarget | None


class WeeklyGoal(Struct, frozen=True, kw_only=True):
    """A weekly goal.

    Attributes:
        version: of the goal; null while there is none.
        platform_id: of the platform that set it; null if the person did.
        time_zone: the person's, in which weeks begin.
        weeks: the oldest first; the last one is the present.
    """

    user_id: UUID
    version: int | None
    platform_id: UUID | None
    target: WeeklyTarget | None
    time_zone: str
    weeks: list[Week]


async def write(tx: Transaction, actor: Actor, new: NewWeeklyGoal) -> WeeklyGoal:
    """Set a person's weekly goal: their own, or a platform's for them. Former weeks keep the one they had.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, new.user, write=True)
    body = WeeklyTarget(minutes=new.minutes, works=new.works)
    if not await _edited(tx, actor, user_id, body):
        try:
            await definitions.define(tx, actor, KIND, NAME, body, owner=user_id)
        except Conflict:  # somebody set the first one at the same time
            await _edited(tx, actor, user_id, body)
    return await read(tx, actor, user=new.user, weeks=1)


async def _edited(tx: Transaction, actor: Actor, user_id: UUID, body: WeeklyTarget) -> bool:
    """Edit the goal that is the caller's to set, if there is one."""
    own = [one for one in await _goals(tx, actor, user_id) if one.platform_id == actor.platform_id]
    if own:
        await definitions.edit(tx, actor, KIND, str(own[0].id), body)
    return bool(own)


async def read(tx: Transaction, actor: Actor, *, user: str, weeks: int) -> WeeklyGoal:
    """Return a person's weekly goal with the last weeks, the present one included.

    The person's own counts; without one, the one that a platform set for them, as far as the caller sees it.

    Raises:
        NotFound: no such person, for this caller.
        InvalidField: so many weeks cannot be asked for.
    """
    if not 1 <= weeks <= 53:
        raise InvalidField("weeks: from 1 to 53 can be asked for", field="weeks")
    person = await people.read(tx, actor, user)
    zone = ZoneInfo(person.time_zone)
    today = now().astimezone(zone).date()
    present = today - timedelta(days=today.weekday())
    starts = [present - timedelta(weeks=back) for back in reversed(range(weeks))]
    known = await _goals(tx, actor, person.id)
    found = next(iter(known), None)
    histories = [await definitions.history(tx, actor, KIND, str(one.id), WeeklyTarget, limit=VERSIONS) for one in known]
    stood = sorted(chain.from_iterable(histories), key=_first)
    done = await _done(tx, actor, person.id, person.time_zone, starts)
    return WeeklyGoal(
        user_id=person.id,
        version=None if found is None else found.version,
        platform_id=None if found is None else found.platform_id,
        target=None if found is None else found.body,
        time_zone=person.time_zone,
        weeks=[_week(start, *done.get(start, (0.0, 0)), target) for start, target in aims(stood, starts, zone).items()],
    )


async def present(tx: Transaction, actor: Actor, user_id: UUID, start: date, minutes: float, works: int) -> Week:
    """Return the present week of a person beside their goal, for who knows what was done in it.

    Args:
        tx: an open transaction.
        actor: who asks.
        user_id: whose, which the caller has seen to.
        start: its Monday.
        minutes: stated in it, and of training sessions, as far as the caller may see.
        works: verified in it.
    """
    found = await _goal(tx, actor, user_id)
    return _week(start, minutes, works, None if found is None else found.body)


def aims(
    versions: Iterable[Definition[WeeklyTarget]], starts: Iterable[date], zone: ZoneInfo
) -> Mapping[date, WeeklyTarget | None]:
    """Return what was wanted of each week: by the version that stood when the week ended, the last one so far for the present.

    Args:
        versions: of all goals; of two that stood, the one that counts comes first.
        starts: the weeks' Mondays.
        zone: in which weeks end.
    """
    stood = list(versions)
    found: dict[date, WeeklyTarget | None] = {}
    for start in starts:
        end = datetime.combine(start + timedelta(weeks=1), time(), zone)
        found[start] = next((one.body for one in stood if one.edited_at < end), None)
    return found


async def _goal(tx: Transaction, actor: Actor, user_id: UUID) -> Definition[WeeklyTarget] | None:
    return next(iter(await _goals(tx, actor, user_id)), None)


async def _goals(tx: Transaction, actor: Actor, user_id: UUID) -> list[Definition[WeeklyTarget]]:
    """Return the weekly goals of a person that the caller sees: their own first, then those that platforms set last."""
    found = await definitions.listing(tx, actor, KIND, WeeklyTarget, owner=user_id, limit=MOST, cursor=None)
    return sorted(found.items, key=_first)


def _first(one: Definition[WeeklyTarget]) -> tuple[bool, float]:
    """Return a key by which the goal that counts comes first: the person's own, or what a platform set last."""
    return one.platform_id is not None, -one.edited_at.timestamp()


async def _done(
    tx: Transaction, actor: Actor, user_id: UUID, time_zone: str, starts: list[date]
) -> Mapping[date, tuple[float, int]]:
    """Return minutes and works of each week that has any, as far as the caller may see; by the week's Monday."""
    zone = ZoneInfo(time_zone)
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (starts[0], starts[-1] + timedelta(weeks=1)))
    week = cast(func.date_trunc("week", func.timezone(time_zone, EventRow.occurred_at)), Date)
    minutes = func.sum(cast(EventRow.data["minutes"].as_string(), Float)).filter(EventRow.kind != WORK)
    conditions = [
        EventRow.user_id == user_id,
        EventRow.occurred_at >= begin,
        EventRow.occurred_at < end,
        EventRow.kind.in_((WORK, *MINUTES)),
    ]
    if withdrawn := await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST):
        of_account = EventRow.data["account"].as_string().in_(sorted(withdrawn))
        conditions.append(not_(and_(EventRow.kind == WORK, of_account)))
    works = func.count().filter(EventRow.kind == WORK)
    query = visible_to(actor, select(week, minutes, works).where(*conditions).group_by(week))
    done = {start: (spent or 0.0, count) for start, spent, count in (await tx.session.execute(query)).all()}
    for day, trained in (await minutes_by_day(tx, actor, user_id, time_zone, begin, end)).items():
        start = day - timedelta(days=day.weekday())
        stated, count = done.get(start, (0.0, 0))
        done[start] = (stated + trained, count)
    return done


def _week(start: date, minutes: float, works: int, target: WeeklyTarget | None) -> Week:
    minutes, missing = round(minutes, DIGITS), None
    if target is not None:
        missing = WeeklyTarget(
            minutes=None if target.minutes is None else max(round(target.minutes - minutes, DIGITS), 0.0),
            works=None if target.works is None else max(target.works - works, 0),
        )
    return Week(start=start, minutes=minutes, works=works, target=target, missing=missing)
