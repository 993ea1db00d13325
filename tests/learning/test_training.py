"""Training sessions over HTTP: from start to summary, whose scores count, and who may do what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from skillcore.runtime.clock import new_id, now
from tests.learning.trainings import activity, follow, rows, say
from tests.visitors import Door, Platform, Visitor

SCOPES = ("users:read", "users:write", "events:read", "events:write", "scores:read", "scores:write", "paths:write")


@pytest.fixture
async def school(door: Door) -> Platform:
    platform = await door.platform(*SCOPES)
    assert (await platform.key.post("/api/users", {"external_id": "ada"})).status_code == 201
    return platform


async def begun(who: Visitor, status: int = 201, **body: Any) -> dict[str, Any]:
    answer = await who.post("/api/sessions", body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def added(who: Visitor, session: str, *events: dict[str, Any], status: int = 201) -> dict[str, Any]:
    answer = await who.post(f"/api/sessions/{session}/events", {"events": [{"type": "quiz"} | event for event in events]})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_from_start_to_summary(school: Platform) -> None:
    key = school.key
    session = await begun(key, user="ext:ada", module="web")
    assert (session["module"], session["ended_at"], session["activities"], session["platform"]) == ("web", None, 0, school.id)
    taken = await added(key, session["id"], {"score": 60, "item": "a"}, {"score": 80, "item": "a"}, {"detail": {"page": 3}})
    assert [(one["new"], one["counts"]) for one in taken["events"]] == [(True, True), (True, True), (True, None)]
    assert taken["session"]["activities"] == 3
    open_ = (await key.get("/api/sessions", params={"user": "ext:ada", "open": True})).json()["items"]
    assert [one["id"] for one in open_] == [session["id"]]
    ended = await key.post(f"/api/sessions/{session['id']}/end")
    assert ended.status_code == 200
    assert ended.json()["ended_at"] is not None
    assert ended.json()["automatic"] is False
    summary = ended.json()["summary"]
    assert (summary["activities"], summary["scored"], summary["average_score"]) == (3, 2, 70.0)
    assert [one["name"] for one in summary["improvements"]] == ["a"]
    assert (await key.post(f"/api/sessions/{session['id']}/end")).json() == ended.json()
    assert (await key.get(f"/api/sessions/{session['id']}")).json() == ended.json()
    for is_open, found in ((True, []), (False, [session["id"]])):
        listed = await key.get("/api/sessions", params={"user": "ext:ada", "open": is_open, "module": "web"})
        assert [one["id"] for one in listed.json()["items"]] == found
    events = (await key.get("/api/users/ext:ada/events")).json()["items"]
    assert [(one["kind"], one["subject"], one["via"]) for one in events] == [
        (kind, session["subject"], "platform") for kind in ("session.started", *["session.activity"] * 3, "session.ended")
    ]


async def test_a_summary_is_of_one_persons_session_with_one_platform(door: Door, school: Platform) -> None:
    club = await door.platform(*SCOPES)
    ada = UUID((await school.key.get("/api/users/ext:ada")).json()["id"])
    bob = UUID((await school.key.post("/api/users", {"external_id": "bob"})).json()["id"])
    ours, theirs = UUID(school.id), UUID(club.id)
    others = activity(ada, 10, 90, platform=theirs), activity(ada, 20, 70), activity(bob, 30, 10, platform=ours)
    await say(door.engine, activity(ada, 0, 50, platform=ours), *others)
    await follow(door.engine)
    (session,) = (await school.key.get("/api/sessions", params={"user": "ext:bob"})).json()["items"]
    assert session["activities"] == 1
    (held,) = [one["id"] for one in await rows(door.engine) if (one["user_id"], one["platform_id"]) == (ada, ours)]
    summary = (await school.key.get(f"/api/sessions/{held}")).json()["summary"]
    assert (summary["activities"], summary["scored"], summary["average_score"]) == (1, 1, 50)


async def test_what_people_say_of_themselves_is_kept_and_does_not_count(door: Door) -> None:
    ada, _ = await door.learner()
    session = await begun(ada, module="web")
    assert session["platform"] is None
    taken = await added(ada, session["id"], {"score": 90, "item": "a"}, {})
    assert [one["counts"] for one in taken["events"]] == [False, None]
    detail = (await ada.get(f"/api/sessions/{session['id']}")).json()
    assert (detail["summary"]["scored"], detail["summary"]["own_average_score"]) == (0, 90.0)
    readiness = await ada.get("/api/scores/readiness", params={"subject": "module:web"})
    assert readiness.json()["value"] is None


async def test_what_the_module_requires_is_a_challenge(school: Platform) -> None:
    module = {"tasks": [{"name": "a", "required_score": 90}, {"name": "b"}], "required_score": 50}
    assert (await school.key.post("/api/modules", {"name": "web", "module": module})).status_code == 201
    session = await begun(school.key, user="ext:ada", module="web")
    await added(school.key, session["id"], {"score": 85, "item": "a"}, {"score": 50, "item": "b"}, {"score": 0, "item": "c"})
    summary = (await school.key.get(f"/api/sessions/{session['id']}")).json()["summary"]
    assert [(one["name"], one["required"]) for one in summary["challenges"]] == [("a", 90.0)]


async def test_a_person_reads_a_platforms_session_by_what_its_module_required_then(door: Door, school: Platform) -> None:
    ada, id_ = await door.learner("grace@example.org")
    async with door.engine.transaction() as tx:
        query = text("insert into memberships (platform_id, external_id, user_id) values (:p, 'grace', :u)")
        await tx.session.execute(query, {"p": school.id, "u": id_})
    for who, required in ((school.key, 90), (ada, 70)):
        module = {"tasks": [{"name": "a", "required_score": required}]}
        answer = await who.post("/api/modules", {"name": "web", "module": module})
        assert answer.status_code == 201, answer.text
        if who is school.key:
            of_school = answer.json()["id"]
    session = await begun(school.key, user="ext:grace", module="web")
    await added(school.key, session["id"], {"score": 60, "item": "a"})
    changed = {"module": {"tasks": [{"name": "a", "required_score": 80}]}}
    assert (await school.key.send("PUT", f"/api/modules/{of_school}", json=changed)).status_code == 200
    for who in (school.key, ada):
        summary = (await who.get(f"/api/sessions/{session['id']}")).json()["summary"]
        assert [(one["name"], one["required"]) for one in summary["challenges"]] == [("a", 90.0)]


async def test_events_that_came_otherwise_make_sessions_too(door: Door, school: Platform) -> None:
    data = {"user": "ext:ada", "subject": "lesson 3"}
    begins = {"kind": "session.started", "data": {"module": "web"}, "occurred_at": "2026-06-01T09:00:00Z"}
    does = {"kind": "session.activity", "data": {"type": "quiz", "score": 70}, "occurred_at": "2026-06-01T09:20:00Z"}
    answer = await school.key.post("/api/events/batch", {"events": [data | does, data | begins]})
    assert answer.status_code == 200
    await follow(door.engine)
    (found,) = (await school.key.get("/api/sessions", params={"user": "ext:ada"})).json()["items"]
    assert (found["subject"], found["module"], found["started_at"]) == ("lesson 3", "web", "2026-06-01T09:00:00Z")
    detail = (await school.key.post(f"/api/sessions/{found['id']}/end")).json()
    assert (detail["summary"]["average_score"], detail["summary"]["seconds"]) == (70.0, 1200.0)


async def test_events_may_have_happened_before_and_come_twice(school: Platform, door: Door) -> None:
    session = await begun(school.key, user="ext:ada")
    before = (now() - timedelta(hours=1)).isoformat()
    same = {"id": str(new_id()), "occurred_at": before, "score": 10}
    first = await added(school.key, session["id"], same)
    assert (await added(school.key, session["id"], same))["events"] == [first["events"][0] | {"new": False}]
    assert first["session"]["started_at"][:19] == before[:19]
    other = await school.key.post(
        f"/api/sessions/{session['id']}/events", {"events": [{"type": "quiz"} | same | {"score": 11}]}
    )
    assert other.status_code == 409
    again = {"Idempotency-Key": "a key"}
    body = {"events": [{"type": "quiz"}]}
    for _ in range(2):
        answer = await school.key.post(f"/api/sessions/{session['id']}/events", body, headers=again)
        assert answer.json()["session"]["activities"] == 2
    before_rows = await rows(door.engine)
    await follow(door.engine)
    assert await rows(door.engine) == before_rows


async def test_events_may_come_again_after_their_session_has_got_a_module(school: Platform, door: Door) -> None:
    session = await begun(school.key, user="ext:ada")
    same = {"id": str(new_id()), "score": 10}
    await added(school.key, session["id"], same)
    told = {"kind": "session.started", "subject": session["subject"], "data": {"module": "web"}, "user": "ext:ada"}
    answer = await school.key.post("/api/events/batch", {"events": [told]})
    assert answer.is_success, answer.text
    await follow(door.engine)
    again = await added(school.key, session["id"], same, {"id": str(new_id())})
    assert ([one["new"] for one in again["events"]], again["session"]["module"]) == ([False, True], "web")


@pytest.mark.parametrize(
    ("event", "status", "field"),
    [
        ({"score": 101}, 422, "events[0].score"),
        ({"skills": ["nobody knows"]}, 422, "events[0].skills[0]"),
        ({"occurred_at": "2040-01-01T00:00:00Z"}, 422, "events[0].occurred_at"),
        ({"occurred_at": "1960-01-01T00:00:00Z"}, 422, "events[0].occurred_at"),
        ({"id": "6f1f4a39-98b5-5d9f-9a3d-3c0a5f6f2c11"}, 422, "events[0].id"),
        ({"kind": "session.ended"}, 422, None),
        ({"type": ""}, 422, "events[0].type"),
    ],
)
async def test_problems_name_the_field(school: Platform, event: dict[str, Any], status: int, field: str | None) -> None:
    session = await begun(school.key, user="ext:ada")
    problem = await added(school.key, session["id"], event, status=status)
    assert field is None or problem["field"] == field
    assert (await school.key.get(f"/api/sessions/{session['id']}")).json()["activities"] == 0


async def test_a_key_without_the_scope_states_no_scores(door: Door, school: Platform) -> None:
    admin = await door.admin()
    scopes = ["events:read", "events:write"]
    made = await admin.post(f"/api/platforms/{school.id}/keys", {"name": "poor", "scopes": scopes})
    poor = Visitor(door.client, made.json()["key"])
    session = await begun(poor, user="ext:ada")
    problem = await added(poor, session["id"], {}, {"score": 50}, status=403)
    assert (problem["field"], problem["scope"]) == ("events[1].score", "scores:write")
    assert (await added(poor, session["id"], {}))["session"]["activities"] == 1


async def test_who_may_do_what(door: Door, school: Platform) -> None:
    admin = await door.admin()
    ada, ada_id = await door.learner("ada@example.org")
    bob, _ = await door.learner("bob@example.org")
    club = await door.platform(*SCOPES)
    async with door.engine.transaction() as tx:
        join = text("insert into memberships (platform_id, external_id, user_id) values (:platform, 'ada too', :user)")
        for platform in (school.id, club.id):
            await tx.session.execute(join, {"platform": platform, "user": ada_id})
    schools = await begun(school.key, user="ext:ada too")
    own = await begun(ada)
    for nobody in (bob, club.key):
        for method, path, body in (
            ("GET", "", None),
            ("POST", "/events", {"events": [{"type": "quiz"}]}),
            ("POST", "/end", None),
        ):
            foreign = await nobody.send(method, f"/api/sessions/{schools['id']}{path}", json=body)
            absent = await nobody.send(method, f"/api/sessions/{uuid4()}{path}", json=body)
            assert (foreign.status_code, foreign.json()["detail"]) == (404, absent.json()["detail"])
    # Ada may go on with what the school began, and it stays the school's business.
    taken = await added(ada, schools["id"], {"score": 100})
    assert taken["events"][0]["counts"] is False
    assert taken["session"]["platform"] == school.id
    shown = (await club.key.get(f"/api/users/{ada_id}/events")).json()["items"]
    assert {one["subject"] for one in shown} == {own["subject"]}
    # A platform sees what she recorded herself, and writes nothing there.
    assert (await club.key.get(f"/api/sessions/{own['id']}")).status_code == 200
    assert (await club.key.post(f"/api/sessions/{own['id']}/end")).status_code == 403
    assert (await admin.get(f"/api/sessions/{own['id']}")).status_code == 200
    assert (await admin.post(f"/api/sessions/{own['id']}/end")).status_code == 403
    assert (await admin.post("/api/sessions", {"user": ada_id})).status_code == 404
    assert (await bob.post("/api/sessions", {"user": ada_id})).status_code == 404
    assert (await bob.get("/api/sessions", params={"user": ada_id})).status_code == 404
    for who, whose in ((ada, {schools["id"], own["id"]}), (club.key, {own["id"]}), (school.key, {schools["id"], own["id"]})):
        listed = await who.get("/api/sessions", params={"user": ada_id})
        assert {one["id"] for one in listed.json()["items"]} == whose


async def test_a_mentor_reads_and_writes_nothing(door: Door) -> None:
    ada, ada_id = await door.learner("ada@example.org")
    guide, guide_id = await door.learner("guide@example.org")
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update users set role = 'mentor' where id = :guide"), {"guide": guide_id})
        await tx.session.execute(text("insert into mentors values (:guide, :ada)"), {"guide": guide_id, "ada": ada_id})
    session = await begun(ada)
    assert (await guide.get(f"/api/sessions/{session['id']}")).status_code == 200
    assert (await guide.post(f"/api/sessions/{session['id']}/end")).status_code == 404


async def test_the_list_goes_on_where_it_ended(door: Door) -> None:
    ada, _ = await door.learner()
    made = [(await begun(ada))["id"] for _ in range(5)]
    found: list[str] = []
    cursor = None
    while True:
        answer = (await ada.get("/api/sessions", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        found += [one["id"] for one in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]
    assert (await ada.get("/api/sessions", params={"cursor": "x"})).status_code == 400
