"""The kit's tools of destruction: answers damaged in every place, and servers that never end."""

import json

import pytest

from skillcore.testing import accidents
from skillcore.testing.endless import endless_handlers
from skillcore.testing.mutations import changed, cuts, places
from skillcore.testing.recordings import call_of

DOCUMENT = {"rows": [{"id": 7, "name": "a", "next": None}], "total": 1, "more": False, "page": 1}
TEXT = json.dumps(DOCUMENT)


def test_every_place_of_a_document_is_found():
    found = [path for path, _ in places(DOCUMENT)]
    rows = [("rows",), ("rows", 0), ("rows", 0, "id"), ("rows", 0, "name"), ("rows", 0, "next")]
    assert found == [(), *rows, ("total",), ("more",), ("page",)]


def test_accidents_change_one_place_and_leave_the_text_as_it_was():
    texts = list(accidents(TEXT))
    assert json.dumps(DOCUMENT) == TEXT
    assert len(set(texts)) > 80
    without = [json.loads(text) for text in texts if "more" not in json.loads(text)]
    assert without == [{"rows": DOCUMENT["rows"], "total": 1, "page": 1}]
    assert any(isinstance(json.loads(text).get("rows"), dict) for text in texts)


def test_fewer_accidents_are_spread_over_all_places():
    texts = [json.loads(text) for text in accidents(TEXT, most=30)]
    assert len(texts) == 30
    for key, value in DOCUMENT.items():
        assert any(text.get(key) != value for text in texts), key
    assert len(list(accidents(TEXT, most=10_000))) == len(list(accidents(TEXT)))


def test_spared_keys_stay():
    assert all(json.loads(text)["total"] == 1 for text in accidents(TEXT, spare=("total",)))


@pytest.mark.parametrize(("path", "value", "expected"), [(("a", 0), 2, {"a": [2]}), (("a",), None, {"a": None})])
def test_a_change_is_made_in_a_copy(path, value, expected):
    document = {"a": [1]}
    assert json.loads(changed(document, path, value)) == expected
    assert document == {"a": [1]}


def test_cuts_are_shorter_and_never_lack_blanks_alone():
    assert list(cuts("[1, 2]  \n")) == ["", "[", "[1", "[1,", "[1, ", "[1, 2"]


def pages(handler, number):
    return [json.loads(handler("list", {"count": 3})) for _ in range(number)]


def test_endless_servers_fill_their_pages_and_point_on():
    handlers = list(endless_handlers(lambda tool, arguments: "other", call_of("list", {"count": 3}), TEXT))
    told = [pages(handler, 2) for handler in handlers]
    assert all(len(page["rows"]) == 3 for pair in told for page in pair)
    repeated, fresh = told[0], told[1]
    assert repeated[0] == repeated[1]
    assert len({row["id"] for page in fresh for row in page["rows"]}) == 6
    beyond = [pair[0] for pair in told if pair[0]["more"]]
    assert {page["total"] for page in beyond} == {1_000_000_000, 1_000_000, 100_000}
    assert {page["page"] for page in beyond} == {1}
    assert all(handler("another", {}) == "other" for handler in handlers)


@pytest.mark.parametrize("text", ["", "no JSON", "7", '"text"'])
def test_what_is_no_document_has_no_pages(text):
    assert list(endless_handlers(lambda tool, arguments: "", call_of("list", {}), text)) == []
