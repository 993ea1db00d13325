"""Which topics sources name, of how many works, and what they stand for now.

Counted behind the feed, by one process at a time: imports that run side by side need not wait for each other's counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select

from skillcore.plugin import Event
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import NotFound
from skillcore.runtime.rooms import Subscription
from skillcore.verification.tables import TopicRow
from skillcore.verification.topics import mapped, skills_of, without_skill

__all__ = ["SUBSCRIPTION", "Topic", "leave_out", "listing", "rebuild"]

NAME = "verification.topics"
LONGEST = 200
"""Characters of a topic that are told apart."""

AT_ONCE = 500

ADD = """insert into topics (source, topic, works) select * from unnest(%s::text[], %s::text[], %s::int8[]) n(s, t, w)
  order by s, t on conflict (source, topic) do update set works = topics.works + excluded.works"""
HOLD = "select xid::text, pos from subscriptions where name = %s for update"
RECOUNT = f"""with
  behind as (select n.u, max(n.h) as head from commits c, unnest(c.users, c.heads) n(u, h)
    where (c.xid, c.pos) <= (%s::xid8, %s) group by n.u)
insert into topics (source, topic, works)
select e.data ->> 'source', t.topic, count(*) from behind b
  join events e on e.user_id = b.u and e.version <= b.head and e.kind = 'evidence.accepted' and e.salt is not null
  cross join lateral (select distinct left(value, {LONGEST}) as topic from json_array_elements_text(e.data -> 'topics')) t
group by 1, 2"""  # noqa: S608


# Streams first, then the cursor: as whoever follows the feed. What lies behind the cursor has not been counted.
STREAM = "select from streams where user_id = %s for no key update"
LEAVE_OUT = f"""with
  uncounted as (select coalesce(min(n.h - n.s), 9223372036854775807) as head
    from commits c, unnest(c.users, c.heads, c.sizes) n(u, h, s) where (c.xid, c.pos) > (%s::xid8, %s) and n.u = %s),
  theirs as (select e.data ->> 'source' as source, t.topic, count(*) as works from events e, uncounted
    cross join lateral (select distinct left(value, {LONGEST}) as topic from json_array_elements_text(e.data -> 'topics')) t
    where e.user_id = %s and e.version <= uncounted.head and e.kind = 'evidence.accepted' and e.salt is not null group by 1, 2)
update topics t set works = t.works - theirs.works from theirs where (t.source, t.topic) = (theirs.source, theirs.topic)"""  # noqa: S608


class Topic(Struct, frozen=True, kw_only=True):
    """A topic that a source names.

    Attributes:
        works: that were recorded with it.
        listed: the names of skills that a file of topics gives it; null where none lists it.
        skills: those that it stands for now, by id. What was recorded before keeps what it stood for then.
        unmapped: it stands for none, and no file says so on purpose.
    """

    topic: str
    works: int
    listed: list[str] | None
    skills: list[str]
    unmapped: bool


async def count(tx: Transaction, events: Mapping[UUID, tuple[Event, ...]]) -> Sequence[NewEvent]:
    """Count the topics of newly recorded evidence."""
    counted: Counter[tuple[str, str]] = Counter()
    for theirs in events.values():
        for event in theirs:
            counted.update({(event.data.source, topic[:LONGEST]) for topic in event.data.topics})
    if counted:
        sources, topics = zip(*counted, strict=True)
        await (await tx.psycopg()).execute(ADD, (list(sources), list(topics), list(counted.values())))
    return ()


SUBSCRIPTION = Subscription(name=NAME, kinds=frozenset({"evidence.accepted"}), handle=count)


async def listing(tx: Transaction, source: str, *, unmapped: bool | None, limit: int, cursor: str | None) -> Page[Topic]:
    """Return the topics that a source names, by name.

    Args:
        tx: an open transaction.
        source: whose topics.
        unmapped: only those that stand for no skill, or only those that do.
        limit: of the page.
        cursor: of the page before.

    Raises:
        NotFound: no such source.
    """
    if source not in tx.engine.plugins.sources:
        raise NotFound(f"there is no source {source!r}")
    after = position(cursor, str) or ""
    found: list[Topic] = []
    while len(found) <= limit:
        query = select(TopicRow).where(TopicRow.source == source, TopicRow.topic > after).order_by(TopicRow.topic)
        rows = (await tx.session.scalars(query.limit(AT_ONCE))).all()
        topics = await _topics(tx, source, rows)
        found += [topic for topic in topics if unmapped is None or topic.unmapped is unmapped]
        if len(rows) < AT_ONCE:
            break
        after = rows[-1].topic
    return page(found, limit, lambda topic: topic, lambda topic: topic.topic)


async def _topics(tx: Transaction, source: str, rows: Sequence[TopicRow]) -> list[Topic]:
    standing = await skills_of(tx, source, [row.topic for row in rows])
    unmapped = without_skill(tx.engine, source, standing)
    return [
        Topic(
            topic=row.topic,
            works=row.works,
            listed=None if (names := mapped(tx.engine, source, row.topic)) is None else list(names),
            skills=list(standing[row.topic]),
            unmapped=row.topic in unmapped,
        )
        for row in rows
    ]


async def leave_out(tx: Transaction, user_id: UUID) -> None:
    """Count a person's works no longer, who is about to be erased; topics that nobody else has are gone.

    Args:
        tx: the transaction that erases.
        user_id: who is erased.
    """
    connection = await tx.psycopg()
    await connection.execute(STREAM, (user_id,))
    read = await (await connection.execute(HOLD, (NAME,))).fetchone()
    if read is not None:
        await connection.execute(LEAVE_OUT, (*read, user_id, user_id))
        await connection.execute("delete from topics where works <= 0")


async def rebuild(engine: Engine, tell: Callable[[str], None]) -> None:
    """Count anew, up to where the subscription has read: it goes on from there.

    Args:
        engine: this process.
        tell: takes a line of progress.
    """
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        read = await (await connection.execute(HOLD, (NAME,))).fetchone()
        await connection.execute("delete from topics")
        counted = await connection.execute(RECOUNT, ("0", 0) if read is None else read)
        tell(f"topics: {counted.rowcount}")
