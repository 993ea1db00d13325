"""Strength and history through both servers: the published npm one and the local official one, over a GitHub of our own."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from skillcore.plugin import Account, NotFound, ServerSettings, Unavailable, Verified
from skillcore.testing import tools_for
from skillcore_github import Settings
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.requirement import Contribution
from skillcore_github.source import GitHub

ANN = Account("github", "Ann", "7")
START = datetime(2026, 1, 1, tzinfo=UTC)
PULLS = Contribution("team/work", 3, "pull_requests")


def at(number):
    return (START + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def official(shared, web, *tools):
    script = Path(__file__).with_name("official_server.py")
    schemas = shared / "mcp" / "tools-github-official.json"
    return ServerSettings(command=sys.executable, args=(str(script), str(schemas), f"{web}/github", *tools))


@pytest.fixture(params=[pytest.param("npm", marks=pytest.mark.npm), "official"])
def server(request, shared, web):
    """A source and the settings of a server that speaks its dialect, over the test's own GitHub."""
    dialect = NPM if request.param == "npm" else OFFICIAL
    source = GitHub(Settings().server, dialect, max_pages=10, now=lambda: START + timedelta(days=100))
    if dialect is OFFICIAL:
        return source, official(shared, web)
    settings = request.getfixturevalue("npm_server")("github")
    return source, msgspec.structs.replace(settings, env={**settings.env, "UPSTREAM": web})


def named(pages):
    return [(item.work, item.strength) for page in pages for item in page.evidence]


async def test_who_merged_makes_the_difference(server, world):
    source, settings = server
    bot = world.person("merge-queue[bot]", 90, "Bot")
    world.pull("team/work", 7, at(1), by=8)
    world.pull("team/work", 7, at(2), by=7)
    world.pull("team/work", 7, at(3), by=bot)
    async with tools_for(source, settings=settings) as tools:
        verdict = await source.verify(tools, ANN, PULLS)
    assert [item.strength for item in verdict.evidence] == ["judged", "authenticated", "authenticated"]


async def test_history_is_read_in_order_and_goes_on_under_a_new_name(server, world):
    source, settings = server
    works = [(world.pull("team/work", 7, at(number), by=8 if number % 2 else 7), number) for number in range(120)]
    expected = [(work, "judged" if number % 2 else "authenticated") for work, number in works]
    async with tools_for(source, settings=settings) as tools:
        pages = [page async for page in source.history(tools, ANN, None)]
        assert named(pages) == expected
        half = pages[len(pages) // 2].cursor
        rest = [page async for page in source.history(tools, ANN, half)]
        assert named(rest) == expected[-len(named(rest)) :]
        assert 0 < len(named(rest)) < 120
        world.rename(7, "anna")
        world.person("ann", 9)
        new = world.pull("team/work", 7, at(500), by=9)
        assert named([page async for page in source.history(tools, ANN, pages[-1].cursor)]) == [(new, "judged")]
        with pytest.raises(NotFound):
            _ = [page async for page in source.history(tools, Account("github", "nobody-has-this", "4"), None)]


@pytest.mark.parametrize("kind", ["commits", "pull_requests", "repository"])
async def test_a_renamed_account_keeps_its_work(server, world, kind):
    source, settings = server
    world.commit("anna/work", 7, at(1))
    world.commit("anna/work", None, at(2))
    world.pull("anna/work", 7, at(1), by=8)
    world.rename(7, "anna")
    world.person("ann", 9)
    async with tools_for(source, settings=settings) as tools:
        assert isinstance(await source.verify(tools, ANN, Contribution("anna/work", kind=kind)), Verified)


async def test_figures_and_health(server, world):
    source, settings = server
    world.pull("team/work", 7, at(1), by=8)
    async with tools_for(source, settings=settings) as tools:
        assert await source.get_user_stats(tools, ANN) == {"contributions": 1.0, "merged_pull_requests": 1.0}
        assert await source.health_check(tools) is None


async def test_a_server_without_the_searches_still_verifies(shared, web, world):
    world.commit("team/work", 7, at(1))
    world.rename(7, "anna")
    source = GitHub(Settings().server, OFFICIAL, max_pages=10)
    limited = official(shared, web, "list_commits", "list_pull_requests", "pull_request_read")
    async with tools_for(source, settings=limited) as tools:
        assert isinstance(await source.verify(tools, ANN, Contribution("team/work")), Verified)
        assert await source.health_check(tools) is None
        with pytest.raises(Unavailable, match="search_pull_requests"):
            _ = [page async for page in source.history(tools, ANN, None)]
