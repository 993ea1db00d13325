"""What is read of one person costs what that person has done: no plan scans the tables of facts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
import psycopg
import pytest

from skillcore.accounts.access import SCOPES
from skillcore.defaults.kinds import AccountLinked
from skillcore.insight import records
from skillcore.ledger import ingest, record
from skillcore.ledger.checks import EVENTS, SIGNALS
from skillcore.ledger.feed import Feed, lag
from skillcore.ledger.maintenance import OF_KINDS
from skillcore.plugin import Event
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.rooms import Subscription
from tests.conftest import Dsns
from tests.ledger.facts import NOON, catalogue, evidence, joined, note, rows
from tests.stepping import step
from tests.visitors import Door, Visitor

PEOPLE = 100
EACH = 240
TABLES = "events|skill_signals|commits|streams|snapshots|checkpoints"
LARGE = re.compile(rf"({TABLES})(_\d+)?")
READS = re.compile(rf"\b({TABLES})\b")
Statement = tuple[str, Any, str]
"""A query, its parameters, and the options of its connection."""


class Listening:
    """Keeps every statement about facts that goes to the database."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.heard: list[Statement] = []
        execute, copy, connect = psycopg.AsyncCursor.execute, psycopg.AsyncCursor.copy, Database.connect
        options: dict[int, str] = {}

        def keep(cursor: psycopg.AsyncCursor[Any], query: Any, parameters: Any) -> None:
            text = query.decode() if isinstance(query, bytes) else str(query)
            if (READS.search(text) and not text.startswith("copy")) or "to stdout" in text:
                self.heard.append((text, parameters, options.get(id(cursor.connection), "")))

        async def opened(database: Database, **chosen: Any) -> Any:
            connection = await connect(database, **chosen)
            options[id(connection)] = chosen.get("options", "")
            return connection

        async def executed(cursor: Any, query: Any, params: Any = None, **more: Any) -> Any:
            keep(cursor, query, params)
            return await execute(cursor, query, params, **more)

        def copied(cursor: Any, query: Any, params: Any = None, **more: Any) -> Any:
            keep(cursor, query, params)
            return copy(cursor, query, params, **more)

        patch.setattr(psycopg.AsyncCursor, "execute", executed)
        patch.setattr(psycopg.AsyncCursor, "copy", copied)
        patch.setattr(Database, "connect", opened)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def scans(database: Database, statement: Statement) -> list[str]:
    """Return the tables of facts that a statement's plan reads from end to end."""
    text, parameters, options = statement
    inner = re.fullmatch(r"copy \((.*)\) to stdout.*", text, re.DOTALL)
    async with await database.connect(options=options, autocommit=True) as connection:
        await connection.execute("set plan_cache_mode = force_generic_plan" if options else "select 1")
        cursor = await connection.execute(f"explain (format json) {inner[1] if inner else text}".encode(), parameters)
        ((plan,),) = await cursor.fetchall()
    every = nodes(plan[0]["Plan"])
    return [
        node["Relation Name"] for node in every if node["Node Type"] == "Seq Scan" and LARGE.fullmatch(node["Relation Name"])
    ]


@asynccontextmanager
async def undisturbed(patch: pytest.MonkeyPatch) -> AsyncIterator[Listening]:
    with patch.context() as context:
        yield Listening(context)


