"""Pauses: the distances between jobs that find their source without an answer."""

from __future__ import annotations

import pytest

from skillcore.runtime.pauses import Pauses


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pauses(clock: Clock) -> Pauses:
    return Pauses(2.0, clock)


def failing(pauses: Pauses, clock: Clock, times: int) -> list[float]:
    """Run so many jobs that fail as soon as they may; returns when they began."""
    began = []
    for _ in range(times):
        while not pauses.is_over("slow"):
            clock.now += 0.5
        began.append(clock.now - 100.0)
        pauses.begun("slow")
        pauses.failed("slow")
    return began


def test_jobs_that_fail_one_after_another_begin_ever_more_rarely(pauses: Pauses, clock: Clock) -> None:
    assert failing(pauses, clock, 13) == [0, 0, 0, 0, 0, 0, 2, 6, 14, 30, 62, 122, 182]


def test_an_answer_ends_the_pauses(pauses: Pauses, clock: Clock) -> None:
    failing(pauses, clock, 10)
    assert not pauses.is_over("slow")
    pauses.answered("slow")
    assert pauses.is_over("slow")
    assert failing(pauses, clock, 6) == [clock.now - 100.0] * 6


def test_other_lanes_do_not_pause(pauses: Pauses, clock: Clock) -> None:
    failing(pauses, clock, 10)
    assert pauses.is_over("fast")


def test_looking_in_vain_puts_nothing_off(pauses: Pauses, clock: Clock) -> None:
    failing(pauses, clock, 6)
    clock.now += 2.0
    assert [pauses.is_over("slow") for _ in range(3)] == [True, True, True]
