"""Lanes: jobs about one source never keep jobs about another waiting, and isolated sources have workers of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest

from skillcore.plugin.manager import Plugins
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import JobContext, Jobs, Retry, counts, defer
from skillcore.runtime.lanes import ALL, Work
from skillcore.runtime.rooms import Job, Room
from skillcore.runtime.settings import QueueSettings, Settings, VerificationSettings
from skillcore.runtime.worker import Pace, run_worker
from tests.runtime.test_jobs import PATIENCE, QUICK, ended, opened, queued, seen, until

QUEUES = ("analytics", "verification")


class Offering:
    """Plugins of which only the sources' names matter."""

    def __init__(self, *names: str) -> None:
        self.sources = dict.fromkeys(names)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    queues = {**settings.queues, "verification": QueueSettings(concurrency=2, time_limit=0)}
    server = msgspec.structs.replace(settings.server, grace=0.2)
    return msgspec.structs.replace(settings, queues=queues, server=server)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.plugins = cast(Plugins, Offering("fast", "slow"))
    return engine


def isolating(engine: Engine, *sources: str) -> Engine:
    engine.settings = msgspec.structs.replace(engine.settings, verification=VerificationSettings(isolated=sources))
    return engine


@asynccontextmanager
async def working(engine: Engine, work: Work = ALL, pace: Pace = QUICK) -> AsyncIterator[None]:
    worker = asyncio.create_task(run_worker(engine, work, pace=pace))
    try:
        yield
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


class Asking:
    """A job about a source: the slow one's never end."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hanging = 0
        self.full = asyncio.Event()

    @property
    def room(self) -> Room:
        return Room(name="test", jobs=(Job(name="test.ask", queue="verification", by_source=True, run=self.run),))

    async def run(self, _: Engine, __: JobContext, about: str) -> None:
        self.asked.append(about)
        if about == "slow":
            self.hanging += 1
            if self.hanging == 2:
                self.full.set()
            await asyncio.Event().wait()


async def test_a_source_that_hangs_keeps_no_other_waiting(engine: Engine) -> None:
    asking = Asking()
    async with opened(engine, asking.room), working(engine):
        for _ in range(5):
            await queued(engine, "test.ask", source="slow", about="slow")
        async with asyncio.timeout(PATIENCE):
            await asking.full.wait()
        number = await queued(engine, "test.ask", source="fast", about="fast")
        assert (await ended(engine, number)).state == "succeeded"
        async with engine.transaction() as tx:
            found = await counts(tx)
    assert asking.hanging == 2, "the queue's limit holds in each lane"
    assert found[("verification:slow", "doing")] == 2
    assert found[("verification:slow", "todo")] == 3


class Failing:
    """A job about a source: the slow one gives no answer, until it recovers."""

    def __init__(self) -> None:
        self.tried = 0
        self.recovered = False

    @property
    def room(self) -> Room:
        return Room(name="test", jobs=(Job(name="test.ask", queue="verification", by_source=True, run=self.run),))

    async def run(self, _: Engine, __: JobContext, about: str) -> None:
        if about == "slow" and not self.recovered:
            self.tried += 1
            raise Retry(0.01, "no answer")


async def test_a_source_that_only_fails_is_asked_ever_more_rarely_and_keeps_no_other_waiting(engine: Engine) -> None:
    failing = Failing()
    pausing = msgspec.structs.replace(QUICK, poll=0.01, pause=0.5)
    async with opened(engine, failing.room), working(engine, pace=pausing):
        waiting = [await queued(engine, "test.ask", source="slow", about="slow") for _ in range(3)]
        await until(lambda: _true(failing.tried > 5))
        for _ in range(20):
            number = await queued(engine, "test.ask", source="fast", about="fast")
            assert (await ended(engine, number)).state == "succeeded"
        # Five in a row, as many as were begun before the fifth had failed, and one for each pause; without pauses some 100.
        assert failing.tried < 15
        failing.recovered = True
        for number in waiting:
            assert (await ended(engine, number)).state == "succeeded"


async def _true(condition: bool) -> bool:
    return condition


async def test_a_source_that_no_plugin_offers_any_more_is_attended_to(engine: Engine) -> None:
    asking = Asking()
    async with opened(engine, asking.room), working(engine):
        number = await queued(engine, "test.ask", source="gone", about="gone")
        assert (await ended(engine, number)).state == "succeeded"


async def test_an_isolated_source_is_left_to_its_own_worker(engine: Engine) -> None:
    asking = Asking()
    isolating(engine, "fast")
    async with opened(engine, asking.room):
        async with working(engine):
            apart = await queued(engine, "test.ask", source="fast", about="fast")
            other = await queued(engine, "test.ask", source="else", about="else")
            assert (await ended(engine, other)).state == "succeeded"
            assert (await seen(engine, apart)).state == "waiting"
        async with working(engine, Work(source="fast")):
            more = await queued(engine, "test.ask", source="else", about="else")
            assert (await ended(engine, apart)).state == "succeeded"
            assert (await seen(engine, more)).state == "waiting"
    assert asking.asked == ["else", "fast"]


@pytest.mark.parametrize(
    ("work", "isolated", "attended"),
    [
        (ALL, (), {"analytics", "verification", "verification:fast", "verification:slow", "verification:gone"}),
        (ALL, ("slow", "gone"), {"analytics", "verification", "verification:fast"}),
        (Work(queues=("analytics",)), (), {"analytics"}),
        (Work(source="slow"), ("slow",), {"verification:slow"}),
        (Work(source="slow"), (), {"verification:slow"}),
        (Work(source="slow", queues=("analytics",)), (), set()),
    ],
)
async def test_who_attends_to_what(work: Work, isolated: tuple[str, ...], attended: set[str], engine: Engine) -> None:
    isolating(engine, *isolated)
    assert work.attended(engine, QUEUES, ("verification",), {"verification:gone"}) == attended


@pytest.mark.parametrize(("by_source", "source"), [(True, None), (False, "fast")])
async def test_a_job_names_its_source_if_it_is_about_one(by_source: bool, source: str | None, engine: Engine) -> None:
    async def idle(*_: Any) -> None: ...

    jobs = Jobs([Room(name="test", jobs=(Job(name="test.idle", queue="verification", by_source=by_source, run=idle),))])
    async with engine.open(jobs), engine.transaction() as tx:
        with pytest.raises(ValueError, match=r"test\.idle"):
            await defer(tx, "test.idle", source=source)
