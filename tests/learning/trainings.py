"""Events of training sessions, the rows that follow from them, and the feed by which they follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from skillcore.defaults.kinds import SessionActivity, SessionEnded, SessionStarted
from skillcore.learning.session_standing import NAME, SUBSCRIPTION
from skillcore.learning.session_tables import TrainingSessionRow
from skillcore.ledger import record
from skillcore.ledger.feed import Feed
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent, Via, of_platform
from tests.stepping import step

NINE = datetime(2026, 6, 1, 9, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def event(
    user: UUID, data: Any, minutes: float, subject: str = "s", *, platform: UUID | None = None, via: Via = "page", **more: Any
) -> NewEvent:
    kinds = {SessionStarted: "session.started", SessionActivity: "session.activity", SessionEnded: "session.ended"}
    return NewEvent(
        user_id=user,
        kind=kinds[type(data)],
        data=data,
        subject_id=subject,
        occurred_at=at(minutes),
        origin=of_platform(platform),
        via="platform" if platform else via,
        **more,
    )


def started(user: UUID, minutes: float, module: str = "", **more: Any) -> NewEvent:
    return event(user, SessionStarted(module=module), minutes, **more)


def activity(user: UUID, minutes: float, score: float | None = None, item: str | None = None, **more: Any) -> NewEvent:
    module = more.pop("module", "")
    return event(user, SessionActivity(type="quiz", score=score, item=item, module=module), minutes, **more)


def ended(user: UUID, minutes: float, **more: Any) -> NewEvent:
    return event(user, SessionEnded(), minutes, **more)


async def say(engine: Engine, *events: NewEvent) -> None:
    async with engine.transaction() as tx:
        await record(tx, events)


async def rows(engine: Engine) -> list[dict[str, Any]]:
    """Return all there is in the table, by id."""
    async with engine.transaction() as tx:
        found = (await tx.session.scalars(select(TrainingSessionRow).order_by(TrainingSessionRow.id))).all()
        return [{column.key: getattr(row, column.key) for column in TrainingSessionRow.__table__.columns} for row in found]


async def feed_of(engine: Engine) -> Feed:
    """Return a feed whose subscription has a cursor, as its loop would have given it one."""
    async with engine.transaction() as tx:
        await (await tx.psycopg()).execute("insert into subscriptions (name) values (%s) on conflict do nothing", (NAME,))
    return Feed(engine, [SUBSCRIPTION])


async def follow(engine: Engine) -> None:
    """Have everything that was recorded handled."""
    feed = await feed_of(engine)
    while await step(feed, SUBSCRIPTION):
        pass


def shown(found: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what matters of rows, with moments in minutes after nine."""

    def minutes(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - NINE) / timedelta(minutes=1)

    return [
        (row["module"], minutes(row["started_at"]), minutes(row["last_at"]), minutes(row["ended_at"]), row["activities"])
        for row in found
    ]
