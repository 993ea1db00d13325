"""Past work: merged pull requests in order, once, from any cursor on, whatever the account is called by now."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillcore.plugin import Account, NotFound, Unavailable
from skillcore.testing import Recital, ToolFault, accidents
from skillcore_github import Settings
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.source import GitHub

DIALECTS = {"npm": NPM, "official": OFFICIAL}
ANN = Account("github", "Ann", "7")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def day(number):
    return iso(START + timedelta(days=number))


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return request.param


async def read(tools, dialect, after=None, *, account=ANN, stop=None, now=NOW, kept=None):
    """Read pages, at most ``stop`` of them; those before an error are in ``kept``."""
    source = GitHub(Settings().server, DIALECTS[dialect], max_pages=10, now=lambda: now)
    pages = [] if kept is None else kept
    async for page in source.history(tools, account, after):
        pages.append(page)
        if len(pages) == stop:
            break
    return pages


@pytest.fixture
def history(handlers, world, dialect):
    """Read a history in the world as it is, by one of the servers; ``history.calls`` are those of the last reading."""

    async def history(after=None, **more):
        tools = Recital(getattr(handlers, dialect)(world))
        history.calls = tools.calls
        return await read(tools, dialect, after, **more)

    return history


def named(pages):
    return [item.work for page in pages for item in page.evidence]


@pytest.fixture
def twenty_five(world):
    """Ann's merged pull requests in two repositories, opened in another order than merged; and what does not count."""
    numbers = list(range(25))
    random.Random(4).shuffle(numbers)
    works = {}
    for place in numbers:
        works[place] = world.pull(("team/work", "Other/Play")[place % 2], 7, day(place), by=8 if place % 3 else 7)
        world.pull("team/work", 8, day(place), by=7)
    world.pull("team/work", 7, None)
    world.pull("team/secret", 7, day(3), by=8, public=False)
    return [works[place] for place in sorted(works)]


async def test_each_merged_pull_request_comes_once_by_the_time_of_its_merge(history, twenty_five):
    pages = await history()
    assert named(pages) == twenty_five
    items = [item for page in pages for item in page.evidence]
    assert [item.occurred_at for item in items] == [START + timedelta(days=place) for place in range(25)]
    assert [item.strength for item in items] == ["judged" if place % 3 else "authenticated" for place in range(25)]
    assert {(item.difficulty, item.topics) for item in items} == {(None, ())}
    assert [(page.done, page.total) for page in pages] == [(10, 25), (20, 25), (25, 25)]
    assert {page.gap for page in pages} == {""}


@pytest.mark.parametrize("stop", [1, 2, 3])
async def test_a_run_goes_on_from_every_cursor(history, twenty_five, stop):
    before = await history(stop=stop)
    assert named([*before, *await history(before[-1].cursor)]) == twenty_five


async def test_a_run_that_ended_has_nothing_more_to_say(history, twenty_five):
    cursor = (await history())[-1].cursor
    assert await history(cursor) == []
    assert len(history.calls) == 2


async def test_only_what_is_new_is_named_by_a_later_run(history, world, twenty_five):
    cursor = (await history())[-1].cursor
    long_open = world.pull("team/work", 7, day(40), by=8)
    found_late = world.pull("team/work", 7, iso(START + timedelta(days=24) - timedelta(hours=5)), by=8)
    (page,) = await history(cursor)
    assert named([page]) == [found_late, long_open]
    assert (page.done, page.total) == (27, 27)


