"""The feed: delivered at least once and in effect once, whatever dies; in order of commits; and one failure stops nobody."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy.exc
from sqlalchemy import text

from skillcore.ledger import feed as feeding_module
from skillcore.ledger import record
from skillcore.ledger.feed import PARK_AFTER, Cycle, Feed, described, lag, order_of_kinds
from skillcore.plugin import Event
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.rooms import Subscription
from skillcore.runtime.settings import Settings
from tests.conftest import Dsns
from tests.ledger.feeding import NAME, TABLE, echo, effects, quick, say
from tests.stepping import step

PATIENCE = 30
CHILD = Path(__file__).with_name("feeding.py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return quick(settings)


@pytest.fixture
def owner(database_dsns: Dsns) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _effects(owner: psycopg.Connection[Any]) -> None:
    owner.execute(TABLE)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding_module, "RETRY", 0.001)


@pytest.fixture
async def other_engine(engine: Engine, database_dsns: Dsns) -> AsyncIterator[Engine]:
    """Another process on the same database."""
    database = Database(database_dsns.service_dsn, engine.settings.database)
    yield Engine(engine.settings, engine.plugins, database)
    await database.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - it is rows of a table that change
            await asyncio.sleep(0.01)


async def caught_up(engine: Engine) -> bool:
    async with engine.transaction() as tx:
        return (await lag(tx)).get(NAME) == 0


async def finish(engine: Engine, subscription: Subscription | None = None) -> None:
    """Run the feed until there is nothing left to read."""
    async with Feed(engine, [subscription or echo()]).run():
        await until(lambda: caught_up(engine))


async def parked(engine: Engine) -> list[tuple[UUID, UUID, int, bool, str]]:
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        cursor = await connection.execute("select user_id, event_id, attempts, parked, error from parked_events")
        return await cursor.fetchall()


def once(events: Sequence[UUID]) -> Counter[UUID]:
    return Counter(dict.fromkeys(events, 1))


async def opened(engine: Engine) -> Feed:
    """Return a feed that is stepped by hand, its cursor made."""
    feed = Feed(engine, [echo()])
    async with feed._elected(echo()):
        return feed


# --- what is delivered


async def test_each_event_has_its_effect_once(engine: Engine) -> None:
    people = [new_id() for _ in range(5)]
    async with Feed(engine, [echo()]).run() as feed:
        said = [id_ for _ in range(4) for id_ in await say(engine, *people, times=3)]
        feed.hint()
        await until(lambda: caught_up(engine))
    assert await effects(engine) == once(said)


async def test_a_new_subscription_starts_at_the_beginning(engine: Engine) -> None:
    said = [*await say(engine, new_id(), times=2), *await say(engine, new_id())]
    await finish(engine)
    assert await effects(engine) == once(said)


async def test_a_person_s_events_come_in_the_order_of_their_versions(engine: Engine) -> None:
    ada = new_id()
    said = [id_ for _ in range(5) for id_ in await say(engine, ada, times=3)]
    heard: list[UUID] = []

    async def hook(_: Transaction, __: UUID, events: tuple[Event, ...]) -> None:
        heard.extend(UUID(event.id) for event in events)

    await finish(engine, echo(hook=hook))
    assert heard == said


async def test_other_kinds_are_passed_over(engine: Engine) -> None:
    async with engine.transaction() as tx:
        await record(tx, [NewEvent(user_id=new_id(), kind="x.done", data={})])
    said = await say(engine, new_id())
    await finish(engine)
    assert await effects(engine) == once(said)


async def test_erased_events_are_not_delivered(engine: Engine) -> None:
    gone, stays = new_id(), new_id()
    await say(engine, gone)
    said = await say(engine, stays)
    async with engine.transaction() as tx:
        await (await tx.psycopg()).execute("select erase(%s, 'asked')", (gone,))
    await finish(engine)
    assert await effects(engine) == once(said)


async def test_commits_in_another_order_than_their_transactions_began_are_not_skipped(engine: Engine) -> None:
    feed, subscription = await opened(engine), echo()
    async with engine.transaction() as early:
        await (await early.psycopg()).execute("select pg_current_xact_id()")
        later = await say(engine, new_id())
        assert await feed.advance(subscription) == 0, "what is behind a running transaction must wait for it"
        ids = (await record(early, [NewEvent(user_id=new_id(), kind="x.said", data={})])).ids
    assert await step(feed, subscription) == 2
    assert await effects(engine) == once([*later, *ids])


async def test_a_batch_is_bounded_in_events(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [id_ for _ in range(5) for id_ in await say(engine, new_id(), times=4)]
    monkeypatch.setattr(feeding_module, "MOST_EVENTS", 8)
    feed, subscription = await opened(engine), echo()
    assert await step(feed, subscription) == 2
    assert await effects(engine) == once(said[:8])
    await finish(engine)
    assert await effects(engine) == once(said)


async def test_lag_counts_the_commits_to_come(engine: Engine) -> None:
    feed, subscription = await opened(engine), echo()
    for _ in range(3):
        await say(engine, new_id())
    async with engine.transaction() as tx:
        assert await lag(tx) == {NAME: 3}
    await step(feed, subscription)
    async with engine.transaction() as tx:
        assert await lag(tx) == {NAME: 1}  # the commit of its consequences
    assert await step(feed, subscription) == 1
    async with engine.transaction() as tx:
        assert await lag(tx) == {NAME: 0}


# --- dying


@pytest.mark.parametrize(("seed", "times"), [(4, 25), *(pytest.param(n, 150, marks=pytest.mark.soak) for n in range(20))])
async def test_cancelled_at_any_moment_nothing_is_lost_or_doubled(seed: int, times: int, engine: Engine) -> None:
    chance = random.Random(seed)
    said = [id_ for _ in range(60) for id_ in await say(engine, new_id(), new_id())]
    loop = asyncio.get_running_loop()
    for _ in range(times):
        running = asyncio.create_task(finish(engine))
        loop.call_later(chance.uniform(0, 0.08), running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running
        said += await say(engine, new_id())
    await finish(engine)
    assert await effects(engine) == once(said)


async def test_cut_off_from_the_database_at_any_moment_nothing_is_lost_or_doubled(
    engine: Engine, owner: psycopg.Connection[Any]
) -> None:
    chance = random.Random(5)
    said: list[UUID] = []
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = %s"
    async with Feed(engine, [echo()]).run():
        for _ in range(20):
            said += await say(engine, *[new_id() for _ in range(10)])
            await asyncio.sleep(chance.uniform(0, 0.03))
            owner.execute(cut, ("skillcore",))
    await finish(engine)
    assert await effects(engine) == once(said)


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.soak)])
async def test_killed_at_any_moment_nothing_is_lost_or_doubled(kills: int, engine: Engine, database_dsns: Dsns) -> None:
    chance = random.Random(6)
    said: list[UUID] = []
    command = (sys.executable, str(CHILD), database_dsns.service_dsn)
    for _ in range(kills):
        child = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
        )
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
        for _ in range(chance.randint(1, 40)):
            said += await say(engine, new_id(), new_id())
        child.send_signal(signal.SIGKILL)
        await child.wait()
    before = (await effects(engine)).total()
    await finish(engine)
    assert await effects(engine) == once(said)
    assert before > 0, "the children did nothing before they were killed"


async def test_a_part_that_is_settled_is_not_handled_again(engine: Engine) -> None:
    """The process dies while it tries a failing person again, after it has settled another's part of the same commit."""
    good, bad = sorted([new_id(), new_id()])
    said = await say(engine, good, bad)
    failing = True
    tries = 0

    async def hook(_: Transaction, user: UUID, __: tuple[Event, ...]) -> None:
        nonlocal tries
        if user == bad and failing:
            tries += 1
            if tries == 3:
                raise asyncio.CancelledError  # after the batch, and one attempt of its own
            raise ValueError("not today")

    subscription = echo(hook=hook)
    feed = await opened(engine)
    with pytest.raises(asyncio.CancelledError):
        await step(feed, subscription)
    assert (await effects(engine)).keys() == {said[0]}
    failing = False
    await finish(engine, subscription)
    assert await effects(engine) == once(said)
    assert await parked(engine) == []


