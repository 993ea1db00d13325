"""What is said of findings, judged together."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from skillcore.insight.patterns.findings import Figure, Finding, judged

FINDING = Finding(
    name="rhythm",
    group="time",
    unit="weeks",
    n=12,
    needed=10,
    p=0.02,
    effect=0.25,
    effect_is="variance",
    words="You keep a rhythm.",
    figures=(Figure("days_a_week", 3.0),),
)


def test_one_alone_is_as_it_is() -> None:
    (pattern,) = judged([FINDING])
    assert (pattern.state, pattern.p, pattern.words, pattern.effect) == ("found", 0.02, "You keep a rhythm.", 0.25)
    assert pattern.figures == (Figure("days_a_week", 3.0),)


def test_many_are_judged_together() -> None:
    # 0.01·3, then 0.02·2, then 0.2
    first, second, third = judged([replace(FINDING, p=0.2), replace(FINDING, p=0.01), FINDING])
    assert [(one.state, one.p) for one in (first, second, third)] == [("none", 0.2), ("found", 0.03), ("found", 0.04)]
    assert first.words == "No pattern found with n=12 weeks."
    assert [one.state for one in judged([replace(FINDING, p=0.03), FINDING])] == ["found", "found"]
    assert [one.state for one in judged([replace(FINDING, p=0.06), replace(FINDING, p=0.026)])] == ["none", "none"]


def test_what_was_not_tested_takes_nothing_from_the_others() -> None:
    little = replace(FINDING, n=3, p=None, effect=None, figures=())
    found, none = judged([replace(FINDING, p=0.05), little])
    assert (found.state, found.p) == ("found", 0.05)
    assert (none.state, none.p, none.effect) == ("too_little", None, None)
    assert none.words == "weeks so far: 3; it takes 10 to tell."


def test_nothing_is_nothing() -> None:
    assert judged([]) == []


@pytest.mark.parametrize(("p", "shown"), [(0.0, 0.0), (1.23456e-9, 1.23e-9), (0.123456, 0.123)])
def test_probabilities_are_shown_to_three_digits(p: float, shown: float) -> None:
    assert judged([replace(FINDING, p=p)])[0].p == shown
