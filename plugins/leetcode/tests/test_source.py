"""What a window of recent submissions allows to say."""

import json
from datetime import UTC, datetime

import pytest

from skillcore.plugin import Account, InvalidRequirement, NotFound, NotVerified, Unavailable, Undecided, Verified
from skillcore.testing import Recital, ToolFault
from skillcore_leetcode import LeetCode, Requirement, Settings

SOURCE = LeetCode(Settings().server)
ANN = Account("leetcode", "ann")
TWO_SUM = Requirement(problem_slug="two-sum")
KNOWN = {"username": "ann", "ranking": 5}
UNKNOWN = {"allQuestionsCount": [{"difficulty": "All", "count": 4029}], "matchedUser": None, "recentSubmissionList": []}


def served(slugs, *, profile=KNOWN, problem=None, difficulty="Medium"):
    """Answers as the server gives them; the first slug is the newest, each a hundred seconds older than the one before."""
    rows = [
        {"id": str(900 - place), "title": slug, "titleSlug": slug, "timestamp": str(1_700_000_000 - 100 * place)}
        for place, slug in enumerate(slugs)
    ]

    def answer(tool, arguments):
        if tool == "get_recent_ac_submissions":
            return json.dumps({"username": arguments["username"], "submissions": {"data": {"recentAcSubmissionList": rows}}})
        if tool == "get_user_profile":
            return json.dumps({"username": arguments["username"], "profile": profile})
        if problem is not None:
            return problem
        found = {"titleSlug": arguments["titleSlug"], "title": "Two Sum", "difficulty": difficulty, "topicTags": ["hash-table"]}
        return json.dumps({"titleSlug": arguments["titleSlug"], "problem": found})

    return answer


def others(number):
    return [f"other-{place}" for place in range(number)]


async def test_a_problem_among_those_shown_is_verified_with_its_evidence():
    tools = Recital(served(["3sum", "two-sum", "3sum"]))
    (evidence,) = (await SOURCE.verify(tools, ANN, TWO_SUM)).evidence
    assert evidence.work == "two-sum"
    assert evidence.occurred_at == datetime(2023, 11, 14, 22, 11, 40, tzinfo=UTC)
    assert (evidence.topics, evidence.difficulty, evidence.strength) == (("hash-table",), 5.0, "judged")
    assert evidence.metadata == {"submission": "899", "problem": "Two Sum"}
    assert tools.calls == [
        ("get_recent_ac_submissions", {"username": "ann", "limit": 20}),
        ("get_problem", {"titleSlug": "two-sum"}),
    ]


@pytest.mark.parametrize(("word", "difficulty"), [("Easy", 3), ("Medium", 5), ("Hard", 8)])
async def test_each_word_for_difficulty_has_its_place_on_the_scale(word, difficulty):
    verdict = await SOURCE.verify(Recital(served(["two-sum"], difficulty=word)), ANN, TWO_SUM)
    assert verdict.evidence[0].difficulty == difficulty


async def test_the_earliest_submission_shown_dates_the_work():
    verdict = await SOURCE.verify(Recital(served(["two-sum", "3sum", "two-sum"])), ANN, TWO_SUM)
    assert verdict.evidence[0].metadata["submission"] == "898"
    late = Requirement(problem_slug="two-sum", after=datetime.fromtimestamp(1_700_000_000 - 200, UTC))
    verdict = await SOURCE.verify(Recital(served(["two-sum", "3sum", "two-sum"])), ANN, late)
    assert verdict.evidence[0].metadata["submission"] == "900"


async def test_a_full_window_without_it_is_undecided():
    tools = Recital(served(others(20)))
    verdict = await SOURCE.verify(tools, ANN, TWO_SUM)
    assert isinstance(verdict, Undecided)
    assert "20 accepted submissions" in verdict.reason
    assert "submit" in verdict.would_decide
    assert [tool for tool, _ in tools.calls] == ["get_recent_ac_submissions"]


@pytest.mark.parametrize("number", [0, 1, 19])
async def test_a_short_list_without_it_is_complete_if_the_user_exists(number):
    verdict = await SOURCE.verify(Recital(served(others(number))), ANN, TWO_SUM)
    assert verdict == NotVerified("an accepted submission to two-sum", f"{number} others")


async def test_an_unknown_users_empty_list_is_no_verdict():
    with pytest.raises(NotFound, match="ann"):
        await SOURCE.verify(Recital(served([], profile=UNKNOWN)), ANN, TWO_SUM)


async def test_without_a_profile_there_is_no_verdict_yet():
    with pytest.raises(Unavailable):
        await SOURCE.verify(Recital(served([], profile=None)), ANN, TWO_SUM)


async def test_work_done_too_early_does_not_count():
    late = Requirement(problem_slug="two-sum", after=datetime(2026, 1, 1, tzinfo=UTC))
    verdict = await SOURCE.verify(Recital(served(["two-sum"])), ANN, late)
    assert isinstance(verdict, NotVerified)
    assert "2026-01-01" in verdict.looked_for
    assert verdict.found == "accepted earlier, at 2023-11-14T22:13:20+00:00"
    assert isinstance(await SOURCE.verify(Recital(served(["two-sum", *others(19)])), ANN, late), Undecided)


@pytest.mark.parametrize(
    ("least", "kind"), [("easy", Verified), ("medium", Verified), ("hard", NotVerified), (5.5, NotVerified)]
)
async def test_min_difficulty_is_the_sources_own(least, kind):
    requirement = Requirement(problem_slug="two-sum", min_difficulty=least)
    assert isinstance(await SOURCE.verify(Recital(served(["two-sum"])), ANN, requirement), kind)


async def test_a_problem_taken_away_counts_without_difficulty():
    gone = served(["two-sum"], problem=ToolFault("Problem two-sum not found"))
    (evidence,) = (await SOURCE.verify(Recital(gone), ANN, TWO_SUM)).evidence
    assert (evidence.difficulty, evidence.topics) == (None, ())
    least = Requirement(problem_slug="two-sum", min_difficulty="easy")
    assert isinstance(await SOURCE.verify(Recital(gone), ANN, least), Undecided)


async def test_without_the_problem_there_is_no_verdict_yet():
    with pytest.raises(Unavailable):
        await SOURCE.verify(Recital(served(["two-sum"], problem=ToolFault("HTTP 500: no"))), ANN, TWO_SUM)


async def test_a_name_that_cannot_be_is_never_sent():
    tools = Recital(served([]))
    with pytest.raises(InvalidRequirement):
        await SOURCE.verify(tools, Account("leetcode", "ann bob"), TWO_SUM)
    assert tools.calls == []