# --- several processes


async def test_one_process_works_and_another_takes_over(engine: Engine, other_engine: Engine) -> None:
    async def workers() -> set[str]:
        async with engine.transaction() as tx:
            rows = await (await (await tx.psycopg()).execute("select distinct process from effects")).fetchall()
        return {process for (process,) in rows}

    async with contextlib.AsyncExitStack() as first, Feed(engine, []).run():
        await first.enter_async_context(Feed(engine, [echo("first")]).run())
        said = await say(engine, new_id())
        await until(lambda: caught_up(engine))
        async with Feed(other_engine, [echo("second")]).run():
            for _ in range(20):
                said += await say(engine, new_id())
            await until(lambda: caught_up(engine))
            assert await workers() == {"first"}
            await first.aclose()
            said += await say(engine, new_id())
            await until(lambda: caught_up(engine))
    assert await workers() == {"first", "second"}
    assert await effects(engine) == once(said)


@pytest.mark.parametrize("failing", [False, True])
async def test_two_that_both_believe_they_are_elected_have_one_effect(
    failing: bool, engine: Engine, other_engine: Engine
) -> None:
    bad = new_id()
    said = [id_ for _ in range(4) for id_ in await say(engine, new_id(), bad)]

    async def hook(_: Transaction, user: UUID, __: tuple[Event, ...]) -> None:
        if failing and user == bad:
            raise ValueError("never")

    feeds = [await opened(engine), await opened(other_engine)]

    async def work(feed: Feed) -> None:
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                if await step(feed, echo(hook=hook)) == 0:
                    return

    await asyncio.gather(*map(work, feeds))
    done = await effects(engine)
    assert done == once([id_ for n, id_ in enumerate(said) if not (failing and n % 2)])
    assert all(row[3] for row in await parked(engine))


