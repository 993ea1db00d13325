"""Texts of people: what is left out, how wide they are, where they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.charts.text import clean, clusters, fit, isolate, width, wrap
from tests.charts.hostile import TEXTS

JOIN = "\u200c"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("  two\t\n words\u00a0 ", "two words"),
        ("a\x00b\x1b[0m\x7f\x9f", "ab[0m"),
        ("\u202eleft\u202c\u2066\u200e", "left"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\ud800a\ufffe\uffff\ufdd0\U0001ffff", "a"),
        ("👩\u200d💻", "👩\u200d💻"),
        (f"\u0645\u06cc{JOIN}\u062e", f"\u0645\u06cc{JOIN}\u062e"),
        ("z" + "\u0301" * 9, "z" + "\u0301" * 4),
        ("<&>\"'", "<&>\"'"),
        ("", ""),
    ],
)
def test_only_what_can_stand_on_a_line_is_kept(text, cleaned):
    assert clean(text) == cleaned


def test_what_is_empty_gets_a_name():
    assert clean("\x00 \u200b", "unnamed") == "unnamed"


@given(TEXTS)
def test_cleaning_twice_changes_nothing(text):
    assert clean(clean(text)) == clean(text)


def test_widths_are_those_of_the_face():
    assert width("Will", 10) == pytest.approx(9.89 + 3 * 2.78)
    assert width("Will", 10, bold=True) == pytest.approx(11.03 + 3 * 3.43)
    assert width("é", 10) == width("e", 10) == pytest.approx(6.15)
    assert width("e\u0301", 10) == pytest.approx(6.15)


@pytest.mark.parametrize(
    ("text", "room", "fitted"),
    [
        ("aaaa", 24.6, "aaaa"),
        ("aaaa", 24.0, "aa…"),
        ("aaaa", 22.2, "a…"),
        ("aa aa", 26.0, "aa…"),
        ("aaaa", 1.0, "…"),
        ("", 1.0, ""),
    ],
)
def test_a_text_is_cut_where_its_room_ends(text, room, fitted):
    assert fit(text, room, 10) == fitted


@given(TEXTS.map(clean), st.floats(12, 300))
def test_what_is_cut_fits_and_begins_alike(text, room):
    short = fit(text, room, 12)
    assert width(short, 12) <= max(room, width("…", 12)) + 1e-6
    assert short == text or text.startswith(short.removesuffix("…"))


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("ab", ["a", "b"]),
        ("e\u0301a", ["e\u0301", "a"]),
        ("👩\u200d💻x", ["👩\u200d💻", "x"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("🇫🇷🇩🇪", ["🇫🇷", "🇩🇪"]),
        ("", []),
    ],
)
def test_signs_stay_whole(text, signs):
    assert list(clusters(text)) == signs


@given(TEXTS)
def test_signs_make_up_the_text(text):
    assert "".join(clusters(text)) == text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one", ("one",)),
        ("one two", ("one two",)),
        ("one two three four", ("one two", "three four")),
        ("one two three four five six", ("one two", "three fou…")),
        ("onetwothreefour", ("onetwothr", "eefour")),
        ("", ()),
    ],
)
def test_lines_break_at_blanks(text, lines):
    assert wrap(text, 56.0, 10, 2) == lines


@given(TEXTS.map(clean), st.floats(40, 300), st.integers(1, 4))
def test_lines_keep_to_their_room(text, room, most):
    lines = wrap(text, room, 12, most)
    assert len(lines) <= most
    assert all(width(line, 12) <= room + 1e-6 or len(list(clusters(line))) == 1 for line in lines)
    if lines and not lines[-1].endswith("…"):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "isolated"),
    [("abc", "abc"), ("\u0628\u062f", "\u2068\u0628\u062f\u2069"), ("a שלום", "\u2068a שלום\u2069"), ("競技", "競技")],
)
def test_what_reads_from_the_right_is_kept_apart(text, isolated):
    assert isolate(text) == isolated
