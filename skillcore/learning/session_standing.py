"""How training sessions stand, derived from their events: by whichever way these came, in whichever order, the same.

A session is what one person's events under one subject make that are the same platform's business, or nobody's: two
platforms that use the same word mean two sessions. It began with its first event and is open until an end that nothing came
after. What happens after an end opens it again; what is told late and happened before does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import Struct, structs

from skillcore.plugin import Event
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.rooms import Subscription

__all__ = ["NAME", "SESSION_KINDS", "SUBSCRIPTION", "Standing", "derive", "keep", "rebuild", "session_id", "standing"]

NAME = "learning.sessions"
SESSIONS = uuid5(NAMESPACE_URL, "urn:skillcore:training-session")
"""Namespace of the ids of training sessions."""

KINDS = "('session.started', 'session.activity', 'session.ended')"
SESSION_KINDS = frozenset({"session.started", "session.activity", "session.ended"})

# A payload may hold a NUL, which PostgreSQL turns into no text, and refuses to look past: it is read as the character that
# stands for what cannot be shown. Stretches of time are found as `skillcore.defaults.spent` counts it: an end by the engine is
# passed over, and a stretch begins with a start, after an end, and after a long gap.
OF_EVENTS = f"""
with seen as (
  select e.user_id, e.subject_id, e.kind, e.occurred_at, e.id, e.version, e.via,
    e.kind = 'session.ended' and e.via = 'engine' as passed,
    replace(e.data::text, '\\u0000', '\\ufffd')::json ->> 'module' as module,
    case when e.origin like 'platform:%%' then substr(e.origin, 10)::uuid end as platform_id
  from unnest(%s::uuid[], %s::text[]) n(u, s),
  lateral (select * from events e where e.user_id = n.u and e.subject_id = n.s and e.kind in {KINDS} offset 0) e),
cut as (
  select *, not passed and (kind = 'session.started' or lag(kind, 1, 'session.ended') over one = 'session.ended'
    or occurred_at - lag(occurred_at) over one > make_interval(secs => %s)) as begins
  from seen window one as (partition by user_id, platform_id, subject_id, passed order by occurred_at, id)),
numbered as (
  select *, count(*) filter (where begins) over one as stretch
  from cut window one as (partition by user_id, platform_id, subject_id, passed order by occurred_at, id)),
timed as (
  select *, extract(epoch from max(occurred_at) over (partition by user_id, platform_id, subject_id, passed, stretch)
    - occurred_at)::float8 as seconds
  from numbered)
select user_id, platform_id, subject_id,
  coalesce((array_agg(module order by kind = 'session.started' desc, occurred_at, id) filter (where module <> ''))[1], ''),
  min(occurred_at),
  coalesce(max(occurred_at) filter (where kind <> 'session.ended'), max(occurred_at)),
  max(occurred_at) filter (where kind = 'session.ended'),
  max(occurred_at) filter (where kind = 'session.ended' and via <> 'engine'),
  count(*) filter (where kind = 'session.activity'), max(version),
  coalesce(array_agg(occurred_at order by occurred_at, id) filter (where begins and seconds > 0), '{{}}'),
  coalesce(array_agg(seconds order by occurred_at, id) filter (where begins and seconds > 0), '{{}}')
