"""Log files: JSON lines, one file a day, whole lines from several processes, and old ones deleted."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from skillcore.runtime.log_files import DailyFile, forget_files
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.settings import LogSettings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
WRITER = """
import sys
import structlog
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.settings import LogSettings
configure_logging(LogSettings(directory=sys.argv[1]))
log = structlog.get_logger("skillcore.test")
for number in range(300):
    log.info("line", number=number, padding="x" * 3000, writer=sys.argv[2])
"""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    for handler in root.handlers:
        if isinstance(handler, DailyFile):
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


def test_lines_are_json_in_the_file_and_text_for_people(tmp_path: Path) -> None:
    shown = io.StringIO()
    configure_logging(LogSettings(format="text", directory=str(tmp_path)), shown)
    structlog.get_logger("skillcore.test").info("hello", password="hunter2 and more")
    (file,) = tmp_path.iterdir()
    assert file.name == f"skillcore-{datetime.now(UTC).date()}.jsonl"
    line = json.loads(file.read_text())
    assert line["message"] == "hello"
    assert "hunter2" not in file.read_text()
    assert "hello" in shown.getvalue()
    assert not shown.getvalue().startswith("{")


def test_without_a_directory_there_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configure_logging(LogSettings(), io.StringIO())
    structlog.get_logger("skillcore.test").info("hello")
    assert list(tmp_path.iterdir()) == []


def test_several_processes_write_whole_lines_into_one_file(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(n)], stderr=subprocess.DEVNULL, env=os.environ)
        for n in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = [json.loads(line) for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    for writer in "012":
        assert [line["number"] for line in lines if line["writer"] == writer] == list(range(300))


def test_each_day_of_utc_has_its_file(tmp_path: Path) -> None:
    handler = DailyFile(tmp_path)
    for at in (datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)):
        record = logging.LogRecord("a", logging.INFO, "", 0, "a line", None, None)
        record.created = at.timestamp()
        handler.emit(record)
    handler.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["skillcore-2026-11-21.jsonl", "skillcore-2026-11-22.jsonl"]


def test_others_may_not_read_them(tmp_path: Path) -> None:
    configure_logging(LogSettings(directory=str(tmp_path)), io.StringIO())
    structlog.get_logger("skillcore.test").info("hello")
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o007 == 0


def test_files_are_kept_for_their_days_and_nothing_else_is_touched(tmp_path: Path) -> None:
    names = (
        "skillcore-2026-11-11.jsonl",
        "skillcore-2026-11-10.jsonl",
        "skillcore-2026-13-45.jsonl",
        "skillcore-notes.jsonl",
        "x",
    )
    for name in names:
        (tmp_path / name).write_text("")
    assert forget_files(LogSettings(directory=str(tmp_path), retention_days=10), NOON) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(names) - {"skillcore-2026-11-10.jsonl"})
    assert forget_files(LogSettings(), NOON) == 0
