"""Past work out of a window of twenty: in order, once, from any cursor on, and honest about what was not shown."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillcore.plugin import Account, NotFound, Unavailable
from skillcore.testing import Recital, ToolFault, accidents
from skillcore_leetcode import LeetCode, Settings

SOURCE = LeetCode(Settings().server)
ANN = Account("leetcode", "Ann")
START = 1_700_000_000
DIFFICULTIES = ("Easy", "Medium", "Hard")
SCALE = {"Easy": 3.0, "Medium": 5.0, "Hard": 8.0}
UNKNOWN = {"allQuestionsCount": [{"difficulty": "All", "count": 4029}], "matchedUser": None, "recentSubmissionList": []}


class Site:
    """An account's accepted submissions, ``(slug, seconds)``; it shows the last twenty, newest first."""

    def __init__(self, solved=(), *, known=True, stamp=str):
        self.solved = list(solved)
        self.known = known
        self.stamp = stamp
        self.lookups = []

    def __call__(self, tool, arguments):
        if tool == "get_problem":
            slug = arguments["titleSlug"]
            self.lookups.append(slug)
            found = {"titleSlug": slug, "title": slug, "difficulty": DIFFICULTIES[len(slug) % 3], "topicTags": ["array"]}
            return json.dumps({"titleSlug": slug, "problem": found})
        if tool == "get_user_profile":
            profile = {"username": "ann"} if self.known else UNKNOWN
            return json.dumps({"username": arguments["username"], "profile": profile})
        rows = [
            {"id": None, "titleSlug": slug, "timestamp": self.stamp(at), "statusDisplay": "Accepted"}
            for slug, at in sorted(self.solved, key=lambda row: row[1], reverse=True)[:20]
        ]
        return json.dumps({"username": arguments["username"], "submissions": {"data": {"recentAcSubmissionList": rows}}})


async def read(site, after=None, *, stop=None, kept=None):
    """Read pages, at most ``stop`` of them; those before an error are in ``kept``."""
    pages = [] if kept is None else kept
    async for page in SOURCE.history(Recital(site), ANN, after):
        pages.append(page)
        if len(pages) == stop:
            break
    return pages


def named(pages):
    return [(item.work, int(item.occurred_at.timestamp())) for page in pages for item in page.evidence]


def twelve():
    return [(f"problem-{number}", START + 60 * number) for number in range(12)]


async def test_all_that_is_shown_comes_once_and_the_oldest_first():
    site = Site([*twelve(), ("problem-3", START + 9000)])
    pages = await read(site)
    assert named(pages) == twelve()
    assert [(page.done, page.total) for page in pages] == [(5, 12), (10, 12), (12, 12)]
    assert [page.gap for page in pages] == ["", "", ""]
    first = pages[0].evidence[0]
    assert first.occurred_at == datetime.fromtimestamp(START, UTC)
    assert (first.strength, first.topics, first.difficulty) == ("judged", ("array",), SCALE[DIFFICULTIES[len("problem-0") % 3]])
    assert site.lookups == [work for work, _ in twelve()]


@pytest.mark.parametrize("stamp", [str, int])
async def test_both_kinds_of_time_are_read(stamp):
    assert named(await read(Site(twelve(), stamp=stamp))) == twelve()


@pytest.mark.parametrize("pages", [1, 2, 3])
async def test_a_run_goes_on_from_every_cursor(pages):
    site = Site(twelve())
    before = await read(site, stop=pages)
    assert named([*before, *await read(site, before[-1].cursor)]) == twelve()


async def test_a_run_that_ended_has_nothing_more_to_say():
    site = Site(twelve())
    cursor = (await read(site))[-1].cursor
    site.lookups.clear()
    assert await read(site, cursor) == []
    assert site.lookups == []


async def test_new_work_is_all_that_a_later_run_names():
    site = Site(twelve())
    cursor = (await read(site))[-1].cursor
    site.solved += [("problem-0", START + 5000), ("late-two", START + 7000), ("late-one", START + 6000)]
    (page,) = await read(site, cursor)
    assert (page.done, page.total) == (14, 14)
    assert named(await read(site, cursor)) == [("late-one", START + 6000), ("late-two", START + 7000)]


async def test_a_submission_judged_late_is_not_overlooked():
    """It carries the time at which it was sent: before others that were seen already."""
    site = Site(twelve())
    cursor = (await read(site))[-1].cursor
    site.solved.append(("slow-judge", START + 61))
    assert named(await read(site, cursor)) == [("slow-judge", START + 61)]


async def test_two_submissions_of_one_second_are_both_named():
    site = Site([("one", START), ("two", START)])
    cursor = (await read(site))[-1].cursor
    site.solved.append(("three", START))
    assert named(await read(site, cursor)) == [("three", START)]


