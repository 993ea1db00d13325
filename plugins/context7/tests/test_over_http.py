"""The advisor over the wire: the hosted server behind its address."""

import httpx
import pytest

from skillcore.plugin import PathTopic, Refused, ServerSettings, Unavailable
from skillcore.testing import MCP_URL, MCPResponder, tools_for
from skillcore_context7 import Settings
from skillcore_context7.advisor import Context7

ADVISOR = Context7(Settings(server=ServerSettings(url=MCP_URL)).server)
LIBRARY = """Available Libraries:

- Title: Ajv
- Context7-compatible library ID: /ajv-validator/ajv
- Description: Validates data.
- Source Reputation: High"""
DOCUMENT = "### Start\n\nSource: https://ajv.js.org/guide\n\nRead on."


@pytest.fixture
def advice(httpx2_mock):
    """Advise on one topic with a server that answers its two tools so."""

    async def advise(**answers):
        responder = MCPResponder(lambda tool, arguments: answers["libraries" if tool == "resolve-library-id" else "document"])
        httpx2_mock.route(url=MCP_URL).mock(side_effect=responder)
        async with tools_for(ADVISOR) as tools:
            return await ADVISOR.advise(tools, (PathTopic("Validation", "Ajv"),))

    return advise


async def test_advice_over_http(advice):
    (each,) = await advice(libraries=LIBRARY, document=DOCUMENT)
    assert (each.kind, each.citations) == ("documented", ("https://ajv.js.org/guide",))


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"libraries": "Failed to retrieve library documentation data from Context7"}, Unavailable),
        ({"libraries": LIBRARY, "document": "<!DOCTYPE html><html></html>"}, Unavailable),
        ({"libraries": LIBRARY, "document": "Documentation not found or not finalized for this library."}, Unavailable),
        ({"libraries": "Invalid API key. Please check your API key."}, Refused),
        ({"libraries": httpx.Response(401, text="unauthorized")}, Refused),
        ({"libraries": httpx.Response(503, text="down")}, Unavailable),
    ],
)
async def test_failures_give_no_advice(advice, answers, kind):
    with pytest.raises(kind):
        await advice(**answers)
