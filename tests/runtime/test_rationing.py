"""What a package that floods the log may write, and that everybody learns of the rest."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from skillcore.runtime import rationing
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.rationing import Ration
from skillcore.runtime.settings import LogSettings


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def line(name: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, "again", None, None)


def test_a_burst_passes_then_fifty_a_second_and_the_rest_is_told() -> None:
    clock, told = Clock(), []
    ration = Ration(lambda package, lines: told.append((package, lines)), clock)

    assert sum(ration.filter(line("flood.inner")) for _ in range(800)) == 500
    assert told == [("flood", 1)]  # at once, so that an operator sees it while it lasts
    clock.now += 1.0
    assert sum(ration.filter(line("flood")) for _ in range(800)) == 50  # one package, one ration
    assert told == [("flood", 1)]
    clock.now += 9.0
    assert sum(ration.filter(line("flood.inner")) for _ in range(800)) == 450
    assert told == [("flood", 1), ("flood", 299 + 750)]
    clock.now += 3600.0
    assert sum(ration.filter(line("flood")) for _ in range(800)) == 500


def test_others_have_rations_of_their_own_and_the_engine_needs_none() -> None:
    ration = Ration(lambda *_: None, Clock())
    for _ in range(600):
        ration.filter(line("flood"))
    assert not ration.filter(line("flood"))
    assert ration.filter(line("other"))
    assert all(ration.filter(line("skillcore.runtime.worker")) for _ in range(2000))


async def test_a_logger_beyond_its_ration_is_switched_off_for_a_moment(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rationing, "SILENCE", 0.05)
    flood, calm = logging.getLogger("flood.async"), logging.getLogger("calm.async")
    for number in range(2000):
        flood.warning("line %s", number)
    assert not flood.isEnabledFor(logging.ERROR)  # so that no record is made
    assert calm.isEnabledFor(logging.ERROR)
    await asyncio.sleep(0.2)
    assert flood.isEnabledFor(logging.ERROR)
    assert "line 400" in written.getvalue()
    assert "line 1999" not in written.getvalue()


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    configure_logging(LogSettings(), stream)
    yield stream
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def test_the_log_says_whose_lines_were_left_out(written: io.StringIO) -> None:
    for number in range(2000):
        logging.getLogger("flood.deep").warning("line %s", number)
    lines = [json.loads(text) for text in written.getvalue().splitlines()]
    own = [found for found in lines if found["logger"] == "skillcore.runtime.logs"]
    assert len(lines) - len(own) == pytest.approx(500, abs=100)  # a slow machine earns a few more while it writes
    assert own[0]["package"] == "flood"
