"""Advice on paths: asked by a job, told apart from what the graph tells, and missing in so many words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any

import httpx
import msgspec
import pytest
import respx

from skillcore.app import ROOMS
from skillcore.learning import advice
from skillcore.learning.advice import Asked
from skillcore.learning.paths import Draft, Topic
from skillcore.plugin import Advice, MCPServer, PathAdvisor, PathTopic, PluginInfo, ServerSettings, Tool, Tools, hookimpl
from skillcore.plugin.manager import Plugins
from skillcore.runtime import jobs
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import JobContext, Jobs, Retry
from skillcore.runtime.problems import NotFound
from skillcore.runtime.settings import ResilienceSettings, Settings, VerificationSettings
from skillcore.testing import MCP_URL, MCPResponder
from skillcore.verification.sources import Sources
from tests.conftest import Dsns
from tests.world import World

TOOLS = (Tool("count_books", ("about",)),)
DRAFT = Draft(topics=(Topic(name="HTML", library="html@5"), Topic(name="CSS", prerequisites=("HTML",))))


class Library(PathAdvisor):
    """Counts books."""

    name = "library"
    server = MCPServer(tools=TOOLS, settings=ServerSettings(url=MCP_URL, calls_per_second=1000.0))

    async def advise(self, tools: Tools, topics: tuple[PathTopic, ...]) -> tuple[Advice, ...]:
        said = []
        for topic in topics:
            books = await tools.call("count_books", {"about": topic.library or topic.name}, int)
            said.append(
                Advice(topic.name, "documented" if books else "undocumented", f"{books} books after {topic.prerequisites}")
            )
        return tuple(said)


def plugins() -> Plugins:
    module = ModuleType("library")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_path_advisors(settings: None) -> list[Any]:
        return [Library()]

    for hook in (skillcore_plugin, skillcore_path_advisors):
        setattr(module, hook.__name__, hook)
    return Plugins.load(allow=["library"], strict=True, extra=[("library", module)])


class Shelf:
    """The library's server as a test arranges it."""

    def __init__(self) -> None:
        self.answer: str | httpx.Response = "3"
        self.responder = MCPResponder(lambda tool, arguments: self.answer, tools=TOOLS)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    found = Shelf()
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=found.responder)
        yield found


@pytest.fixture
async def engine(database_dsns: Dsns, settings: Settings, shelf: Shelf) -> AsyncIterator[Engine]:
    quick = msgspec.structs.replace(
        settings,
        resilience=ResilienceSettings(retries=0, call_timeout=5.0, breaker_failures=1000),
        verification=VerificationSettings(deadline=10.0, retry_base=0.05, retry_attempts=2, retry_every=0.1),
    )
    database = Database(database_dsns.service_dsn, quick.database)
    opened = Engine(quick, plugins(), database)
    async with Sources(opened.plugins, quick) as sources, opened.open(sources), opened.open(Jobs(ROOMS)):
        yield opened
    await database.close()


async def ask(world: World, actor: Any) -> Asked:
    async with world.engine.transaction() as tx:
        return await advice.ask(tx, actor, DRAFT)


async def read(world: World, actor: Any, asked: Asked) -> Asked:
    assert asked.id is not None
    async with world.engine.transaction() as tx:
        return await advice.read(tx, actor, asked.id)


async def run(world: World, asked: Asked, attempt: int = 1) -> None:
    await advice.ask_advisor(world.engine, JobContext(world.engine, asked.job_id or 0, attempt), asked=str(asked.id))


async def test_what_an_advisor_says_is_read_by_who_asked(world: World, shelf: Shelf) -> None:
    ada, bob, school = await world.person(), await world.person(), await world.platform()
    asked = await ask(world, ada)
    assert (asked.state, asked.advisor, asked.advice) == ("waiting", "library", ())
    async with world.engine.transaction() as tx:
        status = await jobs.status(tx, asked.job_id or 0)
    assert status is not None
    assert (status.name, status.queue, status.user_id) == ("learning.advise", "verification:library", ada.user_id)
    assert shelf.responder.calls == []  # nobody is asked by the request
    await run(world, asked)
    given = await read(world, ada, asked)
    assert given.state == "given"
    assert [(one.topic, one.kind, one.message) for one in given.advice] == [
        ("HTML", "documented", "3 books after ()"),
        ("CSS", "documented", "3 books after ('HTML',)"),
    ]
    assert [arguments for _, arguments in shelf.responder.calls] == [{"about": "html@5"}, {"about": "CSS"}]
    await run(world, asked)  # once more, as after a crash: nothing is asked again
    assert len(shelf.responder.calls) == 2
    for stranger in (bob, school, await world.platform()):
        with pytest.raises(NotFound):
            await read(world, stranger, asked)
    of_school = await ask(world, school)
    assert (await read(world, school, of_school)).state == "waiting"
    with pytest.raises(NotFound):
        await read(world, ada, of_school)


async def test_one_that_cannot_be_reached_says_nothing_and_that_is_said(world: World, shelf: Shelf) -> None:
    ada = await world.person()
    asked = await ask(world, ada)
    shelf.answer = httpx.Response(503)
    for attempt in (1, 2):
        with pytest.raises(Retry):
            await run(world, asked, attempt)
        waits = await read(world, ada, asked)
        assert waits.state == "waiting"
        assert waits.reason.startswith("library gives no advice: ")
    await run(world, asked, 3)
    ended = await read(world, ada, asked)
    assert (ended.state, ended.advice) == ("unavailable", ())
    assert ended.reason.endswith("what was found without it stands")
    shelf.answer = "1"
    await run(world, asked, 4)
    assert (await read(world, ada, asked)).state == "unavailable"


async def test_an_answer_that_makes_no_sense_is_none(world: World, shelf: Shelf) -> None:
    ada = await world.person()
    asked = await ask(world, ada)
    shelf.answer = "<html>all fine</html>"
    await run(world, asked, 3)
    assert (await read(world, ada, asked)).state == "unavailable"


async def test_advice_is_read_for_a_week(world: World) -> None:
    ada = await world.person()
    asked = await ask(world, ada)
    async with world.engine.transaction() as tx:
        await (await tx.psycopg()).execute("update path_advice set expires_at = now() - interval '1 second'")
    with pytest.raises(NotFound):
        await read(world, ada, asked)
