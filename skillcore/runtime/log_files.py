"""Log files: one a day, by UTC, which all processes of a directory share; old ones are deleted."""

from __future__ import annotations

import logging
import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from skillcore.runtime.settings import LogSettings

__all__ = ["DailyFile", "forget_files"]

NAME = re.compile(r"skillcore-(\d{4}-\d{2}-\d{2})\.jsonl")
MODE = 0o640


def path_of(directory: Path, day: date) -> Path:
    """Return the file of a day."""
    return directory / f"skillcore-{day.isoformat()}.jsonl"


class DailyFile(logging.Handler):
    """Appends each line in one write, which the system keeps whole beside those of other processes."""

    def __init__(self, directory: str | Path) -> None:
        """Take a directory, which is made if need be.

        Raises:
            OSError: it cannot be made.
        """
        super().__init__()
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._day: date | None = None
        self._file = -1

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line into the file of its day."""
        try:
            line = self.format(record).encode(errors="backslashreplace") + b"\n"
            day = datetime.fromtimestamp(record.created, UTC).date()
            if day != self._day:
                self._turn_to(day)
            os.write(self._file, line)
        except Exception:  # noqa: BLE001 - logging must not end what it tells of
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file, self._day = -1, None
        super().close()

    def _turn_to(self, day: date) -> None:
        opened = os.open(path_of(self.directory, day), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = opened, day


def forget_files(settings: LogSettings, moment: datetime) -> int:
    """Delete the files of days that are kept no longer; returns how many.

    Args:
        settings: where they are, and how many days are kept.
        moment: now.
    """
    if not settings.directory:
        return 0
    oldest = moment.astimezone(UTC).date() - timedelta(days=settings.retention_days)
    gone = 0
    for path in sorted(Path(settings.directory).glob("skillcore-*.jsonl")):
        found = NAME.fullmatch(path.name)
        if found is not None and _day(found[1], oldest) < oldest:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise
