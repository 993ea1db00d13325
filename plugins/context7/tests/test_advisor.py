"""What the advisor makes of the server's answers, and what it makes of damaged ones."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillcore.plugin import Advice, PathTopic, Unavailable
from skillcore.testing import Recital
from skillcore_context7 import skillcore_path_advisors, skillcore_plugin
from skillcore_context7.advice import split_version

LIBRARIES = """Available Libraries:

- Title: Ajv Formats
- Context7-compatible library ID: /ajv-validator/ajv-formats
- Description: Formats for Ajv.
- Source Reputation: High
----------
- Title: Ajv
- Context7-compatible library ID: /ajv-validator/ajv
- Description: Validates data.
- Code Snippets: 547
- Source Reputation: High
- Versions: v8.17.1"""
DOCUMENT = """### Start with Ajv

Source: https://ajv.js.org/guide

Using Ajv requires knowledge of JSON Schema. Promises are mentioned too.

```javascript
// this needs Node streams
```

--------------------------------

### Start again

Source: https://ajv.js.org/guide

Read on."""
NONE = "No libraries found matching the provided name."
HTML = "<!DOCTYPE html><html><head><title>Temporarily unavailable</title></head></html>"
SCHEMA, STREAMS, PROMISES = PathTopic("JSON Schema"), PathTopic("Node streams"), PathTopic("Promises")
VALIDATION = PathTopic("Validation", "Ajv")


@pytest.fixture
def advisor():
    (offered,) = skillcore_path_advisors(skillcore_plugin().settings())
    return offered


def answering(libraries=LIBRARIES, document=DOCUMENT):
    return Recital(lambda tool, arguments: {"resolve-library-id": libraries, "query-docs": document}[tool])


def test_the_plugin_offers_one_advisor_with_the_pinned_server(advisor):
    assert skillcore_plugin().contract == ">=1.1,<2"
    assert (advisor.name, advisor.server.settings.args) == ("context7", ("-y", "@upstash/context7-mcp@4.1.1"))


def test_the_tools_are_those_of_the_server(advisor, shared):
    """`mcp/tools-context7.json`."""
    text = (shared / "mcp" / "tools-context7.json").read_text("utf-8")
    assert all(
        f'"name": "{tool.name}"' in text and all(f'"{name}": {{' in text for name in tool.arguments)
        for tool in advisor.server.tools
    )


async def test_a_documented_topic_is_cited(advisor):
    tools = answering()
    advice = await advisor.advise(tools, (VALIDATION,))
    message = "Ajv (/ajv-validator/ajv) is documented: Start with Ajv, Start again"
    assert advice == (Advice("Validation", "documented", message, citations=("https://ajv.js.org/guide",)),)
    assert tools.calls == [
        ("resolve-library-id", {"query": "Validation", "libraryName": "Ajv"}),
        ("query-docs", {"libraryId": "/ajv-validator/ajv", "query": "Validation"}),
    ]


@pytest.mark.parametrize(
    ("library", "sought", "found"),
    [
        ("Ajv@8.17.1", "Ajv", "/ajv-validator/ajv/v8.17.1"),
        ("ajv@v8.17.1", "ajv", "/ajv-validator/ajv/v8.17.1"),
        ("/ajv-validator/ajv", "ajv", "/ajv-validator/ajv"),
        ("Ajv-Formats", "Ajv-Formats", "/ajv-validator/ajv-formats"),
    ],
)
async def test_a_library_may_have_a_version_or_be_an_id(advisor, library, sought, found):
    tools = answering()
    await advisor.advise(tools, (PathTopic("Validation", library),))
    assert [arguments.get("libraryName") or arguments["libraryId"] for _, arguments in tools.calls] == [sought, found]


@pytest.mark.parametrize(
    ("text", "parts"), [("a", ("a", "")), ("a@1", ("a", "1")), ("@a/b", ("@a/b", "")), ("@a/b@2", ("@a/b", "2"))]
)
def test_names_and_versions_are_told_apart(text, parts):
    assert split_version(text) == parts


async def test_a_library_that_only_resembles_the_name_is_a_suggestion(advisor):
    advice = await advisor.advise(answering(), (PathTopic("Validation", "Yup"),))
    assert [(each.kind, each.suggestions) for each in advice] == [
        ("undocumented", ("Ajv Formats (/ajv-validator/ajv-formats)", "Ajv (/ajv-validator/ajv)"))
    ]


async def test_an_undocumented_version_is_told_with_those_that_are(advisor):
    (advice,) = await advisor.advise(answering(), (PathTopic("Validation", "Ajv@6"),))
    assert (advice.kind, advice.suggestions) == ("undocumented", ("v8.17.1", "/ajv-validator/ajv"))


async def test_an_unknown_library_is_undocumented(advisor):
    (advice,) = await advisor.advise(answering(NONE), (PathTopic("Validation", "Yup"),))
    assert (advice.kind, advice.suggestions) == ("undocumented", ())


async def test_topics_without_a_library_are_left_alone(advisor):
    tools = answering()
    assert await advisor.advise(tools, (SCHEMA, PathTopic("Empty", " "))) == ()
    assert tools.calls == []


async def test_a_topic_that_the_documentation_needs_is_hinted_at(advisor):
    """Not one that is merely mentioned, nor one that is needed in code only."""
    advice = await advisor.advise(answering(), (SCHEMA, STREAMS, PROMISES, VALIDATION))
    assert [(each.topic, each.kind, each.suggestions, each.citations) for each in advice[1:]] == [
        ("Validation", "prerequisite", ("JSON Schema",), ("https://ajv.js.org/guide",))
    ]


@pytest.mark.parametrize(
    "topics",
    [
        (SCHEMA, PathTopic("Validation", "Ajv", ("JSON Schema",))),
        (PathTopic("JSON Schema", prerequisites=("Validation",)), VALIDATION),
        (PathTopic("JSON", "Ajv"), VALIDATION),
    ],
)
async def test_a_known_order_is_not_hinted_at(advisor, topics):
    advice = await advisor.advise(answering(), topics)
    assert {each.kind for each in advice} == {"documented"}


@pytest.mark.parametrize(("libraries", "document"), [(HTML, DOCUMENT), (LIBRARIES, HTML), ("", DOCUMENT), (LIBRARIES, "")])
async def test_an_answer_that_is_none_gives_no_advice(advisor, libraries, document):
    with pytest.raises(Unavailable):
        await advisor.advise(answering(libraries, document), (VALIDATION,))


async def test_health_tells_an_outage_behind_the_server(advisor):
    assert await advisor.health_check(answering()) is None
    assert await advisor.health_check(answering(NONE)) is None
    assert "Temporarily unavailable" in await advisor.health_check(answering(HTML))


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, max(len(LIBRARIES), len(DOCUMENT)) - 1), foreign=st.sampled_from(["", HTML, "terminated", "null"]))
def test_damage_is_an_outage_or_leaves_less_of_the_same(cut, foreign):
    """A list that ends after one of its libraries is a shorter list, so a cut there can cost a library, but invent none."""
    (offered,) = skillcore_path_advisors(skillcore_plugin().settings())
    for libraries, document in ((LIBRARIES[:cut] + foreign, DOCUMENT), (LIBRARIES, DOCUMENT[:cut] + foreign)):
        try:
            (advice,) = asyncio.run(offered.advise(answering(libraries, document), (VALIDATION,)))
        except Unavailable:
            continue
        if advice.kind == "documented":
            assert advice.citations == ("https://ajv.js.org/guide",)[: len(advice.citations)]
        else:
            assert advice.suggestions == ("Ajv Formats (/ajv-validator/ajv-formats)",)
