"""The practice server as any client sees it, and its data against the rules written beside them."""

import json

import pytest
from mcp import Client

from skillcore_practice.learners import LEARNERS, solved_by
from skillcore_practice.server import PAGE, server


async def listing(client, handle, page):
    result = await client.call_tool("list_exercises", {"handle": handle, "page": page})
    assert not result.is_error
    (content,) = result.content
    return json.loads(content.text)


async def test_a_listing_is_one_json_object_in_pages():
    async with Client(server) as client:
        pages = [await listing(client, "practice-1", page) for page in (1, 2, 3)]
    assert [(page["page"], page["pages"], len(page["exercises"])) for page in pages] == [(1, 3, 10), (2, 3, 10), (3, 3, 4)]
    assert pages[0]["exercises"][4] == {
        "exercise": "python-loops-2",
        "solved_at": "2026-01-09T09:00:00+00:00",
        "topics": ["python", "loops"],
        "difficulty": 4,
    }


async def test_a_learner_who_has_solved_nothing_has_one_empty_page():
    async with Client(server) as client:
        assert await listing(client, "practice-4", 1) == {"exercises": [], "page": 1, "pages": 1}


@pytest.mark.parametrize("arguments", [{"handle": "nobody"}, {"handle": "practice-1", "page": 0}, {"page": 1}])
async def test_what_cannot_be_answered_is_an_error_with_words(arguments):
    async with Client(server) as client:
        result = await client.call_tool("list_exercises", arguments)
    assert result.is_error
    expected = "there is no practice learner 'nobody'" if arguments.get("handle") == "nobody" else "validation error"
    assert expected in result.content[0].text


def test_every_learner_follows_the_rule():
    """24 exercises: all of them, the 12 even ones, the 8 that three divides, none."""
    assert [len(solved_by(handle)) for handle in LEARNERS] == [24, 12, 8, 0]
    assert [row.exercise for row in solved_by("practice-2")][:3] == ["python-variables-2", "python-loops-1", "python-loops-3"]
    assert [row.exercise for row in solved_by("practice-3")][-1] == "sql-windows-3"
    assert {row.difficulty for row in solved_by("practice-1")} == set(range(1, 10))
    assert PAGE == 10
