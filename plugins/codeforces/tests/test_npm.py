"""The source through the published server, in good weather and bad. The web behind it is the stand-in's recorded one."""

import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from skillcore.plugin import Account, Identity, IssuedChallenge, NotFound, NotProved, NotVerified, Unavailable, Verified
from skillcore.testing import tools_for
from skillcore.testing.tools import ONE_BY_ONE
from skillcore_codeforces import Codeforces, Requirement, Settings

pytestmark = pytest.mark.npm

SOURCE = Codeforces(Settings().server)
TOURIST = Account("codeforces", "tourist")
SHORT = msgspec.structs.replace(ONE_BY_ONE, call_timeout=2.5)


@pytest.fixture
def server(npm_server):
    """Settings of the published server, the version that the plugin starts by default."""
    settings = npm_server("codeforces")
    assert Settings().server.args[-1] in settings.command
    return settings


def problem(contest, index, **more):
    return Requirement(contest_id=contest, problem_index=index, **more)


def spread(problems, number):
    """That many problems from all over a list."""
    return [problems[place * len(problems) // number] for place in range(number)]


@pytest.fixture(scope="module")
def facts(shared):
    """Forty facts worked out on the recorded files: 20 problems with the time of their first acceptance, 20 without."""
    folder = shared / "data" / "codeforces"
    rows = json.loads((folder / "user.status.tourist.2016.json").read_text("utf-8"))["result"]
    rows += json.loads((folder / "user.status.tourist.last2.2026-09.json").read_text("utf-8"))["result"]
    problems = json.loads((folder / "problemset.problems.2016-06.json").read_text("utf-8"))["result"]["problems"]
    times = defaultdict(list)
    for row in rows:
        place = row["problem"]["contestId"], row["problem"]["index"]
        times[place] += [row["creationTimeSeconds"]] if row["verdict"] == "OK" else []
    accepted = sorted(place for place, moments in times.items() if moments)
    refused = sorted(place for place, moments in times.items() if not moments)
    untouched = sorted({(row["contestId"], row["index"]) for row in problems} - set(times))
    known = {place: datetime.fromtimestamp(min(times[place]), UTC) for place in spread(accepted, 20)}
    return known | dict.fromkeys(spread(refused, 10) + spread(untouched, 10))


async def test_forty_of_forty_recorded_facts_are_right(server, facts):
    assert [at is None for at in facts.values()].count(True) == 20
    assert len(facts) == 40
    async with tools_for(SOURCE, settings=server) as tools:
        verdicts = await asyncio.gather(*(SOURCE.verify(tools, TOURIST, problem(*place)) for place in facts))
    for (contest, index), at, verdict in zip(facts, facts.values(), verdicts, strict=True):
        if at is None:
            assert isinstance(verdict, NotVerified), (contest, index, verdict)
        else:
            assert isinstance(verdict, Verified), (contest, index, verdict)
            (evidence,) = verdict.evidence
            assert (evidence.work, evidence.occurred_at) == (f"{contest}/{index}", at)


async def test_a_rating_change_comes_with_a_contest(server, shared):
    """`user.status.Fefer_Ivan.first50` and `user.rating.Fefer_Ivan`, both of December 2015."""
    folder = shared / "data" / "codeforces"
    rows = json.loads((folder / "user.status.Fefer_Ivan.first50.2015-12.json").read_text("utf-8"))["result"]
    ratings = json.loads((folder / "user.rating.Fefer_Ivan.2015-12.json").read_text("utf-8"))["result"]
    changes = {change["contestId"]: change["newRating"] - change["oldRating"] for change in ratings}
    place, change = next(
        ((row["contestId"], row["problem"]["index"]), changes[row["contestId"]])
        for row in rows
        if row["verdict"] == "OK" and row["author"]["participantType"] == "CONTESTANT" and row["contestId"] in changes
    )
    async with tools_for(SOURCE, settings=server) as tools:
        verdict = await SOURCE.verify(tools, Account("codeforces", "fefer_ivan"), problem(*place))
    assert verdict.evidence[0].metadata["rating_change"] == change


async def test_rows_of_every_kind(server, upstream):
    def row(contest, index, verdict="OK", rating=1500, members=("ann",)):
        author = {"contestId": contest, "members": [{"handle": name} for name in members], "participantType": "PRACTICE"}
        shown = {"contestId": contest, "index": index, "name": "x", "tags": ["dp"], "rating": rating}
        return {"problem": shown, "verdict": verdict, "author": author}

    rows = [
        row(2001, "A"),
        row(2001, "B", "PARTIAL"),
        row(2001, "C", "SKIPPED"),
        row(2001, "D", "TESTING"),
        row(100_500, "E", rating=None),
        row(2001, "F", rating=1600, members=("bob", "Ann")),
    ]
    upstream.control("codeforces/submissions", {"handle": "ann", "submissions": rows})
    upstream.control("codeforces/submissions", {"handle": "new", "submissions": []})
    ann = Account("codeforces", "ANN")
    async with tools_for(SOURCE, settings=server) as tools:
        expected = [("A", Verified), ("B", NotVerified), ("C", NotVerified), ("F", Verified)]
        for index, kind in expected:
            assert isinstance(await SOURCE.verify(tools, ann, problem(2001, index)), kind), index
        with pytest.raises(Unavailable):
            await SOURCE.verify(tools, ann, problem(2001, "D"))
        assert (await SOURCE.verify(tools, ann, problem(100_500, "E"))).evidence[0].difficulty is None
        assert isinstance(await SOURCE.verify(tools, Account("codeforces", "new"), problem(2001, "A")), NotVerified)
        rated = await SOURCE.verify(tools, ann, Requirement(min_rating=1500, count=2))
        assert [evidence.work for evidence in rated.evidence] == ["2001/A", "2001/F"]
        with pytest.raises(NotFound):
            await SOURCE.verify(tools, Account("codeforces", "nobody_has_this"), problem(2001, "A"))
        assert await SOURCE.get_user_stats(tools, ann) == {"problems_solved": 3.0}


async def test_a_recorded_history_comes_oldest_first(server, shared):
    """Of the two recordings of one account, ten years apart: every problem with its first acceptance."""
    folder = shared / "data" / "codeforces"
    rows = json.loads((folder / "user.status.tourist.2016.json").read_text("utf-8"))["result"]
    rows += json.loads((folder / "user.status.tourist.last2.2026-09.json").read_text("utf-8"))["result"]
    first = {}
    for row in sorted(rows, key=lambda row: row["id"]):
        if row["verdict"] == "OK":
            place = f"{row['problem']['contestId']}/{row['problem']['index']}"
            first.setdefault(place, datetime.fromtimestamp(row["creationTimeSeconds"], UTC))
    async with tools_for(SOURCE, settings=server) as tools:
        pages = [page async for page in SOURCE.history(tools, TOURIST, None)]
        rest = [page async for page in SOURCE.history(tools, TOURIST, pages[3].cursor)]
        again = [page async for page in SOURCE.history(tools, TOURIST, pages[-1].cursor)]
    assert [(one.work, one.occurred_at) for page in pages for one in page.evidence] == list(first.items())
    assert (pages[-1].done, pages[-1].total) == (1352, 1352)
    assert [page.evidence for page in again] == [()]
    assert rest[-1].cursor == pages[-1].cursor


async def test_an_account_is_proved_by_what_does_not_compile(server, upstream):
    def row(verdict, members=("bob",)):
        author = {"contestId": 11, "members": [{"handle": name} for name in members], "participantType": "PRACTICE"}
        return {"problem": {"contestId": 11, "index": "E"}, "verdict": verdict, "author": author}

    began = datetime.now(UTC)
    issued = IssuedChallenge(key="11/E", data={}, issued_at=began, expires_at=began + timedelta(minutes=30))
    bob = Account("codeforces", "bob")
    async with tools_for(SOURCE, settings=server) as tools:
        upstream.control("codeforces/submissions", {"handle": "Bob", "submissions": []})
        assert isinstance(await SOURCE.check_challenge(tools, bob, issued), NotProved)
        upstream.control("codeforces/submissions", {"handle": "Bob", "submissions": [row("OK")]})
        assert isinstance(await SOURCE.check_challenge(tools, bob, issued), NotProved)
        upstream.control("codeforces/submissions", {"handle": "Bob", "submissions": [row("COMPILATION_ERROR", ("Bob",))]})
        proved = await SOURCE.check_challenge(tools, bob, issued)
        assert isinstance(proved, Identity)
        assert (proved.handle, proved.mark.isdigit()) == ("Bob", True)
        with pytest.raises(NotFound):
            await SOURCE.check_challenge(tools, Account("codeforces", "nobody_has_this"), issued)


async def test_health_follows_the_site_behind_the_server(server, upstream):
    async with tools_for(SOURCE, settings=server, resilience=SHORT) as tools:
        assert await SOURCE.health_check(tools) is None
        upstream.faults.set("codeforces", "html")
        with pytest.raises(Unavailable):
            await SOURCE.health_check(tools)


@pytest.mark.parametrize("mode", ["500", "429", "403", "hang", "drop", "html", "garbage", "empty"])
async def test_a_fault_makes_no_verdict_and_leaves_no_trace(server, upstream, mode):
    async with tools_for(SOURCE, settings=server, resilience=SHORT) as tools:
        solved, unsolved = problem(1401, "F"), problem(1401, "A")
        upstream.faults.set("codeforces", mode)
        for requirement in (solved, unsolved):
            with pytest.raises(Unavailable) as refusal:
                await SOURCE.verify(tools, TOURIST, requirement)
            assert refusal.value.limited == (mode == "429")
        upstream.faults.lift()
        assert isinstance(await SOURCE.verify(tools, TOURIST, solved), Verified)
        assert isinstance(await SOURCE.verify(tools, TOURIST, unsolved), NotVerified)


async def test_a_fault_on_the_second_page_makes_no_verdict(server, upstream):
    async with tools_for(SOURCE, settings=server, resilience=SHORT) as tools:
        upstream.faults.set("codeforces", "500", contains='"from": "1001"')
        with pytest.raises(Unavailable):
            await SOURCE.verify(tools, TOURIST, problem(1401, "A"))
        assert [entry["fault"] for entry in upstream.log()] == [None, "500"]
