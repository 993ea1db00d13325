"""The public notes of the practice learners.

    python -m skillcore_practice.notes practice-1 any-word

writes one. On a real site only the holder of an account can do so; here it is whoever runs this command on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from skillcore_practice.learners import LEARNERS

__all__ = ["KEPT", "Note", "notes_of", "write"]

KEPT = 10
"""Notes that are kept of a learner."""

WORD = re.compile(r"[a-z0-9-]{1,100}")


@dataclass(frozen=True)
class Note:
    """A word that a learner wrote for all to see. ``written_at`` is in ISO 8601 with its offset."""

    word: str
    written_at: str


def notes_of(handle: str) -> list[Note]:
    """Return the last notes of a learner, oldest first."""
    file = _file(handle)
    return [Note(**note) for note in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []


def write(handle: str, word: str) -> Note:
    """Write a note, and return it.

    Raises:
        ValueError: there is no such learner, or this is no word.
    """
    if handle not in LEARNERS or not WORD.fullmatch(word):
        raise ValueError(f"a note is a word of {WORD.pattern}, of one of {', '.join(LEARNERS)}")
    note = Note(word, datetime.now(UTC).isoformat())
    file = _file(handle)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps([asdict(one) for one in [*notes_of(handle), note][-KEPT:]]), encoding="utf-8")
    unfinished.replace(file)
    return note


def _file(handle: str) -> Path:
    directory = os.environ.get("PRACTICE_NOTES") or Path.home() / ".cache" / "skillcore-practice"
    return Path(directory) / f"{handle}.json"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a public note of a practice learner, as its holder would on a site.")
    parser.add_argument("handle", choices=LEARNERS)
    parser.add_argument("word")
    write(**vars(parser.parse_args()))
