"""The routes over HTTP, as a platform with a key uses them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from litestar.testing import AsyncTestClient

from skillcore.accounts import platforms
from skillcore.accounts.access import SCOPES, Actor
from skillcore.accounts.platforms import NewApiKey, NewPlatform
from skillcore.app import create_app
from skillcore.runtime.engine import Engine
from tests.world import Arranged, Row, World

Client = AsyncTestClient[Any]
TASK = {"user": "ext:ada", "description": "Solve it", "source": "gym", "requirements": {"exercise": "loops-1"}}


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[Client]:
    async with AsyncTestClient(create_app(engine)) as opened:
        yield opened


async def key(engine: Engine, *scopes: str) -> dict[str, str]:
    """Return the header of a new platform's key."""
    admin = Actor(kind="user", user_id=uuid4(), role="admin")
    async with engine.transaction() as tx:
        platform = await platforms.create(tx, admin, NewPlatform(name="School"))
        shown = await platforms.create_key(tx, admin, platform.id, NewApiKey(name="test", scopes=list(scopes or SCOPES)))
    return {"Authorization": f"Bearer {shown.key}"}


async def test_from_a_person_to_a_completed_task(client: Client, engine: Engine, gym: Arranged) -> None:
    headers = await key(engine)
    assert (await client.post("/api/users", headers=headers, json={"external_id": "ada"})).status_code == 201
    offers = (await client.get("/api/sources", headers=headers)).json()
    assert [offer["name"] for offer in offers] == ["gym"]
    linked = await client.put("/api/users/ext:ada/sources/gym", headers=headers, json={"handle": "Ada"})
    assert (linked.status_code, linked.json()["account"]) == (200, "gym:ada")
    assert (await client.get("/api/users/ext:ada/sources", headers=headers)).json() == [linked.json()]
    assert (await client.get("/api/users/ext:ada/sources/gym", headers=headers)).json() == linked.json()

    task = await client.post("/api/tasks", headers=headers, json=TASK)
    assert (task.status_code, task.json()["state"]) == (201, "pending")
    where = f"/api/tasks/{task.json()['id']}"
    accepted = await client.post(f"{where}/complete", headers=headers)
    assert accepted.status_code == 202
    assert accepted.json()["task"]["state"] == "in_progress"
    assert accepted.headers["Location"] == f"/api/jobs/{accepted.json()['job_id']}"
    assert (await client.get(accepted.headers["Location"], headers=headers)).json()["state"] == "waiting"
    again = await client.post(f"{where}/complete", headers=headers)
    assert (again.status_code, again.headers["Location"]) == (202, accepted.headers["Location"])

    gym.solved(Row("loops-1"))
    await World(engine).run(task.json()["id"])
    assert (await client.get(where, headers=headers)).json()["state"] == "completed"
    history = (await client.get(f"{where}/history", headers=headers)).json()
    assert [change["new"] for change in history] == ["pending", "in_progress", "completed"]
    listed = (await client.get("/api/tasks", headers=headers, params={"user": "ext:ada", "state": "completed"})).json()
    assert [one["id"] for one in listed["items"]] == [task.json()["id"]]
    final = await client.post(f"{where}/complete", headers=headers)
    assert (final.status_code, final.headers["Content-Type"]) == (409, "application/problem+json")
    assert (await client.patch(where, headers=headers, json={"topic": "x"})).status_code == 409
    assert (await client.delete(where, headers=headers)).status_code == 409
    assert (await client.patch(where, headers=headers, json={"hidden": True})).json()["hidden"] is True
    assert (await client.delete("/api/users/ext:ada/sources/gym", headers=headers)).status_code == 204


async def test_projects_updates_and_sessions(client: Client, engine: Engine) -> None:
    headers = await key(engine)
    for name in ("ada", "grace"):
        await client.post("/api/users", headers=headers, json={"external_id": name})
    project = await client.post(
        "/api/projects", headers=headers, json={"name": "Compiler", "skills": ["python"], "metadata": {"skill_ideas": ["sql"]}}
    )
    assert project.status_code == 201
    where = f"/api/projects/{project.json()['id']}"
    assert (await client.put(f"{where}/members/ext:ada", headers=headers)).status_code == 200
    assert (await client.get(where, headers=headers)).json()["members"] == 1
    assert len((await client.get(f"{where}/members", headers=headers)).json()["items"]) == 1
    assert len((await client.get("/api/projects", headers=headers)).json()["items"]) == 1
    body = {"project": project.json()["id"], "user": "ext:ada", "content": "wrote a parser"}
    update = await client.post("/api/progress_updates", headers=headers, json=body)
    assert (update.status_code, update.json()["content"]) == (201, "wrote a parser")
    listed = await client.get("/api/progress_updates", headers=headers, params={"user": "ext:ada"})
    assert listed.json()["items"] == [update.json()]
    session = await client.post(
        "/api/mentorship-sessions", headers=headers, json={"mentor": "ext:grace", "intern": "ext:ada", "focus": "parsers"}
    )
    assert session.status_code == 201
    one = f"/api/mentorship-sessions/{session.json()['id']}"
    assert (await client.get(one, headers=headers)).json() == session.json()
    held = await client.patch(one, headers=headers, json={"status": "held"})
    assert held.json()["status"] == "held"
    listed = await client.get("/api/mentorship-sessions", headers=headers, params={"user": "ext:grace"})
    assert listed.json()["items"] == [held.json()]
    assert (await client.delete(f"{where}/members/ext:ada", headers=headers)).status_code == 204


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source": "circus"}, "source"),
        ({"requirements": {"exercise": 1}}, "requirements.exercise"),
        ({"difficulty": 11}, "difficulty"),
        ({"state": "completed"}, "state"),
    ],
)
async def test_problems_name_the_field(client: Client, engine: Engine, changes: dict[str, Any], field: str) -> None:
    headers = await key(engine)
    await client.post("/api/users", headers=headers, json={"external_id": "ada"})
    refusal = await client.post("/api/tasks", headers=headers, json={**TASK, **changes})
    assert (refusal.status_code, refusal.json()["field"]) == (422, field)


async def test_keys_act_within_their_scopes_and_on_their_members(client: Client, engine: Engine) -> None:
    headers, other, reader = await key(engine), await key(engine), await key(engine, "tasks:read", "users:read")
    await client.post("/api/users", headers=headers, json={"external_id": "ada"})
    task = (await client.post("/api/tasks", headers=headers, json=TASK)).json()["id"]
    assert (await client.post("/api/tasks", headers=reader, json=TASK)).status_code == 403
    assert (await client.put("/api/users/ext:ada/sources/gym", headers=reader, json={"handle": "a"})).status_code == 403
    assert (await client.post("/api/tasks", json=TASK)).status_code == 401
    assert (await client.post("/api/tasks", headers=other, json=TASK)).status_code == 404
    for method, path in (
        ("GET", f"/api/tasks/{task}"),
        ("GET", f"/api/tasks/{task}/history"),
        ("POST", f"/api/tasks/{task}/complete"),
        ("DELETE", f"/api/tasks/{task}"),
        ("GET", "/api/users/ext:ada/sources"),
    ):
        assert (await client.request(method, path, headers=other)).status_code == 404, path