from timed group by user_id, platform_id, subject_id"""  # noqa: S608
# Versions follow each other without gaps, so whoever has seen a later one has seen all before it.
KEEP = """insert into training_sessions (id, user_id, platform_id, subject, module, started_at, last_at, ended_at, automatic,
    activities, head, stretch_starts, stretch_seconds)
  values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
  on conflict (id) do update set module = excluded.module, started_at = excluded.started_at, last_at = excluded.last_at,
    ended_at = excluded.ended_at, automatic = excluded.automatic, activities = excluded.activities, head = excluded.head,
    stretch_starts = excluded.stretch_starts, stretch_seconds = excluded.stretch_seconds
  where training_sessions.head <= excluded.head"""
PEOPLE = f"""select user_id from events where kind in {KINDS} and subject_id <> ''
  union select user_id from training_sessions order by 1"""  # noqa: S608
SUBJECTS = f"select distinct subject_id from events where user_id = %s and kind in {KINDS} and subject_id <> ''"  # noqa: S608
EVERY = 1000


class Standing(Struct, frozen=True):
    """A session as its events make it; `skillcore.learning.session_tables` says what each field means."""

    user_id: UUID
    platform_id: UUID | None
    subject: str
    module: str
    started_at: datetime
    last_at: datetime
    ended_at: datetime | None
    automatic: bool
    activities: int
    head: int
    stretch_starts: list[datetime]
    stretch_seconds: list[float]

    @property
    def id(self) -> UUID:
        """The same for the same session, however often it is derived."""
        return session_id(self.user_id, self.platform_id, self.subject)


def session_id(user_id: UUID, platform_id: UUID | None, subject: str) -> UUID:
    """Return the id of a session."""
    return uuid5(SESSIONS, f"{user_id}:{platform_id or ''}:{subject}")


async def standing(tx: Transaction, sessions: Iterable[tuple[UUID, str]]) -> list[Standing]:
    """Return how sessions stand by the events that there are, by id.

    Args:
        tx: an open transaction.
        sessions: people and subjects.
    """
    wanted = sorted({(user, subject) for user, subject in sessions if subject})
    if not wanted:
        return []
    users, subjects = zip(*wanted, strict=True)
    idle = tx.engine.settings.learning.session_idle
    rows = await (await (await tx.psycopg()).execute(OF_EVENTS, (list(users), list(subjects), idle))).fetchall()
    return sorted((_standing(*row) for row in rows), key=lambda found: found.id)


def _standing(
    user_id: UUID,
    platform_id: UUID | None,
    subject: str,
    module: str,
    started_at: datetime,
    last_at: datetime,
    ended_at: datetime | None,
    by_hand: datetime | None,
    activities: int,
    head: int,
    stretch_starts: list[datetime],
    stretch_seconds: list[float],
) -> Standing:
    over = ended_at is not None and ended_at >= last_at
    return Standing(
        user_id=user_id,
        platform_id=platform_id,
        subject=subject,
        module=module,
        started_at=started_at,
        last_at=last_at,
        ended_at=ended_at if over else None,
        automatic=over and by_hand != ended_at,
        activities=activities,
        head=head,
        stretch_starts=stretch_starts,
        stretch_seconds=stretch_seconds,
    )


async def derive(tx: Transaction, sessions: Iterable[tuple[UUID, str]]) -> list[Standing]:
    """Keep how sessions stand, and return it; what somebody derived of later events stays."""
    found = await standing(tx, sessions)
    await keep(tx, found)
    return found


async def keep(tx: Transaction, found: Sequence[Standing]) -> None:
    """Keep how sessions stand, unless somebody has seen later events of them."""
    if found:
        async with (await tx.psycopg()).cursor() as cursor:
            await cursor.executemany(KEEP, [(one.id, *structs.astuple(one)) for one in found])


async def follow(tx: Transaction, people: Mapping[UUID, tuple[Event, ...]]) -> Sequence[NewEvent]:
    """Derive the sessions that events are about."""
    await derive(tx, [(user, event.subject_id) for user, events in people.items() for event in events])
    return ()


SUBSCRIPTION = Subscription(name=NAME, kinds=SESSION_KINDS, handle=follow)


async def rebuild(engine: Engine, tell: Callable[[str], None]) -> None:
    """Drop all sessions and derive them anew, person by person; it may be stopped and run again.

    Args:
        engine: this process.
        tell: takes a line of progress.
    """
    async with engine.transaction() as tx:
        users = [row[0] for row in await (await (await tx.psycopg()).execute(PEOPLE)).fetchall()]
    sessions = 0
    for done, user in enumerate(users, 1):
        async with engine.transaction() as tx:
            connection = await tx.psycopg()
            await connection.execute("delete from training_sessions where user_id = %s", (user,))
            subjects = await (await connection.execute(SUBJECTS, (user,))).fetchall()
            sessions += len(await derive(tx, [(user, subject) for (subject,) in subjects]))
        if done % EVERY == 0:
            tell(f"sessions: {done} people")
    tell(f"sessions: {sessions} of {len(users)} people, done")
