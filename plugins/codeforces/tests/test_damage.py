"""Damaged answers: whatever happens to one on its way, it is taken for an outage or leaves the verdict as it was."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillcore.plugin import Account, Identity, IssuedChallenge, NotProved, NotVerified, Unavailable, Verified
from skillcore.testing import Recital, accidents, damages
from skillcore_codeforces import Codeforces, Requirement, Settings

SOURCE = Codeforces(Settings().server)


def row(number, index, verdict, handles=("tourist",)):
    """A submission in the shape of ``user.status.tourist.last2.2026-09.json``."""
    return {
        "id": number,
        "contestId": 1401,
        "creationTimeSeconds": 1_789_326_747 + number,
        "relativeTimeSeconds": 2_147_483_647,
        "problem": {
            "contestId": 1401,
            "index": index,
            "name": "Reverse and Swap",
            "type": "PROGRAMMING",
            "points": 2500.0,
            "rating": 2400,
            "tags": ["binary search", "bitmasks"],
        },
        "author": {
            "contestId": 1401,
            "members": [{"handle": handle} for handle in handles],
            "participantType": "CONTESTANT",
            "ghost": False,
        },
        "verdict": verdict,
    }


ROWS = [row(4, "F", "OK"), row(3, "F", "WRONG_ANSWER"), row(2, "E", "OK", ("petr", "tourist")), row(1, "D", "SKIPPED")]
RATINGS = [{"contestId": 1401, "contestName": "Round", "handle": "tourist", "rank": 1, "oldRating": 3500, "newRating": 3522}]
SUBMISSIONS, HISTORY = json.dumps(ROWS, indent=2), json.dumps(RATINGS, indent=2)

CASES = [
    (Requirement(contest_id=1401, problem_index="F"), ["1401/F"]),
    (Requirement(contest_id=1401, problem_index="E"), ["1401/E"]),
    (Requirement(contest_id=1401, problem_index="D"), None),
    (Requirement(contest_id=1401, problem_index="A"), None),
    (Requirement(min_rating=2400, count=2), ["1401/E", "1401/F"]),
    (Requirement(min_rating=2400, count=3), None),
]


def judged(submissions, history, requirement):
    texts = {"get_user_submissions": submissions, "get_user_rating_history": history}
    tools = Recital(lambda tool, arguments: texts[tool])
    return asyncio.run(SOURCE.verify(tools, Account("codeforces", "tourist"), requirement))


def agrees(verdict, works):
    if works is None:
        return isinstance(verdict, NotVerified)
    return isinstance(verdict, Verified) and [evidence.work for evidence in verdict.evidence] == works


@pytest.mark.parametrize(("requirement", "works"), CASES)
def test_the_whole_answers_give_these_verdicts(requirement, works):
    assert agrees(judged(SUBMISSIONS, HISTORY, requirement), works)


def endures(submissions, history, requirement, works):
    try:
        verdict = judged(submissions, history, requirement)
    except Unavailable:
        return True
    return agrees(verdict, works)


def spared(requirement):
    """A problem may lack a rating, and then never reaches `min_rating`: that is an answer, not damage."""
    return () if requirement.min_rating is None else ("rating",)


@pytest.mark.parametrize(("requirement", "works"), CASES)
def test_no_single_damage_makes_another_verdict(requirement, works):
    texts = [(text, HISTORY) for text in accidents(SUBMISSIONS, spare=spared(requirement))]
    texts += [(SUBMISSIONS, text) for text in accidents(HISTORY)]
    assert len(texts) > 1000
    assert [pair for pair in texts if not endures(*pair, requirement, works)] == []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_heap_of_damages_makes_another_verdict(data):
    requirement, works = data.draw(st.sampled_from(CASES))
    submissions, history = SUBMISSIONS, HISTORY
    if data.draw(st.integers(0, 3)):
        submissions = data.draw(damages(SUBMISSIONS, spare=spared(requirement)))
    else:
        history = data.draw(damages(HISTORY))
    # An empty list is the history of somebody who submitted nothing: nobody can tell.
    assert submissions == "[]" or endures(submissions, history, requirement, works)


WORKS = [("1401/E", 1_789_326_749), ("1401/F", 1_789_326_751)]
ISSUED = datetime.fromtimestamp(1_789_326_700, UTC)
REFUSED = json.dumps([row(4, "F", "COMPILATION_ERROR"), row(3, "F", "WRONG_ANSWER")], indent=2)


def imported(submissions, history):
    """The works of an import; None where it stopped."""

    async def read():
        def answer(tool, arguments):
            beyond = arguments.get("from", 1) > len(ROWS)
            return history if tool == "get_user_rating_history" else "[]" if beyond else submissions

        pages = SOURCE.history(Recital(answer), Account("codeforces", "tourist"), None)
        return [(one.work, int(one.occurred_at.timestamp())) async for page in pages for one in page.evidence]

    try:
        return asyncio.run(read())
    except Unavailable:
        return None


def proved(submissions):
    issued = IssuedChallenge(key="1401/F", data={}, issued_at=ISSUED, expires_at=ISSUED + timedelta(minutes=30))
    tools = Recital(lambda tool, arguments: submissions)
    return asyncio.run(SOURCE.check_challenge(tools, Account("codeforces", "tourist"), issued))


def test_the_whole_answers_give_this_history_and_this_proof():
    assert imported(SUBMISSIONS, HISTORY) == WORKS
    assert proved(REFUSED) == Identity(handle="tourist", mark="4")
    assert isinstance(proved(SUBMISSIONS), NotProved)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_heap_of_damages_makes_another_history(data):
    """An absent verdict is an answer: it is one that was never given, for submissions as old as these."""
    submissions, history = data.draw(damages(SUBMISSIONS, spare=("verdict",))), HISTORY
    if not data.draw(st.integers(0, 3)):
        submissions, history = SUBMISSIONS, data.draw(damages(HISTORY))
    assert submissions == "[]" or imported(submissions, history) in (None, WORKS)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_heap_of_damages_proves_an_account(data):
    text = data.draw(st.sampled_from([REFUSED, SUBMISSIONS]))
    submissions = data.draw(damages(text))
    try:
        found = proved(submissions)
    except Unavailable:
        return
    assert submissions == "[]" or found == proved(text)