async def test_a_full_window_says_that_earlier_work_is_not_seen():
    site = Site([(f"problem-{number}", START + number) for number in range(20)])
    pages = await read(site)
    assert "last 20" in pages[0].gap
    assert "earlier work" in pages[0].gap
    assert [page.gap for page in pages[1:]] == ["", "", ""]


async def test_a_full_window_of_new_work_says_that_some_may_be_missing():
    site = Site(twelve())
    cursor = (await read(site))[-1].cursor
    site.solved += [(f"later-{number}", START + 10_000 + number) for number in range(20)]
    assert "may be missing" in (await read(site, cursor))[0].gap
    overlapping = Site(site.solved[:-1])
    assert [page.gap for page in await read(overlapping, cursor)] == [""] * 4


async def test_a_known_problem_solved_again_moves_the_window_without_naming_it():
    """Otherwise twenty more would look as if nothing connected them with what was seen."""
    site = Site(twelve())
    cursor = (await read(site))[-1].cursor
    site.solved.append(("problem-11", START + 10_000))
    (page,) = await read(site, cursor)
    assert (page.evidence, page.gap) == ((), "")
    site.solved += [(f"later-{number}", START + 10_001 + number) for number in range(19)]
    pages = await read(site, page.cursor)
    assert [work for work, _ in named(pages)] == [f"later-{number}" for number in range(19)]
    assert {page.gap for page in pages} == {""}


async def test_an_account_without_work_has_no_pages_and_an_unknown_one_is_not_found():
    assert await read(Site()) == []
    with pytest.raises(NotFound):
        await read(Site(known=False))


@pytest.mark.parametrize(
    "cursor", ["", "x", "{}", "[1]", '{"handle": "bob", "newest": 9999999999, "named": ""}', '{"handle": 5}']
)
async def test_a_cursor_that_is_no_cursor_of_this_account_begins_anew(cursor):
    assert named(await read(Site(twelve()), cursor)) == twelve()


async def test_a_problem_taken_away_is_named_without_difficulty():
    site = Site(twelve())

    def gone(tool, arguments):
        return ToolFault("Problem problem-0 not found") if arguments.get("titleSlug") == "problem-0" else site(tool, arguments)

    first = (await read(gone))[0].evidence[0]
    assert (first.work, first.difficulty, first.topics) == ("problem-0", None, ())


async def test_an_outage_between_pages_costs_one_page():
    site = Site(twelve())

    def failing(tool, arguments):
        return ToolFault("HTTP 500: no") if arguments.get("titleSlug") == "problem-7" else site(tool, arguments)

    pages = []
    with pytest.raises(Unavailable):
        await read(failing, kept=pages)
    assert named([*pages, *await read(site, pages[-1].cursor)]) == twelve()


async def test_cursors_stay_short_however_long_the_names():
    site = Site()
    cursor = None
    for look in range(12):
        site.solved = [(f"{look}-{number}-".ljust(150, "x"), START + 100 * look + number) for number in range(20)]
        pages = await read(site, cursor)
        assert sum(len(page.evidence) for page in pages) == 20
        cursor = pages[-1].cursor
        assert len(cursor) <= 1000


SOLVED = st.lists(
    st.tuples(st.sampled_from([f"p{number}" for number in range(40)]), st.integers(START, START + 50)), max_size=19
)


@settings(max_examples=150, deadline=None)
@given(waves=st.lists(SOLVED, min_size=1, max_size=4), stops=st.lists(st.integers(1, 4), min_size=4, max_size=4))
def test_whatever_arrives_between_runs_each_work_shown_is_named_once(waves, stops):
    """Runs that stop anywhere, while up to nineteen submissions arrive before each; the last one runs to its end."""

    async def play():
        site, cursor, seen, shown = Site(), None, [], set()
        for number, wave in enumerate(waves):
            site.solved += [(slug, at + 1000 * number) for slug, at in wave]
            newest = sorted(site.solved, key=lambda row: row[1], reverse=True)[:20]
            shown |= {slug for slug, _ in newest} if number == len(waves) - 1 else set()
            stop = None if number == len(waves) - 1 else stops[number]
            pages = await read(site, cursor, stop=stop)
            seen += [work for work, _ in named(pages)]
            cursor = pages[-1].cursor if pages else cursor
        assert len(seen) == len(set(seen))
        assert shown <= set(seen)

    asyncio.run(play())


async def test_no_single_damage_to_the_list_invents_work():
    site = Site([(f"problem-{number}", START + number) for number in range(3)])
    whole = site("get_recent_ac_submissions", {"username": "Ann"})
    names = {f"problem-{number}" for number in range(3)}
    texts = list(accidents(whole))
    assert len(texts) > 100
    for text in texts:

        def answer(tool, arguments, text=text):
            return text if tool == "get_recent_ac_submissions" else site(tool, arguments)

        try:
            found = {work for work, _ in named(await read(answer))}
        except (Unavailable, NotFound):
            continue
        assert found <= names, text
