"""How the source asks: page after page, and never forever."""

import json
from datetime import UTC, datetime

import pytest

from skillcore.plugin import Account, InvalidRequirement, NotFound, NotVerified, Unavailable, Verified
from skillcore.testing import Recital, ToolFault
from skillcore_codeforces import Codeforces, Requirement, Settings
from skillcore_codeforces.reading import MOST_PAGES

SOURCE = Codeforces(Settings().server)
ANN = Account("codeforces", "Ann")
WANTED = Requirement(contest_id=4, problem_index="A")


def row(number, *, work=(1, "B"), verdict="OK", kind="PRACTICE"):
    return {
        "id": number,
        "creationTimeSeconds": 1_500_000_000 + number,
        "problem": {"contestId": work[0], "index": work[1], "name": "x", "tags": [], "rating": 800},
        "author": {"members": [{"handle": "ann"}], "participantType": kind},
        "verdict": verdict,
    }


def served(rows, ratings="[]"):
    """Answers as the API does: a window of the rows, newest first."""

    def answer(tool, arguments):
        if tool == "get_user_submissions":
            start = arguments["from"] - 1
            return json.dumps(rows[start : start + arguments["count"]])
        return ratings if tool == "get_user_rating_history" else json.dumps([{"handle": "ann", "rating": 1400}])

    return answer


async def test_a_history_of_thousands_is_read_to_its_first_row():
    tools = Recital(served([row(number) for number in range(3500, 1, -1)] + [row(1, work=(4, "A"))]))
    assert isinstance(await SOURCE.verify(tools, ANN, WANTED), Verified)
    assert [(call["from"], call["count"]) for _, call in tools.calls] == [(1, 1000), (1001, 1000), (2001, 1000), (3001, 1000)]
    assert {call["handle"] for _, call in tools.calls} == {"Ann"}


async def test_a_full_last_page_is_followed_by_an_empty_one():
    tools = Recital(served([row(number) for number in range(1000, 0, -1)]))
    verdict = await SOURCE.verify(tools, ANN, WANTED)
    assert verdict == NotVerified("an accepted submission to 4/A", "no submission to it among 1000")
    assert len(tools.calls) == 2


async def test_work_after_some_time_is_dated_as_an_import_would_date_it():
    """One problem, accepted 2500 times; the requirement asks for one of the last hundred."""
    tools = Recital(served([row(number) for number in range(2500, 0, -1)]))
    after = datetime.fromtimestamp(1_500_000_000 + 2400, UTC)
    verdict = await SOURCE.verify(tools, ANN, Requirement(contest_id=1, problem_index="B", after=after))
    assert isinstance(verdict, Verified)
    assert [evidence.metadata["submission"] for evidence in verdict.evidence] == [1]


async def test_a_server_that_repeats_itself_is_not_believed():
    page = json.dumps([row(number) for number in range(1000, 0, -1)])
    tools = Recital(lambda tool, arguments: page)
    with pytest.raises(Unavailable, match="repeated"):
        await SOURCE.verify(tools, ANN, WANTED)
    assert len(tools.calls) == 2


async def test_a_server_without_end_is_not_believed():
    def endless(tool, arguments):
        return json.dumps([row(arguments["from"] + place) for place in range(1000)])

    tools = Recital(endless)
    with pytest.raises(Unavailable, match="no end"):
        await SOURCE.verify(tools, ANN, WANTED)
    assert len(tools.calls) == MOST_PAGES


async def test_submissions_made_while_reading_shift_the_pages_and_lose_nothing():
    history = [row(number) for number in range(2500, 0, -1)]
    history[1000] = row(1500, work=(4, "A"))

    def answer(tool, arguments):
        text = served(list(history))(tool, arguments)
        history.insert(0, row(history[0]["id"] + 1))
        return text

    tools = Recital(answer)
    verdict = await SOURCE.verify(tools, ANN, WANTED)
    assert verdict.evidence[0].metadata["submission"] == 1500
    assert len(tools.calls) == 3


async def test_the_rating_history_is_asked_for_only_by_a_contest_of_ones_own():
    ratings = json.dumps(
        [{"contestId": 4, "contestName": "Beta", "handle": "ann", "rank": 3, "oldRating": 1500, "newRating": 1537}]
    )
    tools = Recital(served([row(1, work=(4, "A"), kind="CONTESTANT")], ratings))
    verdict = await SOURCE.verify(tools, ANN, WANTED)
    assert verdict.evidence[0].metadata["rating_change"] == 37
    assert [tool for tool, _ in tools.calls] == ["get_user_submissions", "get_user_rating_history"]
    tools = Recital(served([row(1, work=(4, "A"), kind="VIRTUAL")], ratings))
    await SOURCE.verify(tools, ANN, WANTED)
    assert [tool for tool, _ in tools.calls] == ["get_user_submissions"]


async def test_without_the_rating_history_there_is_no_verdict_yet():
    answer = served([row(1, work=(4, "A"), kind="CONTESTANT")], ToolFault("Error: API request failed"))
    with pytest.raises(Unavailable):
        await SOURCE.verify(Recital(answer), ANN, WANTED)


async def test_an_unknown_handle_is_not_found_and_a_limit_is_one():
    unknown = Recital(lambda *_: ToolFault("Error: Codeforces API error: handle: User with handle Ann not found"))
    with pytest.raises(NotFound, match="Ann"):
        await SOURCE.verify(unknown, ANN, WANTED)
    limited = Recital(lambda *_: ToolFault("Error: Codeforces API error: Call limit exceeded"))
    with pytest.raises(Unavailable) as refusal:
        await SOURCE.verify(limited, ANN, WANTED)
    assert refusal.value.limited


async def test_a_handle_that_would_change_the_question_is_never_sent():
    tools = Recital(served([]))
    with pytest.raises(InvalidRequirement):
        await SOURCE.verify(tools, Account("codeforces", "tourist&count=1#"), WANTED)
    assert tools.calls == []


async def test_figures_of_an_account():
    history = [row(3, work=(4, "A")), row(2), row(1), row(0 + 9, work=(5, "C"), verdict="WRONG_ANSWER")]
    stats = await SOURCE.get_user_stats(Recital(served(history)), ANN)
    assert stats == {"contest_rating": 1400.0, "problems_solved": 2.0}
