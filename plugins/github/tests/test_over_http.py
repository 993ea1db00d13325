"""The source over the wire: the official server behind its address, with a token from a file."""

import json

import httpx
import httpx2
import msgspec
import pytest

from skillcore.plugin import Account, NotFound, NotVerified, Refused, Unavailable, Verified
from skillcore.testing import MCP_URL, MCPResponder, ProtocolFault, ToolFault, tools_for
from skillcore_github import skillcore_plugin, skillcore_verification_sources
from skillcore_github.requirement import Contribution

ANN = Account("github", "ann")
WORK = Contribution("ann/work")
SHA = "0791cc7b1a706ab5d7c607ddff35de4d486ba3e9"
ROW = {
    "sha": SHA,
    "html_url": f"https://github.com/ann/work/commit/{SHA}",
    "commit": {"message": "Work", "author": {"name": "Ann", "email": "ann@example.invalid", "date": "2026-03-01T10:00:00Z"}},
    "author": {"login": "ann", "id": 7, "profile_url": "https://github.com/ann"},
}


@pytest.fixture
def source(tmp_path):
    """The source as an operator configures it for the remote server."""
    secret = tmp_path / "headers.json"
    secret.write_text('{"Authorization": "Bearer secret"}')
    server = {"url": MCP_URL, "headers": {"X-MCP-Toolsets": "repos,pull_requests"}, "headers_file": str(secret)}
    (configured,) = skillcore_verification_sources(msgspec.convert({"server": server}, skillcore_plugin().settings))
    return configured


@pytest.fixture
def verdict(httpx2_mock, source):
    async def verify(handler, requirement=WORK):
        httpx2_mock.route(url=MCP_URL).mock(side_effect=handler if isinstance(handler, MCPResponder) else MCPResponder(handler))
        async with tools_for(source, settings=source.server.settings) as tools:
            return await source.verify(tools, ANN, requirement)

    return verify


def raising(error):
    def handler(tool, arguments):
        raise error

    return handler


async def test_own_commits_are_asked_for_with_the_token(verdict, httpx2_mock):
    responder = MCPResponder(lambda tool, arguments: json.dumps([ROW]))
    assert isinstance(await verdict(responder), Verified)
    assert responder.calls == [("list_commits", {"owner": "ann", "repo": "work", "author": "ann", "page": 1, "perPage": 100})]
    headers = httpx2_mock.calls[0].request.headers
    assert (headers["authorization"], headers["x-mcp-toolsets"]) == ("Bearer secret", "repos,pull_requests")


async def test_no_commits_are_an_answer(verdict):
    assert isinstance(await verdict(lambda tool, arguments: "[]"), NotVerified)


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (
            raising(ToolFault("failed to list commits: GET https://api.github.com/repos/a/b/commits: 404 Not Found []")),
            NotFound,
        ),
        (raising(ProtocolFault("failed: GET https://api.github.com/repos/a/b/commits: 404 Not Found []")), NotFound),
        (raising(ToolFault("failed to list commits: GET https://api.github.com/repos/a/b: 401 Bad credentials []")), Refused),
        (lambda tool, arguments: httpx.Response(401, text="unauthorized"), Refused),
        (lambda tool, arguments: "missing required parameter: owner", Unavailable),
        (lambda tool, arguments: json.dumps("<!DOCTYPE html><html></html>"), Unavailable),
        (lambda tool, arguments: json.dumps([ROW])[:-20], Unavailable),
        (raising(httpx2.ReadTimeout("too late")), Unavailable),
    ],
)
async def test_anything_else_is_an_error_of_its_kind(verdict, handler, kind):
    with pytest.raises(kind) as refusal:
        await verdict(handler)
    assert type(refusal.value) is kind


async def test_a_ration_is_told_with_its_time(verdict):
    with pytest.raises(Unavailable) as refusal:
        await verdict(lambda tool, arguments: httpx.Response(429, headers={"Retry-After": "7"}, text="slow down"))
    assert (refusal.value.limited, refusal.value.retry_after) == (True, 7.0)
