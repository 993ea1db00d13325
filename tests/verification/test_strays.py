"""Tasks that a plugin's code starts: none outlives the call that it started them in, and none ends the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import respx
from structlog.testing import capture_logs

from skillcore.plugin import Account, NotVerified, Tools, Verdict
from skillcore.runtime.settings import Settings
from skillcore.testing import MCP_URL
from skillcore.verification.containment import contained
from skillcore.verification.sources import Sources
from skillcore.verification.strays import task_factory
from tests import world
from tests.world import Arranged, Gym, Solved


@pytest.fixture(autouse=True)
async def _factory() -> AsyncIterator[None]:
    asyncio.get_running_loop().set_task_factory(task_factory)
    yield
    asyncio.get_running_loop().set_task_factory(None)


async def forever() -> None:
    await asyncio.Event().wait()


async def test_what_is_left_behind_is_cancelled_and_named() -> None:
    left: list[asyncio.Task[None]] = []

    async def leave() -> str:
        left.extend(asyncio.create_task(forever()) for _ in range(3))
        await asyncio.sleep(0)
        return "done"

    with capture_logs() as said:
        assert await contained("pool", leave, 5.0) == "done"
    assert [task.cancelled() for task in left] == [True] * 3
    assert [(line["plugin"], line["tasks"]) for line in said] == [("pool", 3)]


async def test_tasks_of_tasks_and_of_calls_that_fail_are_found_too() -> None:
    left: list[asyncio.Task[None]] = []

    async def inner() -> None:
        left.append(asyncio.create_task(forever()))

    async def leave() -> None:
        await asyncio.create_task(inner())
        raise KeyError("pool")

    with pytest.raises(Exception, match="KeyError"):
        await contained("pool", leave, 5.0)
    assert left[0].cancelled()


async def test_its_own_exit_does_not_end_the_process() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    async def start() -> str:
        task = asyncio.create_task(leave())
        await asyncio.wait([task])
        return repr(task.exception())

    assert "SystemExit: 3" in await contained("pool", start, 5.0)


async def test_tasks_that_are_awaited_are_as_ever() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    async def several() -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(double(number), name=f"double {number}") for number in range(4)]
        assert tasks[2].get_name() == "double 2"
        return [task.result() for task in tasks]

    assert await contained("pool", several, 5.0) == [0, 2, 4, 6]


async def test_nobody_else_s_tasks_are_touched() -> None:
    own = asyncio.create_task(forever())

    async def nothing() -> None:
        await asyncio.sleep(0)

    await contained("pool", nothing, 5.0)
    other = asyncio.create_task(forever())
    await contained("pool", nothing, 5.0)
    assert not own.done()
    assert not other.done()
    own.cancel()
    other.cancel()


@pytest.fixture
def gym() -> Iterator[Arranged]:
    arranged = Arranged()
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=arranged)
        yield arranged


@pytest.mark.parametrize("first", ["verify", "check"])
async def test_a_session_stays_open_whoever_was_the_first_to_need_it(first: str, gym: Arranged, settings: Settings) -> None:
    plugins = world.plugins()
    async with Sources(plugins, settings) as sources:
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "verify": lambda: sources.verify("gym", Account("gym", "ada"), Solved("loops-1")),
            "check": lambda: sources.check("gym"),
        }
        await calls[first]()
        session = sources._served["gym"].session
        connection = session._connection
        assert isinstance((await calls["verify"]()).verdict, NotVerified)
        assert session._connection is connection, "the session was opened anew"


class Leaky(Gym):
    """Starts a task before it asks, which therefore runs while the engine opens the session."""

    async def verify(self, tools: Tools, account: Account, requirement: Solved) -> Verdict:
        asking = asyncio.create_task(super().verify(tools, account, requirement))
        return await asking


async def test_a_source_may_ask_from_a_task_of_its_own(gym: Arranged, settings: Settings) -> None:
    plugins = world.plugins()
    plugins.sources = {"gym": Leaky()}
    async with Sources(plugins, settings) as sources:
        for _ in range(2):
            outcome = await sources.verify("gym", Account("gym", "ada"), Solved("loops-1"))
            assert isinstance(outcome.verdict, NotVerified)
