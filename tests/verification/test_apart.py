"""Sources whose code held up a worker: set apart by all workers, shown as such, asked again in time, and taken back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import respx
from sqlalchemy import update

from skillcore.operations import health
from skillcore.operations.apart import WATCHDOG, apart
from skillcore.operations.sources import SourceState
from skillcore.operations.tables import WorkerSourceRow
from skillcore.plugin import Account, Unavailable
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.watchdog import Blocked
from skillcore.testing import MCP_URL, MCPResponder
from skillcore.verification.services import exchange, heed, held_up
from skillcore.verification.sources import Sources
from tests import world
from tests.world import SERVER, Solved

ADA = Account("gym", "ada")
HELD_UP = Blocked(15.2, "plugin gym", ("asyncio.runners", "skillcore.verification.containment", "time"), "")


@pytest_asyncio.fixture
async def gym(engine: Engine) -> Any:
    """An engine with the gym, whose server knows that everybody has done everything."""
    engine.plugins = world.plugins()

    def solved(tool: str, arguments: Any) -> str:
        return json.dumps({"solved": [{"exercise": "loops-1"}]})

    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=MCPResponder(solved, tools=SERVER.tools))
        yield engine


async def rows(engine: Engine) -> dict[str, SourceState]:
    async with engine.transaction() as tx:
        return await apart(tx)


async def let_time_pass(engine: Engine) -> None:
    """Let the time be over for which sources are set apart."""
    async with engine.transaction() as tx:
        await tx.session.execute(update(WorkerSourceRow).values(retry_at=now() - timedelta(seconds=1)))


async def test_a_source_that_held_up_its_worker_is_refused_by_all_until_its_time(gym: Engine) -> None:
    async with Sources(gym.plugins, gym.settings) as one, Sources(gym.plugins, gym.settings) as other:
        async with gym.open(one):
            await held_up(gym, HELD_UP)
        for sources in (one, other):
            await exchange(gym, sources)
            with pytest.raises(Unavailable, match="held up its worker, and is not asked for") as refused:
                await sources.verify("gym", ADA, Solved("loops-1"))
            assert 20 < (refused.value.retry_after or 0) <= 30
            assert "held up its worker" in ((await sources.check("gym")).error or "")
        (source,) = (await health.mcp(gym)).sources
        assert source.state == "open"
        assert {said.worker: said.error for said in source.workers}[WATCHDOG] == (
            "its code held up a worker for 15 s, and the worker was ended"
        )


async def test_it_is_asked_again_in_time_and_taken_back_when_it_lets_others_on(gym: Engine) -> None:
    async with Sources(gym.plugins, gym.settings) as sources, gym.open(sources):
        await held_up(gym, HELD_UP)
        await heed(gym, sources)
        await let_time_pass(gym)
        await heed(gym, sources)
        assert (await rows(gym))["gym"].failures == 1  # not before it has been asked
        assert (await sources.verify("gym", ADA, Solved("loops-1"))).answers
        await heed(gym, sources)
        assert await rows(gym) == {}
        assert (await health.mcp(gym)).sources[0].state == "unknown"


async def test_each_time_is_twice_as_long_up_to_five_minutes(gym: Engine) -> None:
    async with Sources(gym.plugins, gym.settings) as sources, gym.open(sources):
        for number, seconds in enumerate((30, 60, 120, 240, 300, 300), start=1):
            await held_up(gym, HELD_UP)
            state = (await rows(gym))["gym"]
            assert state.failures == number
            assert state.retry_at is not None
            assert abs((state.retry_at - now()).total_seconds() - seconds) < 5


@pytest.mark.parametrize(
    ("task", "modules", "whose"),
    [
        ("plugin gym", ("asyncio.runners",), ("gym",)),
        ("Task-7", ("asyncio.runners", "tests.world", "time"), ("gym",)),  # in a task that the plugin started
        ("Task-7", ("asyncio.runners", "skillcore.ledger.feed"), ()),
    ],
)
async def test_whose_code_it_is_shows_by_its_task_or_its_package(
    gym: Engine, task: str, modules: tuple[str, ...], whose: tuple[str, ...]
) -> None:
    async with Sources(gym.plugins, gym.settings) as sources, gym.open(sources):
        assert sources.running(task, modules) == whose
        await held_up(gym, Blocked(15.0, task, modules, ""))
        assert tuple(await rows(gym)) == whose
