"""The watchdog on a loop that turns, one that is held up for a while, and one that is held up for good."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from skillcore.runtime import watchdog
from skillcore.runtime.settings import WatchdogSettings
from skillcore.runtime.watchdog import EXIT_CODE, Blocked, watched

PATIENCE = 10.0


class Ended(list[int]):
    """What the process would have ended with, and the moment of it."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def __call__(self, code: int) -> None:
        self.append(code)
        self.event.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "BEAT", 0.02)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Ended:
    """Instead of ending the process of the tests."""
    ended = Ended()
    monkeypatch.setattr("skillcore.runtime.watchdog.os._exit", ended)
    return ended


def hold_up(condition: Callable[[], bool]) -> None:
    """Hold up the loop, as code does that waits without ``await``."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def messages(logs: list[Any]) -> list[str]:
    return [line["event"] for line in logs]


async def test_a_loop_that_turns_is_left_alone(ended: Ended) -> None:
    with capture_logs() as logs, watched(WatchdogSettings(warn_after=0.2, end_after=0.4)):
        for _ in range(60):
            await asyncio.sleep(0.01)
    assert (logs, ended) == ([], [])


async def test_what_holds_a_loop_up_is_named_once_and_so_is_its_end(ended: Ended) -> None:
    async def culprit() -> None:
        hold_up(lambda: "the event loop is held up" in messages(logs))

    with capture_logs() as logs, watched(WatchdogSettings(warn_after=0.05, end_after=0)):
        await asyncio.create_task(culprit(), name="plugin gym")
        deadline = time.monotonic() + PATIENCE
        while len(logs) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
    assert messages(logs) == ["the event loop is held up", "the event loop turns again"]
    assert logs[0]["task"] == "plugin gym"
    assert "in hold_up" in logs[0]["stack"]
    assert ended == []


async def test_a_loop_that_is_held_up_for_good_ends_its_process_after_its_last_words(ended: Ended) -> None:
    said: list[Blocked] = []
    ended_before: list[list[int]] = []

    async def last_words(blocked: Blocked) -> None:
        await asyncio.sleep(0.01)  # on a loop of its own: the other one is held up
        said.append(blocked)
        ended_before.append(list(ended))

    with watched(WatchdogSettings(warn_after=0.05, end_after=0.1), last_words):
        hold_up(ended.event.is_set)
    assert ended == [EXIT_CODE]
    assert ended_before == [[]]
    assert said[0].seconds >= 0.1
    assert __name__ in said[0].modules


async def test_last_words_that_fail_or_take_too_long_do_not_keep_the_process(
    ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "LAST_WORDS", 0.05)
    held = threading.Event()

    async def endless(blocked: Blocked) -> None:
        held.wait(PATIENCE)

    async def failing(blocked: Blocked) -> None:
        raise OSError("no database")

    for last_words in (endless, failing):
        ended.event.clear()
        with watched(WatchdogSettings(warn_after=0.05, end_after=0.1), last_words):
            hold_up(ended.event.is_set)
    held.set()
    assert ended == [EXIT_CODE, EXIT_CODE]


async def test_time_in_which_the_watchdog_did_not_run_either_does_not_count(
    ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Leaping:
        """A clock on which an hour passes between any two looks: the process was stopped, or the machine asleep."""

        looks = 0

        def monotonic(self) -> float:
            self.looks += 1
            return self.looks * 3600.0

    clock = Leaping()
    monkeypatch.setattr(watchdog, "time", clock)
    with capture_logs() as logs, watched(WatchdogSettings(warn_after=5.0, end_after=60.0)):
        hold_up(lambda: clock.looks > 10)
    assert (logs, ended) == ([], [])
