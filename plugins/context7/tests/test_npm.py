"""The advisor through the published server, in good weather and bad. The web behind it is the stand-in's recorded one."""

import msgspec
import pytest

from skillcore.plugin import PathTopic, Unavailable
from skillcore.testing import tools_for
from skillcore.testing.tools import ONE_BY_ONE
from skillcore_context7 import Settings
from skillcore_context7.advisor import Context7

pytestmark = pytest.mark.npm

ADVISOR = Context7(Settings().server)
SHORT = msgspec.structs.replace(ONE_BY_ONE, call_timeout=2.5)
VALIDATION = PathTopic("draft 2020-12", "Ajv")


@pytest.fixture
def server(npm_server):
    """Settings of the published server, the version that the plugin starts by default."""
    settings = npm_server("context7")
    assert Settings().server.args[-1] in settings.command.replace("+", "/")
    return settings


async def test_recorded_libraries_and_documents_become_advice(server):
    """`data/mcp/quotes.json`: the lists for Ajv and LWC, and a document of each."""
    topics = (
        VALIDATION,
        PathTopic("headless quick action", "LWC"),
        PathTopic("validation", "no such library"),
        PathTopic("Logic"),
    )
    async with tools_for(ADVISOR, settings=server) as tools:
        advice = await ADVISOR.advise(tools, topics)
    assert [(each.topic, each.kind, each.citations, each.suggestions) for each in advice] == [
        ("draft 2020-12", "documented", ("https://ajv.js.org/json-schema", "https://ajv.js.org/guide/schema-language"), ()),
        (
            "headless quick action",
            "documented",
            ("https://github.com/salesforce/lwc/blob/master/packages/@lwc/integration-wdio/README.md",),
            (),
        ),
        ("validation", "undocumented", (), ()),
    ]


async def test_what_only_resembles_a_name_is_suggested(server):
    async with tools_for(ADVISOR, settings=server) as tools:
        (advice,) = await ADVISOR.advise(tools, (PathTopic("formats", "Forma"),))
    assert (advice.kind, advice.suggestions) == ("undocumented", ("Ajv Formats (/ajv-validator/ajv-formats)",))


async def test_a_version_is_looked_up(server):
    async with tools_for(ADVISOR, settings=server) as tools:
        (advice,) = await ADVISOR.advise(tools, (PathTopic("formats", "Ajv Formats@2"),))
    assert (advice.kind, advice.suggestions) == ("undocumented", ("v3.0.1", "/ajv-validator/ajv-formats"))


async def test_a_fault_makes_no_advice_and_leaves_no_trace(server, upstream):
    """On either of the two calls; half a document of these would still be one, so the cut comes at the list."""
    async with tools_for(ADVISOR, settings=server, resilience=SHORT) as tools:
        for mode in ("500", "429", "403", "drop", "html", "garbage", "empty", "hang"):
            paths = ["/api/v2/libs/search"] if mode in {"garbage", "hang"} else ["/api/v2/libs/search", "/api/v2/context"]
            for path in paths:
                upstream.faults.set("context7", mode, path=path)
                with pytest.raises(Unavailable) as refusal:
                    await ADVISOR.advise(tools, (VALIDATION,))
                assert refusal.value.limited == (mode == "429"), (mode, path)
                upstream.faults.lift()
            (advice,) = await ADVISOR.advise(tools, (VALIDATION,))
            assert advice.kind == "documented", mode


async def test_health_tells_an_outage_behind_the_server(server, upstream):
    async with tools_for(ADVISOR, settings=server) as tools:
        assert await ADVISOR.health_check(tools) is None
        upstream.faults.set("context7", "500")
        assert "status 500" in await ADVISOR.health_check(tools)
