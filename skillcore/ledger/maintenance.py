"""What operators run: recomputing derived state, and repairing signals that rules failed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from msgspec import Struct
from psycopg import errors

from skillcore.ledger import skills
from skillcore.ledger.checks import users
from skillcore.ledger.preparation import DerivedSignal, ParkedRule, derive
from skillcore.ledger.snapshots import FORGET, folded
from skillcore.ledger.streams import EVENT_FIELDS, Connection, decode
from skillcore.ledger.writer import insert_signals, lock, park_rules
from skillcore.runtime.engine import Engine

__all__ = ["Backfilled", "backfill", "rebuild"]

WRONG_HEADS = """select user_id from streams s full join
    (select distinct on (user_id) user_id, version, digest from events order by user_id, version desc) e using (user_id)
    full join (select distinct user_id from erasures) x using (user_id)
  where (s.version, s.digest, s.closed)
    is distinct from (coalesce(e.version, 0), coalesce(e.digest, ''), x.user_id is not null)"""
OPEN = "insert into streams (user_id) values (%s) on conflict do nothing"
HOLD = "select from streams where user_id = %s for no key update"
RIGHT_HEAD = """update streams s set version = coalesce(e.version, 0), digest = coalesce(e.digest, ''),
    closed = exists (select from erasures x where x.user_id = s.user_id)
  from (values (%s)) u left join lateral
    (select version, digest from events where user_id = u.column1 order by version desc limit 1) e on true
  where s.user_id = u.column1"""
OF_KINDS = f"""select {EVENT_FIELDS} from events where user_id = %s and version > %s and kind = any(%s)
  order by version limit 5000"""  # noqa: S608
REPAIRED = "delete from parked_events where consumer = any(%s) and user_id = %s and event_id = any(%s)"
EVERY = 1000


class Backfilled(Struct, frozen=True):
    """What a backfill did."""

    users: int
    signals: int
    failed: int


async def rebuild(engine: Engine, tell: Callable[[str], None]) -> None:
    """Drop the heads of streams and all snapshots, and recompute them from the events.

    It may be stopped and run again at any time: a person whose snapshots are missing gets them on the next reading anyway.

    Args:
        engine: this process.
        tell: takes a line of progress.
    """
    connection = await engine.database.connect(autocommit=True)
    try:
        wrong = await (await connection.execute(WRONG_HEADS)).fetchall()
        for (user,) in wrong:
            async with connection.transaction():
                await connection.execute(OPEN, (user,))
                await connection.execute(HOLD, (user,))
                await connection.execute(RIGHT_HEAD, (user,))
        tell(f"heads: {len(wrong)} corrected")
        done = 0
        async for user in users(connection):
            async with connection.transaction():
                for forget in FORGET:
                    await connection.execute(forget, (user,))
                for formula in engine.plugins.formulas.values():
                    await folded(connection, engine.plugins, formula, user)
            done += 1
            if done % EVERY == 0:
                tell(f"scores: {done} people")
        tell(f"scores: {done} people, done")
    finally:
        await connection.close()


async def backfill(engine: Engine, rules: Sequence[str] = (), tell: Callable[[str], None] = lambda _: None) -> Backfilled:
    """Derive all signals anew and add those that are missing; what rules failed on before is repaired or stays parked.

    Args:
        engine: this process.
        rules: only the rules of these names; all, if empty.
        tell: takes a line of progress.
    """
    async with engine.transaction() as tx:
        await tx.engine.cache(skills.Catalogue).load(tx)
    connection = await engine.database.connect(autocommit=True)
    people = added = failed = 0
    try:
        async for user in users(connection):
            new, bad = await _backfill_one(engine, connection, user, rules)
            people, added, failed = people + 1, added + new, failed + bad
            if people % EVERY == 0:
                tell(f"{people} people, {added} signals added")
    finally:
        await connection.close()
    return Backfilled(people, added, failed)


async def _backfill_one(engine: Engine, connection: Connection, user: UUID, names: Sequence[str]) -> tuple[int, int]:
    rules = [rule for rule in engine.plugins.rules if not names or rule.name in names]
    kinds = sorted({kind for rule in rules for kind in rule.kinds})
    known = engine.cache(skills.Catalogue).ids
    added = failed = version = 0
    while rows := await (await connection.execute(OF_KINDS, (user, version, kinds))).fetchall():
        signals: dict[tuple[object, ...], DerivedSignal] = {}
        parked: list[ParkedRule] = []
        version = rows[-1][0]
        events = [decode(row, engine.plugins).event for row in rows]
        for event in events:
            for rule in rules:
                if event.kind not in rule.kinds:
                    continue
                try:
                    derived = derive(rule, event, known)
                except Exception as error:  # noqa: BLE001 - counted and parked
                    parked.append(ParkedRule(user, UUID(event.id), rule.name, f"{type(error).__name__}: {error}"[:500]))
                    continue
                for signal in derived:
                    row = DerivedSignal(user, signal, UUID(event.id), rule.name, rule.version, event.occurred_at)
                    signals.setdefault(row.key, row)
        consumers, ids = [f"rule:{rule.name}" for rule in rules], [UUID(event.id) for event in events]
        try:
            async with connection.transaction():
                await lock(connection, [user.bytes])  # as recording does: the two would wait for each other's signals
                await connection.execute(REPAIRED, (consumers, user, ids))
                added += await insert_signals(connection, signals.values())
                await park_rules(connection, parked)
        except errors.NoDataFound:  # the person has been erased meanwhile
            break
        failed += len(parked)
    return added, failed
