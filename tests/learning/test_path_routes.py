"""Learning paths over HTTP: made, changed, refused, looked at and drawn."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from skillcore.accounts.mentor_tables import MentorRow
from skillcore.defaults.kinds import TaskCompleted, WorkDone
from skillcore.ledger import record
from skillcore.ledger.tables import SkillRow
from skillcore.runtime.clock import now
from skillcore.runtime.events import NewEvent
from tests.visitors import Door, Visitor

WEB = [
    {"name": "HTML", "hours": 2, "resources": [{"title": "MDN", "url": "https://developer.mozilla.org/docs/Web/HTML"}]},
    {"name": "CSS", "prerequisites": ["html"], "skills": ["Style"]},
    {"name": "React", "prerequisites": ["CSS"], "library": "react@18"},
]
PATH = {"name": "web", "title": "The web", "topics": WEB}


@pytest.fixture(autouse=True)
async def skills(door: Door) -> None:
    async with door.engine.transaction() as tx:
        tx.session.add(SkillRow(id="style", name="Style"))


def resource(url: str) -> dict[str, Any]:
    return {"name": "a", "resources": [{"title": "t", "url": url}]}


async def made(who: Visitor, **changes: Any) -> dict[str, Any]:
    answer = await who.post("/api/learning-paths", PATH | changes)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def mentored(door: Door, learner_id: str) -> Visitor:
    _, mentor_id = await door.learner("guide@example.org")
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update users set role = 'mentor' where id = :id"), {"id": mentor_id})
        tx.session.add(MentorRow(mentor_id=UUID(mentor_id), learner_id=UUID(learner_id)))
    again = await door.anyone.post(
        "/api/auth/login", {"email": "guide@example.org", "password": "correct horse battery staple"}
    )
    return Visitor(door.client, again.json()["access_token"])


async def test_a_path_is_made_changed_and_retired(door: Door) -> None:
    ada, ada_id = await door.learner()
    path = await made(ada)
    assert (path["version"], path["user_id"], path["platform_id"]) == (1, ada_id, None)
    assert path["order"] == ["HTML", "CSS", "React"]
    assert path["warnings"] == []
    assert path["topics"][1] == {
        "name": "CSS",
        "prerequisites": ["html"],
        "skills": ["style"],
        "resources": [],
        "hours": None,
        "library": "",
    }
    assert (await ada.get("/api/learning-paths/web")).json() == path
    assert (await ada.get(f"/api/learning-paths/{path['id']}")).json() == path

    changed = await ada.send("PATCH", "/api/learning-paths/web", json={"topics": WEB[::-1], "version": 1})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert [(one["kind"], one["field"]) for one in changed.json()["warnings"]] == [
        ("misordered", "topics[0].prerequisites[0]"),
        ("misordered", "topics[1].prerequisites[0]"),
    ]
    stale = await ada.send("PATCH", "/api/learning-paths/web", json={"title": "x", "version": 1})
    assert (stale.status_code, stale.json()["version"], stale.json()["field"]) == (409, 2, "version")
    assert (await ada.send("PATCH", "/api/learning-paths/web", json={"title": "x", "name": "net"})).json()["name"] == "net"
    versions = (await ada.get("/api/learning-paths/net/versions?limit=2")).json()
    assert [(one["version"], one["title"], one["topics"]) for one in versions["items"]] == [(3, "x", 3), (2, "The web", 3)]
    rest = (await ada.get("/api/learning-paths/net/versions", params={"cursor": versions["next_cursor"]})).json()
    assert [one["version"] for one in rest["items"]] == [1]
    assert (await ada.get("/api/learning-paths/net?version=1")).json()["topics"] == path["topics"]
    assert (await ada.get("/api/learning-paths/net?version=9")).status_code == 404

    assert [one["name"] for one in (await ada.get("/api/learning-paths")).json()["items"]] == ["net"]
    assert (await ada.send("DELETE", "/api/learning-paths/net")).status_code == 204
    assert (await ada.get("/api/learning-paths")).json()["items"] == []
    assert (await ada.get("/api/learning-paths/net")).status_code == 404
    assert (await ada.get(f"/api/learning-paths/{path['id']}")).json()["retired_at"] is not None
    assert (await ada.send("PATCH", f"/api/learning-paths/{path['id']}", json={"title": "y"})).status_code == 409


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"topics": [{"name": "a", "prerequisites": ["A"]}]}, "topics[0].prerequisites[0]"),
        ({"topics": [{"name": "a"}, {"name": "b", "prerequisites": ["a", "c"]}]}, "topics[1].prerequisites[1]"),
        ({"topics": [{"name": "a"}, {"name": " A"}]}, "topics[1].name"),
        ({"topics": [{"name": "a"}, {"name": "A"}]}, "topics[1].name"),
        ({"topics": [{"name": "a"}, {"name": "b", "skills": ["style", "juggling"]}]}, "topics[1].skills[1]"),
        ({"topics": [resource("ftp://a.example")]}, "topics[0].resources[0].url"),
        ({"topics": [resource("javascript:alert(1)")]}, "topics[0].resources[0].url"),
        ({"topics": [resource("https://[")]}, "topics[0].resources[0].url"),
        ({"topics": [{"name": "a", "hours": 0}]}, "topics[0].hours"),
        ({"topics": [{"name": f"t{number}"} for number in range(501)]}, "topics"),
        ({"name": "a/b"}, "name"),
        ({"name": "validate"}, "name"),
        ({"name": "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10"}, "name"),
        ({"title": ""}, "title"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_what_cannot_be_followed_is_not_stored(door: Door, changes: dict[str, Any], field: str) -> None:
    ada, _ = await door.learner()
    refusal = await ada.post("/api/learning-paths", PATH | changes)
    assert (refusal.status_code, refusal.json()["field"]) == (422, field)
    assert (await ada.get("/api/learning-paths")).json()["items"] == []


async def test_all_errors_are_named_at_once(door: Door) -> None:
    ada, _ = await door.learner()
    topics = [{"name": "a", "prerequisites": ["a"]}, {"name": "b", "prerequisites": ["c"]}]
    refusal = (await ada.post("/api/learning-paths", PATH | {"topics": topics})).json()
    assert [one["field"] for one in refusal["errors"]] == ["topics[1].prerequisites[0]", "topics[0].prerequisites[0]"]
    assert "a → a" in refusal["errors"][1]["detail"]


async def test_topics_are_looked_at_without_being_stored(door: Door) -> None:
    ada, _ = await door.learner()
    topics = [{"name": "b", "prerequisites": ["a"]}, {"name": "a"}, {"name": "c", "prerequisites": ["d"]}]
    found = await ada.post("/api/learning-paths/validate", {"topics": topics})
    assert found.status_code == 200
    findings = found.json()["findings"]
    assert [one["kind"] for one in (*findings["errors"], *findings["warnings"])] == ["missing", "misordered"]
    assert findings["order"] == ["a", "b"]
    assert found.json()["advice"] is None
    asked = (await ada.post("/api/learning-paths/validate?advice=true", {"topics": topics})).json()
    assert asked["findings"] == findings
    assert (asked["advice"]["state"], asked["advice"]["id"], asked["advice"]["job_id"]) == ("unavailable", None, None)
    assert "no plugin that advises on paths is installed" in asked["advice"]["reason"]
    assert (await ada.get("/api/learning-paths")).json()["items"] == []


async def test_who_sees_changes_and_starts_what(door: Door) -> None:
    school, club = await door.platform("paths:read", "paths:write", "users:write"), await door.platform("paths:read")
    root, (ada, ada_id) = await door.admin(), await door.learner()
    guide = await mentored(door, ada_id)
    bob = (await school.key.post("/api/users", {"external_id": "bob"})).json()["id"]
    ids = {
        "everybody's": (await made(root))["id"],
        "the school's": (await made(school.key))["id"],
        "the school's for bob": (await made(school.key, user="ext:bob"))["id"],
        "ada's": (await made(ada))["id"],
    }
    sees = {
        "root": (root, set(ids)),
        "school": (school.key, {"everybody's", "the school's", "the school's for bob"}),
        "club": (club.key, {"everybody's"}),
        "ada": (ada, {"everybody's", "ada's"}),
        "guide": (guide, {"everybody's", "ada's"}),
    }
    for who, (visitor, seen) in sees.items():
        listed = {one["id"] for one in (await visitor.get("/api/learning-paths")).json()["items"]}
        assert listed == {ids[name] for name in seen}, who
        for name, id_ in ids.items():
            assert (await visitor.get(f"/api/learning-paths/{id_}")).status_code == (200 if name in seen else 404), (who, name)
    of_bob = (await school.key.get("/api/learning-paths?user=ext:bob")).json()["items"]
    assert {one["id"] for one in of_bob} == set(ids.values()) - {ids["ada's"]}
    tries = ((ada, "everybody's", 403), (guide, "ada's", 403), (school.key, "ada's", 404), (ada, "ada's", 200))
    for visitor, name, status in tries:
        answer = await visitor.send("PATCH", f"/api/learning-paths/{ids[name]}", json={"title": "mine"})
        assert answer.status_code == status, (name, answer.text)
    start = "/api/learning-paths/{}/start?user={}"
    assert (await guide.post(start.format(ids["ada's"], ada_id))).status_code == 404  # mentors read, and do not write
    assert (await school.key.post(start.format(ids["the school's"], "ext:bob"))).status_code == 201
    assert (await school.key.post(start.format(ids["the school's"], bob))).status_code == 200
    assert (await school.key.post(start.format(ids["the school's"], ada_id))).status_code == 404
    where = "/api/learning-paths/{}/position?user={}".format(ids["ada's"], ada_id)
    assert (await guide.get(where)).json()["available"] == ["HTML"]
    assert (await school.key.get(where)).status_code == 404
    conflict = await school.key.get("/api/learning-paths/web")
    assert (conflict.status_code, set(conflict.json()["ids"])) == (409, {ids[name] for name in sees["school"][1]})


async def test_a_path_is_started_left_and_drawn(door: Door) -> None:
    ada, ada_id = await door.learner()
    path = await made(ada)
    begun = await ada.post("/api/learning-paths/web/start")
    assert (begun.status_code, begun.json()["path"], begun.json()["user_id"]) == (201, path["id"], ada_id)
    position = (await ada.get("/api/learning-paths/web/position")).json()
    assert (position["started_at"], position["left_at"]) == (begun.json()["started_at"], None)
    assert (position["current"], position["progress"], position["version"]) == ("HTML", 0.0, 1)
    left = await ada.post("/api/learning-paths/web/leave")
    assert left.json()["left_at"] is not None
    assert (await ada.post("/api/learning-paths/web/leave")).status_code == 404
    assert (await ada.get("/api/learning-paths/web/position")).json()["left_at"] == left.json()["left_at"]

    drawn = await ada.get("/api/learning-paths/web/map.svg")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    for word in ("The web · now: HTML", "HTML: current", "CSS: locked, requires", "0 of 3 topics done, 1 current, 0 open"):
        assert word in drawn.text.replace("\u2068", "").replace("\u2069", ""), word
    same = await ada.get("/api/learning-paths/web/map.svg", headers={"If-None-Match": drawn.headers["etag"]})
    assert same.status_code == 304
    many = [{"name": f"t{number}"} for number in range(121)]
    assert (await ada.send("PATCH", "/api/learning-paths/web", json={"topics": many})).status_code == 200
    assert (await ada.get("/api/learning-paths/web/map.svg")).status_code == 422


async def test_a_path_is_told_again_once_it_has_changed(door: Door) -> None:
    ada, _ = await door.learner()
    await made(ada)
    first = await ada.get("/api/learning-paths/web")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    again = await ada.get("/api/learning-paths/web", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await ada.send("PATCH", "/api/learning-paths/web", json={"title": "Webs"})).status_code == 200
    changed = await ada.get("/api/learning-paths/web", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["title"], changed.headers["etag"] != tag) == (200, "Webs", True)
    former = await ada.get("/api/learning-paths/web", params={"version": 1}, headers={"If-None-Match": tag})
    assert former.status_code == 304


async def test_who_starts_again_begins_anew(door: Door) -> None:
    ada, _ = await door.learner()
    await made(ada)
    first = (await ada.post("/api/learning-paths/web/start")).json()
    going_on = await ada.post("/api/learning-paths/web/start")
    assert (going_on.status_code, going_on.json()["started_at"]) == (200, first["started_at"])
    left = (await ada.post("/api/learning-paths/web/leave")).json()
    assert left["started_at"] == first["started_at"]
    assert (await ada.post("/api/learning-paths/web/leave")).status_code == 404
    assert (await ada.get("/api/learning-paths/web/position")).json()["left_at"] == left["left_at"]
    again = await ada.post("/api/learning-paths/web/start")
    assert (again.status_code, again.json()["left_at"]) == (201, None)
    assert datetime.fromisoformat(again.json()["started_at"]) > datetime.fromisoformat(left["left_at"])
    position = (await ada.get("/api/learning-paths/web/position")).json()
    assert (position["started_at"], position["left_at"]) == (again.json()["started_at"], None)


async def test_the_paths_that_somebody_follows_are_listed_with_how_far_they_are(door: Door) -> None:
    ada, ada_id = await door.learner()
    paths = [await made(ada, name=name, title=name.upper()) for name in ("web", "old", "left", "other")]
    for path in paths[:3]:
        assert (await ada.post(f"/api/learning-paths/{path['id']}/start")).status_code == 201
    assert (await ada.post("/api/learning-paths/left/leave")).status_code == 200
    begun = (await ada.get("/api/learning-paths/web/position")).json()["started_at"]
    data = TaskCompleted(topic="html", works=(WorkDone(subject="gym:ada:1"),), path=paths[0]["id"])
    async with door.engine.transaction() as tx:
        await record(tx, [NewEvent(user_id=UUID(ada_id), kind="task.completed", subject_id="t", data=data, occurred_at=now())])
    listed = (await ada.get("/api/users/me/learning-paths")).json()
    assert [path["name"] for path in listed["items"]] == ["web", "old"]
    assert listed["items"][0] == {
        "path": paths[0]["id"],
        "name": "web",
        "title": "WEB",
        "version": 1,
        "started_at": begun,
        "topics": 3,
        "completed": 1,
        "current": "CSS",
        "progress": 33.333333,
    }
    assert (listed["items"][1]["completed"], listed["items"][1]["current"], listed["next_cursor"]) == (0, "HTML", None)
    first = (await ada.get("/api/users/me/learning-paths", params={"limit": 1})).json()
    asked = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await ada.get("/api/users/me/learning-paths", params=asked)).json()
    assert [*first["items"], *second["items"]] == listed["items"]
    assert second["next_cursor"] is None
    assert (await ada.send("DELETE", "/api/learning-paths/old")).status_code == 204
    assert len((await ada.get("/api/users/me/learning-paths")).json()["items"]) == 1
    guide, (stranger, _) = await mentored(door, ada_id), await door.learner("bob@example.org")
    assert len((await guide.get(f"/api/users/{ada_id}/learning-paths")).json()["items"]) == 1
    assert (await stranger.get(f"/api/users/{ada_id}/learning-paths")).status_code == 404


async def test_a_name_means_the_path_that_the_person_has(door: Door) -> None:
    school = await door.platform("paths:read", "paths:write", "users:write")
    paths = {}
    for name in ("bob", "cleo"):
        assert (await school.key.post("/api/users", {"external_id": name})).status_code == 201
        paths[name] = (await made(school.key, user=f"ext:{name}"))["id"]
    for name, path in paths.items():
        for done, status in (("start", 201), ("leave", 200)):
            answer = await school.key.post(f"/api/learning-paths/web/{done}?user=ext:{name}")
            assert (answer.status_code, answer.json()["path"]) == (status, path), answer.text
    for done in ("start", "leave"):
        foreign = await school.key.post(f"/api/learning-paths/{paths['cleo']}/{done}?user=ext:bob")
        assert foreign.status_code == 404


async def test_of_two_changes_at_once_one_is_told_of_the_other(door: Door) -> None:
    ada, _ = await door.learner()
    await made(ada)
    answers = await asyncio.gather(
        *(ada.send("PATCH", "/api/learning-paths/web", json={"title": f"by {name}", "version": 1}) for name in ("tab", "phone"))
    )
    (won,) = [answer for answer in answers if answer.status_code == 200]
    (lost,) = [answer for answer in answers if answer.status_code == 409]
    assert lost.json()["version"] == won.json()["version"] == 2
    assert (await ada.get("/api/learning-paths/web")).json()["title"] == won.json()["title"]
