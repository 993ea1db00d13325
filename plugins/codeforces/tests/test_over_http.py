"""The source over the wire: a server behind an address, as ``url`` in the settings makes it."""

import json

import httpx
import httpx2
import pytest

from skillcore.plugin import Account, NotFound, Refused, ServerSettings, Unavailable, Verified
from skillcore.testing import MCP_URL, MCPResponder, ToolFault, tools_for
from skillcore_codeforces import Codeforces, Requirement, Settings

SOURCE = Codeforces(Settings().server)
ANN = Account("codeforces", "ann")
WATERMELON = Requirement(contest_id=4, problem_index="A")
ROW = {
    "id": 7,
    "creationTimeSeconds": 1_500_000_000,
    "problem": {"contestId": 4, "index": "A", "name": "Watermelon", "tags": ["math"], "rating": 800},
    "author": {"members": [{"handle": "ann"}], "participantType": "PRACTICE"},
    "verdict": "OK",
}


@pytest.fixture
def verdict(httpx2_mock):
    """Verify Ann's work at a server that answers every call in one way."""

    async def verify(handler):
        httpx2_mock.route(url=MCP_URL).mock(side_effect=MCPResponder(handler))
        async with tools_for(SOURCE, settings=ServerSettings(url=MCP_URL)) as tools:
            return await SOURCE.verify(tools, ANN, WATERMELON)

    return verify


def raising(error):
    def handler(tool, arguments):
        raise error

    return handler


async def test_an_accepted_submission_is_verified(verdict):
    answer = await verdict(lambda tool, arguments: json.dumps([ROW], indent=2))
    assert isinstance(answer, Verified)
    assert answer.evidence[0].work == "4/A"


async def test_failures_that_the_server_reports_are_told_apart(verdict):
    with pytest.raises(NotFound):
        await verdict(raising(ToolFault("Error: Codeforces API error: handle: User with handle ann not found")))


@pytest.mark.parametrize(
    ("handler", "limited"),
    [
        (raising(ToolFault("Error: Codeforces API error: Call limit exceeded")), True),
        (raising(ToolFault("Error: API request failed")), False),
        (raising(httpx2.ReadTimeout("too late")), False),
        (raising(httpx2.RemoteProtocolError("cut off")), False),
        (lambda tool, arguments: httpx.Response(429, headers={"Retry-After": "7"}), True),
        (lambda tool, arguments: httpx.Response(503, text="<html>Temporarily unavailable</html>"), False),
        (lambda tool, arguments: "<!DOCTYPE html><html></html>", False),
        (lambda tool, arguments: json.dumps([ROW])[:-40], False),
        (lambda tool, arguments: "", False),
        (lambda tool, arguments: '{"status": "OK", "result": []}', False),
    ],
)
async def test_whatever_is_no_answer_is_an_outage(verdict, handler, limited):
    with pytest.raises(Unavailable) as refusal:
        await verdict(handler)
    assert refusal.value.limited == limited


async def test_a_server_that_wants_other_credentials_is_refused(verdict):
    with pytest.raises(Refused):
        await verdict(lambda tool, arguments: httpx.Response(401))
