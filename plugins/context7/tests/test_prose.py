"""The parsers of prose against what was recorded: ``data/mcp/quotes.json`` and rows of ``upstream/observed.md``."""

import json

import pytest

from skillcore.plugin import Refused, Unavailable
from skillcore_context7.prose import read_libraries, read_snippets

LIBRARIES = """Available Libraries:

- Title: Ajv
- Context7-compatible library ID: /websites/ajv_js
- Description: Validates data.
- Code Snippets: 641
- Source Reputation: High
- Benchmark Score: 77
----------
- Title: Ajv Formats
- Context7-compatible library ID: /ajv-validator/ajv-formats
- Description: Formats for Ajv,
in two lines.
- Source Reputation: Unknown
- Versions: v3.0.1, v2.1.0
- Source: website"""
DOCUMENT = """### Start with Ajv

Source: https://ajv.js.org/guide

Ajv needs JSON Schema.

```javascript
const Ajv = require("ajv")
```

--------------------------------

### Formats

Source: https://ajv.js.org/formats

Add formats."""


@pytest.fixture(scope="module")
def quotes(shared):
    quoted = json.loads((shared / "data" / "mcp" / "quotes.json").read_text("utf-8"))
    return {
        (row["tool"], row.get("query") or row.get("library")): row["text"] for row in quoted if "text" in row and "tool" in row
    }


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Ajv", ["/websites/ajv_js", "/ajv-validator/ajv", "/ajv-validator/ajv-formats"]),
        ("LWC headless quick action", ["/salesforce/lwc", "/evanbacon/expo-quick-actions", "/auraphp/aura.router"]),
    ],
)
def test_recorded_lists_of_libraries_are_read(quotes, query, ids):
    assert [library.id for library in read_libraries(quotes["resolve-library-id", query])] == ids


def test_a_recorded_library_keeps_its_facts(quotes):
    library = read_libraries(quotes["resolve-library-id", "Ajv"])[1]
    assert (library.title, library.snippets, library.versions) == ("Ajv", 547, ("v8.17.1",))
    assert library.description.startswith("The fastest JSON Schema validator")


@pytest.mark.parametrize(
    ("library", "sources"),
    [
        (
            "/websites/ajv_js",
            ["https://ajv.js.org/json-schema", "https://ajv.js.org/json-schema", "https://ajv.js.org/guide/schema-language"],
        ),
        (
            "/salesforce/lwc",
            ["https://github.com/salesforce/lwc/blob/master/packages/@lwc/integration-wdio/README.md"] * 2,
        ),
    ],
)
def test_recorded_documentation_is_read(quotes, library, sources):
    snippets = read_snippets(quotes["query-docs", library])
    assert [snippet.source for snippet in snippets] == sources
    assert all("```" in snippet.text for snippet in snippets)


def test_a_recorded_failure_is_no_answer(quotes):
    with pytest.raises(Unavailable):
        read_libraries(quotes["resolve-library-id", None])


def test_every_fault_observed_is_unavailable(observed):
    """`observed.md`, Context7: no tool reports a failure as one, so each must be known by its text.

    Half a document is a shorter one, but for the code that it breaks off in; the cell keeps only its beginning.
    """
    rows = [row for row in observed if row["section"].startswith("Context7") and row["isError"] == "false"]
    faults = [row for row in rows if row["upstream"] not in {"good", "slow, 3 s"}]
    faults = [row for row in faults if not row["first 200 characters"].startswith("### ")]
    assert len(faults) > 10
    for row in faults:
        read = read_libraries if row["tool"] == "resolve-library-id" else read_snippets
        with pytest.raises(Unavailable) as refusal:
            read(row["first 200 characters"])
        assert refusal.value.limited == (row["upstream"] == "429"), row


def test_an_unknown_library_is_an_answer(observed):
    """`observed.md`, Context7: a name that nothing resembles."""
    (row,) = [row for row in observed if "no such library" in row["input"]]
    assert read_libraries(row["first 200 characters"]) == ()


def test_all_fields_of_a_list_are_read():
    first, second = read_libraries(LIBRARIES)
    assert (first.id, first.snippets, first.versions) == ("/websites/ajv_js", 641, ())
    assert (second.description, second.snippets) == ("Formats for Ajv,\nin two lines.", None)
    assert second.versions == ("v3.0.1", "v2.1.0")


def test_a_note_on_filters_does_not_hide_the_list():
    note = "**Note:** Your results only include libraries matching your filters.\n\n- Title"
    assert len(read_libraries(LIBRARIES.replace("- Title", note, 1))) == 2


def test_all_snippets_are_read():
    first, second = read_snippets(DOCUMENT)
    assert (first.title, first.source) == ("Start with Ajv", "https://ajv.js.org/guide")
    assert (second.title, second.text) == ("Formats", "Add formats.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Available Libraries:",
        "Available Libraries:\n\n",
        LIBRARIES.replace("- Source Reputation: High\n", ""),
        LIBRARIES.replace("/websites/ajv_js", "Ajv"),
        LIBRARIES.replace("641", "many"),
        LIBRARIES[: LIBRARIES.index("- Source Reputation: Unknown")],
        f"<html>{LIBRARIES}</html>",
        LIBRARIES + "\nError: terminated",
        DOCUMENT,
    ],
)
def test_no_other_text_is_a_list_of_libraries(text):
    with pytest.raises(Unavailable):
        read_libraries(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "### Title",
        DOCUMENT.replace("Source: https://ajv.js.org/guide\n", ""),
        DOCUMENT.replace("https://ajv.js.org/formats", "nowhere"),
        f"<html>{DOCUMENT}</html>",
        DOCUMENT[: DOCUMENT.index('require("ajv")')],
        "Documentation not found or not finalized for this library.",
        "The library you are trying to access does not exist. Please try with a different library ID.",
        LIBRARIES,
    ],
)
def test_no_other_text_is_documentation(text):
    with pytest.raises(Unavailable):
        read_snippets(text)


def test_a_key_that_is_not_accepted_is_refused():
    text = "Invalid API key. Please check your API key. API keys should start with 'ctx7sk' prefix."
    for read in (read_libraries, read_snippets):
        with pytest.raises(Refused):
            read(text)
