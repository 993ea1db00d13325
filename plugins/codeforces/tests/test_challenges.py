"""Proof by a submission that does not compile: who, to what, when, and alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from skillcore.plugin import Account, Identity, IssuedChallenge, NotFound, NotProved, Unavailable
from skillcore.testing import Recital, ToolFault
from skillcore_codeforces import Codeforces, Settings
from skillcore_codeforces.problems import PROBLEMS

SOURCE = Codeforces(Settings().server)
ANN = Account("codeforces", "ann")
ISSUED = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)
CHALLENGE = IssuedChallenge(key="11/E", data={}, issued_at=ISSUED, expires_at=ISSUED + timedelta(minutes=30))


def row(number=1, *, work=(11, "E"), verdict="COMPILATION_ERROR", members=("Ann",), at=timedelta(minutes=5), **more):
    return {
        "id": number,
        "creationTimeSeconds": int((ISSUED + at).timestamp()),
        "problem": {"contestId": work[0], "index": work[1], "name": "Forward, march!", "tags": []},
        "author": {"members": [{"handle": handle} for handle in members], "participantType": "PRACTICE"},
        "verdict": verdict,
        **more,
    }


async def judged(*rows):
    return await SOURCE.check_challenge(Recital(lambda tool, arguments: json.dumps(list(rows))), ANN, CHALLENGE)


async def test_a_compile_error_in_time_proves_the_account_under_its_own_name():
    proved = Identity(handle="Ann", external_id=None, mark="7")
    assert await judged(row(9, verdict="OK", work=(4, "A")), row(7)) == proved


@pytest.mark.parametrize("at", [timedelta(0), timedelta(minutes=30)])
async def test_the_first_and_the_last_second_count(at):
    assert isinstance(await judged(row(at=at)), Identity)


@pytest.mark.parametrize(
    ("near", "found"),
    [
        (row(at=timedelta(seconds=-1)), "submission 1 to it, made at 2026-03-01T11:59:59+00:00"),
        (row(at=timedelta(minutes=30, seconds=1)), "submission 1 to it, made at 2026-03-01T12:30:01+00:00"),
        (row(verdict="OK"), "submissions to it: 1 OK"),
        (row(verdict="RUNTIME_ERROR"), "submissions to it: 1 RUNTIME_ERROR"),
        (row(work=(11, "D")), "no submission to it"),
        (row(work=(12, "E")), "no submission to it"),
        (row(work=(111, "E")), "no submission to it"),
        (row(members=("bob", "ann")), "submission 1 to it, made in a team"),
        (row(members=("ann", "ann")), "submission 1 to it, made in a team"),
    ],
)
async def test_what_comes_near_proves_nothing_and_is_named(near, found):
    verdict = await judged(near)
    assert isinstance(verdict, NotProved)
    assert verdict.found == found
    assert verdict.looked_for == (
        "a submission to 11/E by ann alone that did not compile, from 2026-03-01T12:00:00+00:00 to 2026-03-01T12:30:00+00:00"
    )


async def test_nothing_submitted_proves_nothing():
    assert (await judged()).found == "no submission to it"


@pytest.mark.parametrize("verdict", [None, "TESTING", "SOMETHING_NEW"])
async def test_while_it_is_judged_nothing_is_said(verdict):
    with pytest.raises(Unavailable, match="submission 2 to 11/E is not judged yet"):
        await judged(row(2, verdict=verdict), row(1, verdict="OK"))
    assert isinstance(await judged(row(2, verdict=verdict), row(1)), Identity)
    assert isinstance(await judged(row(2, verdict=verdict, members=("ann", "bob"))), NotProved)


async def test_a_submission_of_somebody_else_makes_the_answer_worthless():
    for members in (("bob",), ("anna",), ("ann ",), ("ann\u0131",), ("\u0430nn",)):
        with pytest.raises(Unavailable, match="somebody else"):
            await judged(row(members=members))


async def test_no_more_is_read_than_was_submitted_since():
    """Of an account with thousands of submissions, as many as were made in time, and one page at least."""
    rows = [row(number, verdict="OK", work=(4, "A"), at=timedelta(seconds=number - 4850)) for number in range(5000, 0, -1)]
    rows[149] = row(4851, at=timedelta(seconds=1))

    def answer(tool, arguments):
        start = arguments["from"] - 1
        return json.dumps(rows[start : start + arguments["count"]])

    tools = Recital(answer)
    assert isinstance(await SOURCE.check_challenge(tools, ANN, CHALLENGE), Identity)
    assert [(call["from"], call["count"]) for _, call in tools.calls] == [(1, 100), (101, 100)]


async def test_a_flood_of_submissions_is_not_read_forever():
    def answer(tool, arguments):
        return json.dumps([row(10_000 - arguments["from"] - place, verdict="OK") for place in range(arguments["count"])])

    tools = Recital(answer)
    with pytest.raises(Unavailable, match="no end"):
        await SOURCE.check_challenge(tools, ANN, CHALLENGE)
    assert len(tools.calls) == 10


async def test_an_account_that_does_not_exist_is_not_proved():
    tools = Recital(lambda *_: ToolFault("Error: Codeforces API error: handle: User with handle ann not found"))
    with pytest.raises(NotFound):
        await SOURCE.check_challenge(tools, ANN, CHALLENGE)


def test_challenges_are_many_and_say_what_to_do():
    challenges = {SOURCE.challenge(ANN, number).key: SOURCE.challenge(ANN, number) for number in [*range(500), 2**64 - 1]}
    assert len(challenges) == len(PROBLEMS) > 200
    first = SOURCE.challenge(ANN, 0)
    assert (first.key, first.data["url"]) == ("11/E", "https://codeforces.com/problemset/problem/11/E")
    for challenge in challenges.values():
        assert len(challenge.instructions) < 500
        for fact in (challenge.key, challenge.data["name"], challenge.data["url"], "30 minutes"):
            assert fact in challenge.instructions


def test_the_minutes_are_a_setting():
    source = Codeforces(Settings().server, challenge_minutes=45)
    assert source.proofs[0].minutes == 45
    assert "Within 45 minutes" in source.challenge(ANN, 3).instructions


def test_every_problem_stands_in_the_recorded_problem_set_under_its_name(shared):
    recorded = json.loads((shared / "data" / "codeforces" / "problemset.problems.2016-06.json").read_text("utf-8"))["result"]
    names = {f"{row['contestId']}/{row['index']}": row["name"] for row in recorded["problems"]}
    solvers = {f"{row['contestId']}/{row['index']}": row["solvedCount"] for row in recorded["problemStatistics"]}
    assert {problem.key: problem.name for problem in PROBLEMS}.items() <= names.items()
    assert all(45 <= solvers[problem.key] <= 200 for problem in PROBLEMS)
