"""The source through the server that comes with it, as the engine runs both."""

import pytest

from skillcore.plugin import Account, NotFound, NotVerified, ServerSettings, Unavailable, Verified
from skillcore.testing import MCP_URL, MCPResponder, tools_for
from skillcore_practice import skillcore_plugin, skillcore_verification_sources
from skillcore_practice.source import Solved


@pytest.fixture
def source():
    (offered,) = skillcore_verification_sources(skillcore_plugin().settings(enabled=True))
    return offered


async def test_every_outcome_over_the_own_server(source):
    """The table of the README: who has solved what."""
    solved = [("practice-1", "python-loops-2", 4), ("Practice-2", "python-variables-2", 2), ("practice-3", "sql-joins-3", 5)]
    unsolved = [("practice-2", "python-variables-1"), ("practice-4", "python-loops-2"), ("practice-1", "python-loops-4")]
    async with tools_for(source) as tools:
        for handle, exercise, difficulty in solved:
            verdict = await source.verify(tools, Account("practice", handle), Solved(exercise))
            assert isinstance(verdict, Verified), (handle, exercise)
            assert (verdict.evidence[0].work, verdict.evidence[0].difficulty) == (exercise, difficulty)
        for handle, exercise in unsolved:
            verdict = await source.verify(tools, Account("practice", handle), Solved(exercise))
            assert isinstance(verdict, NotVerified), (handle, exercise)
        with pytest.raises(NotFound, match="practice-1 is one"):
            await source.verify(tools, Account("practice", "nobody"), Solved("python-loops-2"))


@pytest.mark.parametrize(
    "text", ["", "<!DOCTYPE html><html></html>", '{"exercises": [], "pages": 0}', '{"exercises": [], "pages"']
)
async def test_text_that_is_no_listing_is_an_outage(source, httpx2_mock, text):
    httpx2_mock.route(url=MCP_URL).mock(side_effect=MCPResponder(lambda tool, arguments: text))
    async with tools_for(source, settings=ServerSettings(url=MCP_URL)) as tools:
        with pytest.raises(Unavailable):
            await source.verify(tools, Account("practice", "practice-1"), Solved("python-loops-2"))