async def test_a_process_that_lost_its_lock_unawares_has_no_effect(engine: Engine, other_engine: Engine) -> None:
    """Both have read the same commits before either writes, and what they do has no id that would give it away."""
    said = await say(engine, new_id(), new_id())
    both, waited = asyncio.Barrier(2), 0

    async def hook(*_: object) -> None:
        nonlocal waited
        waited += 1
        if waited <= 2:
            await both.wait()

    async def silently(tx: Transaction, people: Mapping[UUID, tuple[Event, ...]]) -> list[NewEvent]:
        await echo(hook=hook).handle(tx, people)
        return []

    silent = Subscription(name=NAME, kinds=frozenset({"x.said"}), handle=silently)
    feeds = [await opened(engine), await opened(other_engine)]
    done = await asyncio.gather(*(step(feed, silent) for feed in feeds), return_exceptions=True)
    assert {type(outcome) for outcome in done} == {int, psycopg.OperationalError}
    async with engine.transaction() as tx:
        rows = await (await (await tx.psycopg()).execute("select event_id from effects")).fetchall()
    assert Counter(event for (event,) in rows) == once(said)


# --- failing


async def raising(_: Transaction) -> None:
    raise ValueError("a \0 in it")


async def violating(tx: Transaction) -> None:
    await (await tx.psycopg()).execute("insert into subscriptions (name) values (%s)", (NAME,))


async def violating_by_the_session(tx: Transaction) -> None:
    await tx.session.execute(text("insert into subscriptions (name) values (:name)"), {"name": NAME})


async def taking_too_long(tx: Transaction) -> None:
    connection = await tx.psycopg()
    await connection.execute("set local statement_timeout = 1")
    await connection.execute("select pg_sleep(10)")


async def taking_too_long_by_the_session(tx: Transaction) -> None:
    await tx.session.execute(text("set local statement_timeout = 1"))
    await tx.session.execute(text("select pg_sleep(10)"))


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


async def unspeakable(_: Transaction) -> None:
    raise Unspeakable


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (raising, "ValueError: a \\0 in it"),
        (violating, "UniqueViolation"),
        (violating_by_the_session, "IntegrityError"),
        (taking_too_long, "QueryCanceled"),
        (taking_too_long_by_the_session, "OperationalError"),
        (unspeakable, "Unspeakable"),
    ],
)
async def test_an_event_that_fails_five_times_is_parked_and_the_feed_goes_on(
    fault: Callable[[Transaction], Awaitable[None]], words: str, engine: Engine
) -> None:
    ada, bad, grace = sorted(new_id() for _ in range(3))
    said = await say(engine, ada, bad, grace)
    after = await say(engine, grace)
    tries = 0

    async def hook(tx: Transaction, user: UUID, __: tuple[Event, ...]) -> None:
        nonlocal tries
        if user == bad:
            tries += 1
            await fault(tx)

    await finish(engine, echo(hook=hook))
    assert await effects(engine) == once([said[0], said[2], *after])
    ((user, event, attempts, is_parked, error),) = await parked(engine)
    assert (user, event, attempts, is_parked) == (bad, said[1], PARK_AFTER, True)
    assert words in error
    assert tries == 1 + PARK_AFTER  # in the batch, and then by itself
    later = await say(engine, bad)
    await finish(engine)
    assert (await effects(engine))[later[0]] == 1, "its later events are handled"
    assert (await effects(engine))[said[1]] == 0, "what is parked stays parked"


async def test_an_event_that_fails_a_few_times_is_handled_in_the_end(engine: Engine) -> None:
    said = await say(engine, new_id(), new_id())
    left = PARK_AFTER

    async def hook(*_: object) -> None:
        nonlocal left
        if left:
            left -= 1
            raise ValueError("not yet")

    await finish(engine, echo(hook=hook))
    assert await effects(engine) == once(said)
    assert await parked(engine) == []