async def filled(door: Door, dsns: Dsns) -> tuple[Visitor, UUID]:
    """Fill the ledger with ``PEOPLE`` times ``EACH`` events; returns a platform's key, and one of its members."""
    engine = door.engine
    skills = await catalogue(engine, "python", "rust", "sql")
    key = (await door.platform(*SCOPES)).key
    member = UUID((await key.post("/api/users", {"external_id": "ada"})).json()["id"])
    for person in [member, *(new_id() for _ in range(PEOPLE - 1))]:
        events = [
            (
                joined(person, *skills, project=f"p-{n}"),
                evidence(person, f"w-{n}", skills=skills),
                note(person, n),
                note(person, -n),
            )
            for n in range(EACH // 4)
        ]
        await ingest(engine, [event for four in events for event in four])
    with psycopg.connect(dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(  # each event as if recorded alone
            "insert into commits (users, heads, sizes) select array[user_id], array[version], array[1] from events"
        )
        owner.execute("insert into streams (user_id) select gen_random_uuid() from generate_series(1, 10000)")
        owner.execute(
            "insert into snapshots select user_id, f, 1, '', 0, null, null, '{}', 0"
            " from streams, (values ('level'), ('x')) n(f)"
        )
        owner.execute(
            "insert into checkpoints select user_id, f, 1, '', now(), gen_random_uuid(), 0, '{}'"
            " from streams, (values ('level'), ('x')) n(f)"
        )
        owner.execute("analyze")
    assert rows(dsns, "select count(*) from events")[0][0] >= 20_000
    return key, member


async def test_no_plan_scans_facts(door: Door, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = door.engine
    key, ada = await filled(door, database_dsns)
    account = AccountLinked(account="gym:ada", handle="ada", method="challenge")
    async with engine.transaction() as tx:
        await record(tx, [NewEvent(user_id=ada, kind="account.linked", subject_id="gym:ada", data=account, occurred_at=NOON)])

    async def heard(tx: Transaction, people: dict[UUID, tuple[Event, ...]]) -> list[Any]:
        return []

    subscription = Subscription(name="plans", kinds=frozenset({"x.note", "evidence.accepted"}), handle=heard)  # type: ignore[arg-type]
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("insert into subscriptions (name, xid) select 'plans', max(xid::text::int8)::text::xid8 from commits")
    there = [msgspec.structs.replace(note(ada, n), id=new_id()) for n in range(100)]
    monkeypatch.setattr(records, "PIECE", 20)  # so that what is read in pieces goes on to further ones
    async with undisturbed(monkeypatch) as listening:
        for path in (
            "/api/users/ext:ada/events",
            "/api/users/ext:ada/events?kind=x.note&limit=5",
            "/api/users/ext:ada/level",
            "/api/users/ext:ada/level?skill=python",
            "/api/explain/level?user=ext:ada",
            "/api/explain/level?user=ext:ada&limit=1",
            "/api/explain/level?user=ext:ada&as_of=2026-01-20",
            "/api/scores/level?user=ext:ada&as_of=2026-01-20",
            "/api/scores/level/series?user=ext:ada",
            "/api/analytics/distribution?user=ext:ada",
            "/api/analytics/momentum?user=ext:ada",
            "/api/analytics/activity?user=ext:ada&skill=rust",
            "/api/analytics/profile?user=ext:ada",
            "/api/analytics/profile?user=ext:ada&as_of=2026-03-20",
            "/api/analytics/aggregates?user=ext:ada&since=2026-01-10&until=2026-01-20",
            "/api/analytics/patterns?user=ext:ada&until=2026-03-01",
            "/api/analytics/streaks?user=ext:ada",
        ):
            answer = await key.get(path)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            if cursor := body.get("next_cursor") or body.get("events", {}).get("next_cursor"):
                more = f"{path}{'&' if '?' in path else '?'}cursor={quote(cursor)}"
                assert (await key.get(more)).status_code == 200
        for few_or_many in (there[:3], there):
            await ingest(engine, few_or_many)
            await ingest(engine, [*few_or_many, note(ada, 7)])
        async with engine.transaction() as tx:
            await record(tx, [*there, evidence(ada, "another")])
        assert (await key.get("/api/users/ext:ada/level")).status_code == 200  # from a snapshot, and the tail
        assert await step(Feed(engine, [subscription]), subscription) > 0
        async with engine.transaction() as tx:
            await lag(tx)
    asked = {text: (text, parameters, options) for text, parameters, options in listening.heard}
    for wanted in (
        "order by occurred_at, id limit",
        "from commits",
        "from unnest",
        "skill_signals",
        "snapshots",
        "from checkpoints c join snapshots n",
        "(events.occurred_at, events.id) >",
        "kind = any",
        "split_part",
    ):
        assert any(wanted in text for text in asked), f"nothing asked {wanted!r}"
    checks = [(EVENTS, (ada,), ""), (SIGNALS, (ada,), ""), (OF_KINDS, (ada, 0, ["x.note"]), "")]
    found = {}
    for statement in [*asked.values(), *checks]:
        if scanned := await scans(engine.database, statement):
            found[statement[0]] = scanned
    assert found == {}


async def test_a_scan_would_be_seen(door: Door, database_dsns: Dsns) -> None:
    await filled(door, database_dsns)
    for query in ("select * from events where subject_id = 'x'", "copy (select * from commits) to stdout (format binary)"):
        assert await scans(door.engine.database, (query, None, "")) != []
