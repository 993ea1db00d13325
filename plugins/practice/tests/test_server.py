"""The server as any client sees it, and its data against the rules written beside them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from skillcore_practice import notes
from skillcore_practice.learners import LEARNERS, solved_by
from skillcore_practice.server import PAGE, server


@pytest.fixture(autouse=True)
def _notes_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRACTICE_NOTES", str(tmp_path / "notes"))


async def answer(tool: str, arguments: dict[str, Any]) -> Any:
    """Return what a tool answers, which is one JSON object."""
    async with Client(server) as client:
        result = await client.call_tool(tool, arguments)
    assert not result.is_error
    (content,) = result.content
    return json.loads(content.model_dump()["text"])


async def test_a_listing_goes_on_from_where_it_is_asked_to() -> None:
    listings = [await answer("list_exercises", {"handle": "practice-1", "offset": offset}) for offset in (0, 10, 20, 24)]
    assert [(len(listing["exercises"]), listing["total"]) for listing in listings] == [(10, 24), (10, 24), (4, 24), (0, 24)]
    assert listings[0]["exercises"][4] == {
        "exercise": "python-loops-2",
        "solved_at": "2026-01-09T09:00:00+00:00",
        "topics": ["python", "loops"],
        "difficulty": 4,
    }


async def test_a_learner_who_has_solved_nothing_has_an_empty_listing() -> None:
    assert await answer("list_exercises", {"handle": "practice-4"}) == {"exercises": [], "total": 0}


async def test_notes_are_what_was_written_last() -> None:
    written = [asdict(notes.write("practice-1", f"word-{number}")) for number in range(12)]
    assert await answer("list_notes", {"handle": "practice-1"}) == {"notes": written[2:]}
    assert await answer("list_notes", {"handle": "practice-2"}) == {"notes": []}


@pytest.mark.parametrize(("handle", "word"), [("nobody", "word"), ("practice-1", "two words"), ("practice-1", "")])
def test_other_notes_cannot_be_written(handle: str, word: str) -> None:
    with pytest.raises(ValueError, match="a note is a word"):
        notes.write(handle, word)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("list_exercises", {"handle": "nobody"}, "there is no practice learner 'nobody'"),
        ("list_notes", {"handle": "nobody"}, "there is no practice learner 'nobody'"),
        ("list_exercises", {"handle": "practice-1", "offset": -1}, "validation error"),
        ("list_exercises", {"offset": 1}, "validation error"),
    ],
)
async def test_what_cannot_be_answered_is_an_error_with_words(tool: str, arguments: dict[str, Any], words: str) -> None:
    async with Client(server) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert words in result.content[0].model_dump()["text"]


def test_every_learner_follows_the_rule() -> None:
    """24 exercises: all of them, the 12 even ones, the 8 that three divides, none."""
    assert [len(solved_by(handle)) for handle in LEARNERS] == [24, 12, 8, 0]
    assert [row.exercise for row in solved_by("practice-2")][:3] == ["python-variables-2", "python-loops-1", "python-loops-3"]
    assert [row.exercise for row in solved_by("practice-3")][-1] == "sql-windows-3"
    assert {row.difficulty for row in solved_by("practice-1")} == set(range(1, 10))
    assert PAGE == 10