def test_an_error_is_described_in_words_that_a_table_takes() -> None:
    # Not raised in the test above: what stands in a log must travel between the processes of a test run.
    assert described(ValueError("a \0 and a \ud800 in it")) == "ValueError: a \\0 and a \\ud800 in it"


async def test_an_event_that_cannot_be_read_is_parked(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    ada, bad = new_id(), new_id()
    async with engine.transaction() as tx:
        recorded = await record(tx, [NewEvent(user_id=user, kind="x.said", data={}, id=new_id()) for user in (ada, bad)])
    owner.execute("alter table events disable trigger append_only")
    owner.execute("update events set data = '{\"n\": 1e999999999999999999}' where user_id = %s", (bad,))
    owner.execute("update events set data = '[\"\\ud800\"]' where user_id = %s", (bad,))
    await finish(engine)
    assert await effects(engine) == once(recorded.ids[:1])
    assert [(row[1], row[3]) for row in await parked(engine)] == [(recorded.ids[1], True)]


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("the server closed the connection"),
        psycopg.errors.DeadlockDetected("deadlock detected"),
        psycopg.InterfaceError("the connection is closed"),
        sqlalchemy.exc.OperationalError("select", {}, psycopg.OperationalError("gone")),
        sqlalchemy.exc.TimeoutError("no connection is free"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_absent_database_is_nobody_s_failure(error: Exception, engine: Engine) -> None:
    said = await say(engine, new_id(), new_id())
    left = PARK_AFTER + 2

    async def hook(*_: object) -> None:
        nonlocal left
        if left:
            left -= 1
            raise error

    await finish(engine, echo(hook=hook))
    assert await effects(engine) == once(said)
    assert await parked(engine) == []


async def test_a_handler_s_broken_connection_is_survived(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    said = await say(engine, new_id(), new_id())
    cut = False

    async def hook(tx: Transaction, *_: object) -> None:
        nonlocal cut
        if not cut:
            cut = True
            owner.execute("select pg_terminate_backend(%s)", ((await tx.psycopg()).info.backend_pid,))
            await tx.session.execute(text("select 1"))

    await finish(engine, echo(hook=hook))
    assert await effects(engine) == once(said)
    assert await parked(engine) == []


@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("a mistake"), sqlalchemy.exc.TimeoutError("full")])
async def test_nothing_that_goes_wrong_ends_the_loops(
    error: Exception, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await say(engine, new_id())
    connect, left = engine.database.connect, 3

    async def failing(**options: Any) -> Any:
        nonlocal left
        if left and options.get("autocommit"):
            left -= 1
            raise error
        return await connect(**options)

    monkeypatch.setattr(engine.database, "connect", failing)
    await finish(engine)
    assert left == 0
    assert await effects(engine) == once(said)


# --- what may follow from what


def of(name: str, kinds: str, emits: str = "") -> Subscription:
    async def handle(*_: object) -> list[NewEvent]:
        return []

    return Subscription(name=name, kinds=frozenset(kinds.split()), emits=frozenset(emits.split()), handle=handle)


def test_causes_come_before_consequences() -> None:
    order = order_of_kinds([of("b", "b c", "d"), of("a", "a", "b c"), of("z", "d")])
    assert sorted(order) == ["a", "b", "c", "d"]
    assert (
        order.index("a") < min(order.index("b"), order.index("c")) < max(order.index("b"), order.index("c")) < order.index("d")
    )


@pytest.mark.parametrize(
    ("subscriptions", "circle"),
    [
        ([of("one", "a", "a")], "a → a"),
        ([of("one", "a", "b"), of("two", "b", "c"), of("three", "c", "b")], "b → c → b"),
    ],
)
def test_a_circle_is_refused_by_name(subscriptions: list[Subscription], circle: str, engine: Engine) -> None:
    with pytest.raises(Cycle, match=circle):
        Feed(engine, subscriptions)


async def test_a_subscription_records_only_what_it_declares(engine: Engine) -> None:
    ada = new_id()
    said = await say(engine, ada)

    async def handle(*_: object) -> list[NewEvent]:
        return [NewEvent(user_id=ada, kind="x.said", data={})]

    liar = Subscription(name=NAME, kinds=frozenset({"x.said"}), emits=frozenset({"x.heard"}), handle=handle)
    await finish(engine, liar)
    ((_, event, _, is_parked, error),) = await parked(engine)
    assert (event, is_parked) == (said[0], True)
    assert "x.said" in error
    assert "does not declare" in error
