"""The public notes of the practice learners.

    python -m skillcore_practice.notes practice-1 "any text"

On a real site only the holder of an account can change its profile; here it is whoever runs this command on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from skillcore_practice.learners import LEARNERS

__all__ = ["Note", "read", "write"]


@dataclass(frozen=True)
class Note:
    """What a learner says in public, and since when: in ISO 8601 with its offset, or None while there is no note."""

    text: str = ""
    changed_at: str | None = None


def read(handle: str) -> Note:
    """Return a learner's note.

    Raises:
        KeyError: there is no such learner.
    """
    file = _file(handle)
    return Note(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else Note()


def write(handle: str, text: str) -> None:
    """Set a learner's note.

    Raises:
        KeyError: there is no such learner.
    """
    file = _file(handle)
    file.parent.mkdir(parents=True, exist_ok=True)
    note = Note(text, datetime.now(UTC).isoformat())
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(note)), encoding="utf-8")
    unfinished.replace(file)


def _file(handle: str) -> Path:
    directory = os.environ.get("PRACTICE_NOTES") or Path.home() / ".cache" / "skillcore-practice"
    if handle not in LEARNERS:
        raise KeyError(handle)
    return Path(directory) / f"{handle}.json"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Set the public note of a practice learner, as its holder would on a site.")
    parser.add_argument("handle", choices=LEARNERS)
    parser.add_argument("text")
    write(**vars(parser.parse_args()))
