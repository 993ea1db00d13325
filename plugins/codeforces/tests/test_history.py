"""Past work out of a list that shows the newest first and grows while it is read; expected is what the list says by itself."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillcore.plugin import Account, InvalidRequirement, NotFound, Unavailable
from skillcore.testing import Recital, ToolFault
from skillcore_codeforces import Codeforces, Requirement, Settings
from skillcore_codeforces.history import JUDGED_AFTER, OVERLAP, SLICE
from skillcore_codeforces.reading import PAGE

EPOCH = 1_500_000_000
NOW = datetime.fromtimestamp(EPOCH, UTC) + timedelta(days=365)
SOURCE = Codeforces(Settings().server, now=lambda: NOW)
ANN = Account("codeforces", "Ann")


def row(number, *, work=None, verdict="OK", **more):
    """A submission; each to a problem of its own unless told otherwise."""
    contest, index = work or (number, "A")
    return {
        "id": number,
        "creationTimeSeconds": EPOCH + number,
        "problem": {"contestId": contest, "index": index, "name": "x", "tags": ["dp"], "rating": 1700},
        "author": {"members": [{"handle": "ann"}], "participantType": "PRACTICE"},
        "verdict": verdict,
        **more,
    }


class Site:
    """A list of submissions, told from a position on, newest first; ``arriving`` are made before the calls they stand at."""

    def __init__(self, rows, arriving=None, ratings=()):
        self.rows = sorted(rows, key=lambda row: -row["id"])
        self.arriving = arriving or {}
        self.ratings = list(ratings)
        self.calls = 0

    def __call__(self, tool, arguments):
        self.calls += 1
        self.rows = [*reversed(self.arriving.get(self.calls, ())), *self.rows]
        start = arguments.get("from", 1) - 1
        told = self.ratings if tool == "get_user_rating_history" else self.rows[start : start + arguments["count"]]
        return msgspec.json.encode(told).decode()


async def read(site, after=None, *, most=None, source=SOURCE):
    """The pages of a run, or the first so many of them."""
    pages, tools = [], Recital(site)
    async for page in source.history(tools, ANN, after):
        pages.append(page)
        if len(pages) == most:
            break
    return pages, tools.calls


def told(pages):
    return [(evidence.work, int(evidence.occurred_at.timestamp()) - EPOCH) for page in pages for evidence in page.evidence]


@pytest.mark.parametrize(
    ("submissions", "calls"), [(0, 1), (1, 2), (999, 2), (1000, 4), (1001, 4), (1350, 4), (5000, 14), (20_000, 31)]
)
async def test_a_history_of_any_length_comes_whole_and_oldest_first(submissions, calls):
    pages, asked = await read(Site([row(number) for number in range(1, submissions + 1)]))
    assert told(pages) == [(f"{number}/A", number) for number in range(1, submissions + 1)]
    assert all(len(page.evidence) <= SLICE for page in pages)
    assert (pages[-1].done, pages[-1].total) == (submissions, submissions)
    assert [page.done for page in pages] == sorted(page.done for page in pages)
    assert len(asked) == calls
    assert all(len(page.cursor) < 200 for page in pages)


async def test_a_problem_is_named_once_with_its_first_acceptance():
    rows = [
        row(number, work=(number % 7 + 1, "A"), verdict="WRONG_ANSWER" if number < 4 else "OK") for number in range(1, 1500)
    ]
    pages, _ = await read(Site(rows))
    assert sorted(told(pages)) == sorted((f"{number % 7 + 1}/A", number) for number in range(4, 11))


async def test_from_the_last_cursor_one_short_call_tells_that_nothing_is_new():
    site = Site([row(number) for number in range(1, 1351)])
    pages, _ = await read(site)
    again, asked = await read(site, pages[-1].cursor)
    assert told(again) == []
    assert [(call["from"], call["count"]) for _, call in asked] == [(1, OVERLAP)]
    assert again[-1].cursor == pages[-1].cursor


@pytest.mark.parametrize(("new", "calls"), [(1, 1), (OVERLAP - 1, 1), (OVERLAP, 2), (700, 2), (1500, 4), (7000, 16)])
async def test_a_later_run_reads_what_is_new_and_no_more(new, calls):
    site = Site([row(number) for number in range(1, 3001)])
    pages, _ = await read(site)
    site.rows = [row(number) for number in range(3000 + new, 0, -1)]
    later, asked = await read(site, pages[-1].cursor)
    assert told(later) == [(f"{number}/A", number) for number in range(3001, 3001 + new)]
    assert len(asked) <= calls


async def test_every_cursor_is_a_place_to_go_on_from():
    site = Site([row(number) for number in range(1, 3201)])
    whole, _ = await read(site)
    for number, page in enumerate(whole):
        rest, asked = await read(site, page.cursor)
        assert told(rest) == told(whole[number + 1 :])
        assert len(asked) <= 4


async def test_more_may_arrive_between_two_calls_than_pages_share():
    """So that each page asked for has moved away when it comes."""
    arriving = {call: [row(10_000 * call + place) for place in range(3 * OVERLAP)] for call in range(2, 12)}
    site = Site([row(number) for number in range(1, 2501)], arriving)
    pages, _ = await read(site)
    assert told(pages)[:2500] == [(f"{number}/A", number) for number in range(1, 2501)]
    assert [work for work, _ in told(pages)] == [f"{one['id']}/A" for one in reversed(site.rows)][: len(told(pages))]


@settings(max_examples=40, deadline=None)
@given(
    known=st.integers(0, 3200),
    arriving=st.dictionaries(st.integers(1, 25), st.integers(1, 1200), max_size=8),
    stops=st.lists(st.integers(1, 6), max_size=6),
    problems=st.integers(1, 4000),
)
def test_whatever_arrives_and_wherever_it_stops_nothing_is_missed(known, arriving, stops, problems):
    """Runs that are interrupted and go on, over a list that grows, and a last one that comes to its end in peace."""
    coming, number = {}, known
    for call, new in sorted(arriving.items()):
        coming[call] = [row(place, work=(place % problems + 1, "A")) for place in range(number + 1, number + new + 1)]
        number += new
    site = Site([row(place, work=(place % problems + 1, "A")) for place in range(1, known + 1)], coming)
    cursor, first = None, {}
    for most in [*stops, None, None]:
        cursor = asyncio.run(goes_on(site, cursor, most, first))
    site.arriving = {}
    asyncio.run(goes_on(site, cursor, None, first))
    expected = {}
    for one in reversed(site.rows):
        expected.setdefault(f"{one['problem']['contestId']}/A", one["id"])
    assert first == expected


async def goes_on(site, cursor, most, first):
    """Go on with an import, note what is named for the first time, and return where it stopped."""
    named, pages = [], 0
    try:
        async for page in SOURCE.history(Recital(site), ANN, cursor):
            cursor, pages = page.cursor, pages + 1
            named += told([page])
            if pages == most:
                break
    except Unavailable:
        # Hundreds of submissions between two calls look like a server that repeats itself; the next run goes on.
        assert site.arriving
    for work, at in named:
        first.setdefault(work, at)
    assert len({work for work, _ in named}) == len(named)
    return cursor


@pytest.mark.parametrize("waiting", [{"verdict": "TESTING"}, {"verdict": None}, {"verdict": "OK", "testset": "PRETESTS"}])
async def test_the_history_ends_before_what_is_not_judged_yet(waiting):
    young = NOW - JUDGED_AFTER + timedelta(hours=1)
    rows = [row(1), row(2), row(3, work=(9, "B")), row(4, work=(9, "B")), row(5)]
    rows[2] |= waiting | {"creationTimeSeconds": int(young.timestamp())}
    site = Site(rows)
    pages, _ = await read(site)
    assert [work for work, _ in told(pages)] == ["1/A", "2/A"]
    assert (pages[-1].done, pages[-1].total) == (2, 5)
    stuck, _ = await read(site, pages[-1].cursor)
    assert told(stuck) == []
    site.rows[2] |= {"verdict": "OK", "testset": "TESTS"}
    later, asked = await read(site, stuck[-1].cursor)
    assert [(one.work, one.metadata["submission"]) for one in later[0].evidence] == [("9/B", 3), ("5/A", 5)]
    assert len(asked) == 1


async def test_nothing_behind_what_is_not_judged_yet_is_told_however_much_it_is():
    lately = int((NOW - timedelta(hours=1)).timestamp())
    rows = [row(number) | {"creationTimeSeconds": lately} for number in range(1, 2501)]
    rows[699] |= {"verdict": "TESTING"}
    site = Site(rows)
    pages, asked = await read(site)
    assert [work for work, _ in told(pages)] == [f"{number}/A" for number in range(1, 700)]
    assert (pages[-1].done, pages[-1].total) == (699, 2500)
    rows[699] |= {"verdict": "OK"}
    later, _ = await read(site, pages[-1].cursor)
    assert [work for work, _ in told(later)] == [f"{number}/A" for number in range(700, 2501)]
    assert len(asked) < 8


async def test_hundreds_may_arrive_while_the_end_is_looked_for():
    """So that it lies beyond what was known to be beyond it."""
    site = Site([row(number) for number in range(1, 3001)], {5: [row(number) for number in range(3001, 3901)]})
    pages, _ = await read(site)
    assert told(pages) == [(f"{number}/A", number) for number in range(1, 3901)]


async def test_a_history_that_shrinks_while_it_is_read_is_read_later():
    site = Site([row(number) for number in range(1, 3001)])

    def shrinking(tool, arguments):
        if site.calls == 3:
            site.rows = site.rows[:700]
        return site(tool, arguments)

    message, _ = await refusal(shrinking)
    assert "fewer submissions of ann than a moment ago" in message


async def test_what_was_never_judged_does_not_hold_up_the_rest():
    rows = [row(1), row(2, verdict=None), row(3, verdict="OK", testset="PRETESTS"), row(4)]
    pages, _ = await read(Site(rows))
    assert [work for work, _ in told(pages)] == ["1/A", "4/A"]
    assert pages[0].gap == "Codeforces never finished judging submission 2 and 1 more"
    pages, _ = await read(Site([row(1), row(2, verdict="SKIPPED")]))
    assert pages[0].gap == ""


async def test_the_rating_history_is_asked_for_once_and_only_if_a_contest_needs_it():
    alone = {"members": [{"handle": "ann"}], "participantType": "CONTESTANT"}
    team = {"members": [{"handle": "bob"}, {"handle": "Ann"}], "participantType": "CONTESTANT"}
    change = {"contestId": 7, "contestName": "r", "handle": "ann", "rank": 1, "oldRating": 1500, "newRating": 1465}
    site = Site([row(number, author=alone) for number in range(1, 1200)], ratings=[change])
    pages, asked = await read(site)
    assert [tool for tool, _ in asked].count("get_user_rating_history") == 1
    changed = [one for page in pages for one in page.evidence if "rating_change" in one.metadata]
    assert [(one.work, one.metadata["rating_change"]) for one in changed] == [("7/A", -35)]
    pages, asked = await read(Site([row(7, author=team)], ratings=[change]))
    assert {tool for tool, _ in asked} == {"get_user_submissions"}
    assert pages[0].evidence[0].metadata["team_size"] == 2


async def test_a_cursor_of_another_account_or_of_no_account_begins_at_the_beginning():
    site = Site([row(1), row(2)])
    other = '{"handle": "bob", "seen": 2, "behind": 2, "newer": 0}'
    for cursor in (other, "", "{}", "[]", "17", '{"handle": "ann", "seen": -1, "behind": 0, "newer": 0}'):
        pages, _ = await read(site, cursor)
        assert [work for work, _ in told(pages)] == ["1/A", "2/A"]


async def refusal(answer, after=None):
    tools = Recital(answer)
    with pytest.raises(Unavailable) as refused:
        async for _ in SOURCE.history(tools, ANN, after):
            pass
    return refused.value.message, tools.calls


async def test_a_server_that_repeats_itself_is_not_believed():
    page = json.dumps([row(number) for number in range(PAGE, 0, -1)])
    message, asked = await refusal(lambda tool, arguments: page)
    assert "repeated" in message
    assert len(asked) == 2


async def test_a_server_without_end_is_not_believed():
    def endless(tool, arguments):
        start = arguments["from"]
        return json.dumps([row(10_000_000 - place) for place in range(start, start + arguments["count"])])

    message, asked = await refusal(endless)
    assert "no end" in message
    assert len(asked) < 15


async def test_a_server_that_always_has_one_submission_more_is_not_followed_forever():
    """Wherever it is asked it shows one more, and as soon as the newest comes near, it pushes that away."""
    shown = [1]
    others = json.dumps([row(10_000_000 - place) for place in range(PAGE)])

    def drip(tool, arguments):
        if arguments["from"] < 2500:
            return others
        shown.append(shown[-1] + 1)
        return json.dumps([row(number) for number in shown[:-3:-1]])

    message, asked = await refusal(drip, '{"handle": "ann", "seen": 1, "behind": 1, "newer": 5000}')
    assert "no end" in message
    assert len(asked) <= 1000


async def test_pages_that_are_shorter_than_asked_for_do_not_end_the_history():
    def short(tool, arguments):
        start = arguments["from"]
        return json.dumps([row(3000 - place) for place in range(start, start + min(arguments["count"], 100))])

    message, _ = await refusal(short)
    assert "left out" in message


@pytest.mark.parametrize("left", [0, 5])
async def test_a_history_that_ends_too_early_is_not_taken_for_what_is_new(left):
    site = Site([row(number) for number in range(1, 1200)])
    pages, _ = await read(site)
    site.rows = [row(number) for number in range(1200 + left, 1200, -1)]
    message, _ = await refusal(site, pages[-1].cursor)
    assert "no longer shows submission 1199" in message


async def test_submissions_that_vanish_cost_calls_and_nothing_else():
    site = Site([row(number) for number in range(1, 3001)])
    pages, _ = await read(site, most=3)
    behind = told(pages)[-1][1]
    site.rows = [one for one in site.rows if not behind - 100 <= one["id"] < 1900]
    rest, _ = await read(site, pages[-1].cursor)
    assert [number for _, number in told(pages) + told(rest)] == [*range(1, behind + 1), *range(1900, 3001)]


async def test_every_page_of_the_recording_is_what_verification_says(shared):
    """The same work, time, topics, difficulty, strength and facts, whichever way it comes."""
    recorded = json.loads((shared / "data" / "codeforces" / "user.status.tourist.2016.json").read_text("utf-8"))["result"]
    changes = [{"contestId": 643, "oldRating": 3500, "newRating": 3522}, {"contestId": 2, "oldRating": 1500, "newRating": 1602}]
    tools, tourist = Recital(Site(recorded, ratings=changes)), Account("codeforces", "tourist")
    imported = [one async for page in SOURCE.history(tools, tourist, None) for one in page.evidence]
    assert len(imported) > 800
    for one in imported[::23]:
        contest, index = one.work.split("/")
        requirement = Requirement(contest_id=int(contest), problem_index=index)
        assert (await SOURCE.verify(tools, tourist, requirement)).evidence == (one,)
    verdict = await SOURCE.verify(
        Recital(Site(with_ratings(recorded))), tourist, Requirement(min_rating=800, count=len(imported))
    )
    assert [(one.work, one.occurred_at) for one in verdict.evidence] == [(one.work, one.occurred_at) for one in imported]


def with_ratings(recorded):
    return [one | {"problem": one["problem"] | {"rating": 800}} for one in recorded]


@pytest.mark.parametrize(
    "rows",
    [
        [row(1), row(2)],
        [row(2), row(2)],
        [row(2), row(1, author={"members": [{"handle": "bob"}], "participantType": "PRACTICE"})],
        [row(number) for number in range(2000, 0, -1)],
    ],
)
async def test_rows_that_were_not_asked_for_are_not_believed(rows):
    await refusal(lambda tool, arguments: json.dumps(rows))


async def test_failures_are_told_apart():
    unknown = Recital(lambda *_: ToolFault("Error: Codeforces API error: handle: User with handle ann not found"))
    with pytest.raises(NotFound):
        await anext(SOURCE.history(unknown, ANN, None))
    limited = Recital(lambda *_: ToolFault("Error: Codeforces API error: Call limit exceeded"))
    with pytest.raises(Unavailable) as refused:
        await anext(SOURCE.history(limited, ANN, None))
    assert refused.value.limited
    nobody = Recital(Site([]))
    with pytest.raises(InvalidRequirement):
        await anext(SOURCE.history(nobody, Account("codeforces", "a&count=1#"), None))
    assert nobody.calls == []