@pytest.mark.parametrize("many", [49, 50, 51, 130, 700])
async def test_long_histories_are_read_in_spans_that_a_page_covers(history, world, many):
    """Spread unevenly: most of them in a few days, as people work."""
    moments = sorted(random.Random(many).choices(range(0, 150 * 86_400, 7), k=many // 4 + 1))
    moments += sorted(random.Random(many + 1).sample(range(140 * 86_400, 143 * 86_400), many - len(moments)))
    works = [world.pull("team/work", 7, iso(START + timedelta(seconds=seconds)), by=8) for seconds in sorted(moments)]
    pages = await history()
    assert sorted(named(pages)) == sorted(works)
    times = [item.occurred_at for page in pages for item in page.evidence]
    assert times == sorted(times)
    assert all(page.done <= page.total for page in pages)
    assert pages[-1].done == pages[-1].total == many
    searches = [tool for tool, _ in history.calls if tool.startswith("search")]
    assert len(searches) <= 2 + many // 8


async def test_many_merges_of_one_second_are_all_read(history, world):
    works = {world.pull("team/work", 7, day(1), by=8) for _ in range(120)} | {world.pull("team/work", 7, day(2), by=8)}
    assert set(named(await history())) == works


async def test_more_than_github_shows_of_one_second_is_told_as_a_gap(history, world):
    for _ in range(1003):
        world.pull("team/work", 7, day(1), by=8)
    pages = await history()
    assert len(named(pages)) == 1000
    assert pages[0].gap == "GitHub's search counts 1003 pull requests and shows 1000"


async def test_more_than_a_search_shows_is_read_in_several(history, world):
    works = [world.pull("team/work", 7, iso(START + timedelta(minutes=7 * number)), by=8) for number in range(1100)]
    pages = await history()
    assert named(pages) == works
    assert {page.gap for page in pages} == {""}


async def test_results_that_are_counted_and_not_shown_are_told_as_a_gap(history, world):
    world.pull("team/work", 7, day(1), by=8)
    world.hidden = 1
    (page,) = await history()
    assert (page.evidence, page.gap) == ((), "GitHub's search counts 1 pull requests and shows 0")


async def test_a_search_that_ran_out_of_time_is_no_answer(history, world, twenty_five):
    world.incomplete = True
    with pytest.raises(Unavailable, match="ran out of time"):
        await history()


async def test_a_renamed_account_is_found_by_the_work_that_is_known(history, world, twenty_five):
    cursor = (await history())[-1].cursor
    world.rename(7, "anna")
    world.person("ann", 9)
    world.pull("team/work", 9, day(30), by=8)
    new = world.pull("team/work", 7, day(31), by=8)
    assert named(await history(cursor)) == [new]


async def test_who_took_over_the_login_adds_nothing_and_the_account_must_be_linked_anew(history, world, twenty_five):
    world.rename(7, "anna")
    with pytest.raises(NotFound, match="sign in"):
        await history()
    world.person("ann", 9)
    world.pull("team/work", 9, day(30), by=8)
    with pytest.raises(NotFound, match="number 7 is not called ann"):
        await history()
    assert named(await history(account=Account("github", "anna", "7"))) == twenty_five


@pytest.mark.parametrize("taken", [True, False])
async def test_without_a_search_for_people_another_one_under_the_login_tells_of_a_change(handlers, world, dialect, taken):
    """Where nobody else shows under the login, it may as well be that of somebody without merged pull requests."""
    world.rename(7, "anna")
    world.person("ann", 9)
    if taken:
        world.pull("team/work", 9, day(30), by=8)
    answer = getattr(handlers, dialect)(world)

    def lacking(tool, arguments):
        return ToolFault(f"Unknown tool: {tool}") if tool == "search_users" else answer(tool, arguments)

    if taken:
        with pytest.raises(NotFound, match="number 7 is not called ann"):
            await read(Recital(lacking), dialect)
    else:
        assert await read(Recital(lacking), dialect) == []


async def test_a_known_work_must_be_the_one_asked_for(handlers, world, dialect):
    for number in (1, 2):
        world.pull("team/work", 7, day(number), by=8)
    answer = getattr(handlers, dialect)(world)
    cursor = (await read(Recital(answer), dialect))[-1].cursor

    def misled(tool, arguments):
        other = {"issue_number": 1, "pullNumber": 1} if tool in {"get_issue", "pull_request_read"} else {}
        return answer(tool, arguments | other)

    assert json.loads(cursor)["known"] == "team/work#2"
    with pytest.raises(Unavailable, match="was asked for"):
        await read(Recital(misled), dialect, cursor)


async def test_a_renamed_account_whose_known_work_is_gone_must_be_linked_anew(history, world):
    world.pull("team/work", 7, day(1), by=8)
    cursor = (await history())[-1].cursor
    world.rename(7, "anna")
    world.pulls.clear()
    with pytest.raises(NotFound, match="sign in"):
        await history(cursor)


async def test_an_account_without_merged_pull_requests_has_no_pages(history, world):
    world.pull("team/work", 8, day(1), by=7)
    assert await history() == []
    assert len(history.calls) == 2
    assert await history(account=Account("github", "ann")) == []
    assert len(history.calls) == 1


async def test_an_account_known_by_its_login_alone_is_read_by_it(history, twenty_five):
    assert named(await history(account=Account("github", "ANN"))) == twenty_five
    with pytest.raises(NotFound):
        await history(account=Account("github", "nobody-has-this"))


@pytest.mark.parametrize("dialect", ["npm"])
async def test_a_bot_has_no_history(history, world):
    """By its kind, which search results show; a login that ends in ``[bot]`` is none that could be linked."""
    world.person("ann", 7, "Bot")
    world.pull("team/work", 7, day(1), by=8)
    assert named(await history()) == []


@pytest.mark.parametrize("cursor", ["", "x", "{}", "[]", '{"whose": "8", "since": 1780000000}', '{"whose": "7", "since": -1}'])
async def test_a_cursor_that_is_none_of_this_account_begins_anew(history, twenty_five, cursor):
    assert named(await history(cursor)) == twenty_five


async def test_an_outage_between_pages_costs_one_page(handlers, world, dialect, twenty_five):
    answer = getattr(handlers, dialect)(world)
    left = 20

    def failing(tool, arguments):
        nonlocal left
        left -= 1
        return ToolFault("GitHub API Error: GitHub API error") if left < 0 else answer(tool, arguments)

    pages = []
    with pytest.raises(Unavailable):
        await read(Recital(failing), dialect, kept=pages)
    assert 0 < len(named(pages)) < 25
    assert named([*pages, *await read(Recital(answer), dialect, pages[-1].cursor)]) == twenty_five


async def test_a_merge_of_the_future_does_not_carry_the_cursor_there(handlers, world, dialect):
    """A server that shows a later merge than it was asked for; what is merged meanwhile is still found."""
    world.pull("team/work", 7, day(1), by=8)
    answer = getattr(handlers, dialect)(world)

    def later(tool, arguments):
        return answer(tool, arguments).replace(day(1), "2999-01-01T00:00:00Z")

    (page,) = await read(Recital(later), dialect)
    assert json.loads(page.cursor)["since"] <= int(NOW.timestamp())
    new = world.pull("team/work", 7, iso(NOW + timedelta(days=1)), by=8)
    assert new in named(await read(Recital(answer), dialect, page.cursor, now=NOW + timedelta(days=2)))


async def test_cursors_stay_short_however_long_the_names(history, world):
    repo = f"{'o' * 39}/{'n' * 100}"
    for number in range(130):
        world.pull(repo, 7, iso(START + timedelta(minutes=number)), by=8, number=2_000_000_000 + number)
    assert max(len(page.cursor) for page in await history()) <= 1000


async def test_a_busy_day_is_read_to_its_end_however_often_it_is_interrupted(history, world):
    """More merges in a day than a cursor remembers."""
    works = [world.pull("team/work", 7, iso(START + timedelta(minutes=number)), by=8) for number in range(150)]
    cursor, seen = None, []
    for _ in range(40):
        pages = await history(cursor, stop=1)
        if not pages:
            break
        seen += named(pages)
        cursor = pages[-1].cursor
    assert seen == works


async def test_figures_and_health_cost_a_call_each(handlers, world, dialect, twenty_five):
    source = GitHub(Settings().server, DIALECTS[dialect], max_pages=10, now=lambda: NOW)
    tools = Recital(getattr(handlers, dialect)(world))
    assert await source.get_user_stats(tools, ANN) == {"contributions": 25.0, "merged_pull_requests": 25.0}
    assert await source.get_user_stats(tools, Account("github", "ann", "9")) == {}
    assert len(tools.calls) == 2
    assert await source.health_check(tools) is None
    assert len(tools.calls) == 3
    broken = Recital(lambda tool, arguments: ToolFault("Authentication Failed: Bad credentials"))
    with pytest.raises(Exception, match="token"):
        await source.health_check(broken)


WAVE = st.lists(st.integers(0, 60 * 24 * 30), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    waves=st.lists(WAVE, min_size=1, max_size=4),
    stops=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    name=st.sampled_from(sorted(DIALECTS)),
)
def test_whatever_arrives_between_runs_each_work_is_named_once(handlers, new_world, waves, stops, name):
    """Each wave is merged after the run before; runs stop anywhere, the last one at its end."""

    async def play():
        world = new_world()
        world.person("ann", 7)
        world.person("bob", 8)
        cursor, seen, works = None, [], []
        for number, wave in enumerate(waves):
            begin = START + timedelta(days=31 * number)
            works += [world.pull("team/work", 7, iso(begin + timedelta(minutes=minutes)), by=8) for minutes in wave]
            stop = None if number == len(waves) - 1 else stops[number]
            tools = Recital(getattr(handlers, name)(world))
            pages = await read(tools, name, cursor, stop=stop, now=begin + timedelta(days=31))
            seen += named(pages)
            cursor = pages[-1].cursor if pages else cursor
        assert sorted(seen) == sorted(works)

    asyncio.run(play())


async def test_no_single_damage_to_a_search_invents_work(handlers, world, dialect):
    works = {world.pull("team/work", 7, day(number), by=8) for number in range(2)}
    world.pull("team/work", 8, day(3), by=7)
    answer = getattr(handlers, dialect)(world)
    tool = DIALECTS[dialect].search_tool
    asked = DIALECTS[dialect].search_arguments(f"author:ann is:merged is:public merged:{day(0)}..{day(9)}", 1)
    texts = list(accidents(answer(tool, asked), spare=("user", "merged_at")))
    assert len(texts) > 200
    for text in texts:

        def damaged(called, arguments, text=text):
            return text if called == tool else answer(called, arguments)

        try:
            found = set(named(await read(Recital(damaged), dialect)))
        except (Unavailable, NotFound):
            continue
        assert found <= works, text
