"""Answers as lines for people, written out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct

from skillcore.cli.outline import built, outline
from skillcore.runtime.pages import Page

NOON = datetime(2026, 3, 1, 12, 30, 59, tzinfo=UTC)


class Row(Struct):
    """One of a list."""

    name: str
    reached_at: datetime | None = None


class Deep(Struct):
    """One that holds a list of others."""

    words: str
    rows: list[Row]


class Answer(Struct):
    """Whatever an answer may hold."""

    some: Any


def told(some: Any) -> list[str]:
    return list(outline(Answer(some)))


def test_plain_values_stand_behind_their_names() -> None:
    assert told(date(2026, 3, 1)) == ["some: 2026-03-01"]
    assert told(NOON) == ["some: 2026-03-01 12:30 UTC"]
    assert told(NOON.astimezone(ZoneInfo("Europe/Vienna"))) == ["some: 2026-03-01 13:30 CET"]
    assert [told(one)[0] for one in (True, False, 0, 12345678, "words")] == [
        "some: yes",
        "some: no",
        "some: 0",
        "some: 12345678",
        "some: words",
    ]


def test_numbers_have_six_digits_and_no_more_zeros_than_they_need() -> None:
    assert [told(one)[0] for one in (0.5, 1e9, 1 / 3, -0.0000001, 1500.0)] == [
        "some: 0.5",
        "some: 1000000000",
        "some: 0.333333",
        "some: 0",
        "some: 1500",
    ]


def test_where_there_is_nothing_a_word_says_so() -> None:
    assert {tuple(told(one)) for one in (None, "", [], {}, ())} == {("some: none",)}
    assert list(outline(Page([]))) == ["none"]


def test_lists_of_words_stand_on_a_line_and_lists_of_rows_in_a_table() -> None:
    assert told(["dug", 2, None]) == ["some: dug, 2, none"]
    assert told([Row("dug", NOON), Row("watered")]) == [
        "some",
        "  name     reached at",
        "  dug      2026-03-01 12:30 UTC",
        "  watered  none",
    ]


def test_rows_that_are_too_wide_or_hold_others_become_blocks() -> None:
    assert told([Row("x" * 120)]) == ["some", "  - name: " + "x" * 120, "    reached at: none"]
    assert told([Deep("one", [Row("dug")]), Deep("two", [])]) == [
        "some",
        "  - words: one",
        "    rows",
        "      name  reached at",
        "      dug   none",
        "  - words: two",
        "    rows: none",
    ]
    assert told([[1, 2], [], [{"a": 1}]]) == ["some", "  - 1, 2", "  - none", "  - a", "    1"]


def test_rows_of_different_fields_become_blocks() -> None:
    assert told([{"a": 1}, {"b": 2}]) == ["some", "  - a: 1", "  - b: 2"]


def test_a_page_says_how_to_go_on() -> None:
    assert list(outline(Page([Row("dug")], "abc"))) == [
        "name  reached at",
        "dug   none",
        "and more: go on with --cursor abc",
    ]


def test_no_text_begins_a_line_or_steers_the_terminal() -> None:
    hostile = "a\n- b\r\x1b[2J\u202e\u2028c"
    shown = "a\\n- b\\r\\x1b[2J\\u202e\\u2028c"
    assert told(hostile) == [f"some: {shown}"]
    assert told({hostile: [hostile, {hostile: hostile}]}) == ["some", f"  {shown}", f"    - {shown}", f"    - {shown}: {shown}"]
    assert told([Row(hostile)]) == ["some", f"  name{' ' * (len(shown) - 4)}  reached at", f"  {shown}  none"]


def test_an_answer_is_built_as_the_service_encodes_it() -> None:
    """Which takes numbers of numpy for what they are."""
    assert built(Answer([np.float64(0.5), NOON])) == {"some": [0.5, "2026-03-01T12:30:59Z"]}
