"""The source over the wire: a server behind an address, as ``url`` in the settings makes it."""

import json

import httpx
import httpx2
import pytest

from skillcore.plugin import Account, NotFound, NotVerified, ServerSettings, Unavailable, Verified
from skillcore.testing import MCP_URL, MCPResponder, ToolFault, tools_for
from skillcore_leetcode import LeetCode, Requirement, Settings

SOURCE = LeetCode(Settings().server)
ANN = Account("leetcode", "ann")
TWO_SUM = Requirement(problem_slug="two-sum")
ANSWERS = {
    "get_recent_ac_submissions": {
        "username": "ann",
        "submissions": {"data": {"recentAcSubmissionList": [{"titleSlug": "two-sum", "timestamp": 1_651_309_989}]}},
    },
    "get_user_profile": {"username": "ann", "profile": {"username": "ann"}},
    "get_problem": {
        "titleSlug": "two-sum",
        "problem": {"titleSlug": "two-sum", "title": "Two Sum", "difficulty": "Easy", "topicTags": ["array"]},
    },
}
EMPTY = {"username": "ann", "submissions": {"data": {"recentAcSubmissionList": []}}}
NOBODY = {"allQuestionsCount": [{"difficulty": "All", "count": 4029}], "matchedUser": None, "recentSubmissionList": []}


@pytest.fixture
def verdict(httpx2_mock):
    """Verify Ann's work at a server that answers as given, tool by tool; a tool without an answer has a good one."""

    async def verify(**given):
        def handler(tool, arguments):
            answer = given.get(tool, json.dumps(ANSWERS[tool]))
            if isinstance(answer, Exception):
                raise answer
            return answer

        httpx2_mock.route(url=MCP_URL).mock(side_effect=MCPResponder(handler))
        async with tools_for(SOURCE, settings=ServerSettings(url=MCP_URL)) as tools:
            return await SOURCE.verify(tools, ANN, TWO_SUM)

    return verify


async def test_the_three_answers_of_a_good_day(verdict):
    assert isinstance(await verdict(), Verified)
    assert isinstance(await verdict(get_recent_ac_submissions=json.dumps(EMPTY)), NotVerified)
    profile = json.dumps({"username": "ann", "profile": NOBODY})
    with pytest.raises(NotFound):
        await verdict(get_recent_ac_submissions=json.dumps(EMPTY), get_user_profile=profile)


BAD = [
    ('{"error":"Failed to fetch recent submissions","message":"HTTP 429 Too Many Requests: error code: 1015"}', True),
    ('{"error":"Failed to fetch recent submissions","message":"HTTP 403 Forbidden: <html>"}', False),
    (ToolFault("HTTP 429 Too Many Requests: error code: 1015"), True),
    (ToolFault("HTTP 500 Internal Server Error: <html>"), False),
    ('{"errors":[{"message":"Something went wrong"}],"data":null}', False),
    ("<!DOCTYPE html><html></html>", False),
    ("", False),
    ("null", False),
    (httpx2.ReadTimeout("too late"), False),
    (httpx.Response(502, text="<html></html>"), False),
]


@pytest.mark.parametrize(("answer", "limited"), BAD)
async def test_whatever_is_no_answer_is_an_outage_for_each_tool(verdict, answer, limited):
    given = [
        {"get_recent_ac_submissions": answer},
        {"get_problem": answer},
        {"get_recent_ac_submissions": json.dumps(EMPTY), "get_user_profile": answer},
    ]
    for answers in given:
        with pytest.raises(Unavailable) as refusal:
            await verdict(**answers)
        assert refusal.value.limited == limited
