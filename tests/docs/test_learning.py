"""docs/learning.md: its requests are answered as it says, and its kinds of findings are those of the code."""

from __future__ import annotations

import json
from typing import Any, get_args
from uuid import UUID

from skillcore.defaults.kinds import TaskCompleted, WorkDone
from skillcore.learning import graph
from skillcore.ledger import record
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.docs.documents import codes, read, sections
from tests.visitors import Door, door_of
from tests.world import plugins

SECTIONS = sections(read("learning.md"))


def shown(title: str, words: str) -> Any:
    (block,) = [one for one in SECTIONS[title].blocks("json") if one.words == words]
    return json.loads(block.text)


def told(answer: Any) -> Any:
    """Return an answer without what differs from run to run."""
    return {name: value for name, value in answer.items() if name not in {"path", "user_id", "started_at"}}


async def test_the_example_is_answered_as_shown(engine: Engine) -> None:
    with_gym = Engine(engine.settings, plugins(), engine.database)
    async with door_of(with_gym) as door:
        await follow(door)


async def follow(door: Door) -> None:
    ada, ada_id = await door.learner()
    made = await ada.post("/api/learning-paths", shown("Making a path", "request"))
    assert made.status_code == 201, made.text
    assert made.json()["warnings"] == []
    found = await ada.post("/api/learning-paths/validate", shown("What is found in topics", "request"))
    assert found.json() == shown("What is found in topics", "answer")
    assert (await ada.post("/api/learning-paths/web/start")).status_code == 201
    done = TaskCompleted(works=(WorkDone(subject="gym:ada:page"),), topic="html")
    async with door.engine.transaction() as tx:
        await record(tx, [NewEvent(user_id=UUID(ada_id), kind="task.completed", subject_id="t", data=done)])
    task = {"description": "d", "source": "gym", "requirements": {"exercise": "a"}, "topic": "React"}
    locked = await ada.post("/api/tasks", task)
    assert locked.headers["content-type"] == "application/problem+json"
    assert told(locked.json()) == told(shown("Locked topics", "answer"))
    position = await ada.get("/api/learning-paths/web/position")
    assert told(position.json()) == told(shown("Position", "answer"))
    assert set(position.json()) == set(shown("Position", "answer"))


def test_every_kind_of_finding_is_there() -> None:
    assert {codes(row["kind"])[0] for row in SECTIONS["What is found in topics"].table()} == set(get_args(graph.Kind))
