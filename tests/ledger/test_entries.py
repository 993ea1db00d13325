"""Events and skills over HTTP: what may be reported by whom, that nothing is recorded twice, and who sees what."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from skillcore.accounts.access import Actor
from skillcore.ledger.preparation import evidence_id
from skillcore.runtime.pages import cursor_of, position
from tests.visitors import Door, Visitor
from tests.world import World

SHARED = {"user": "ext:ada", "kind": "platform.opportunity_shared", "subject": "o-1", "data": {"title": "Reading evening"}}


async def school(door: Door, *scopes: str, people: tuple[str, ...] = ("ada",)) -> Visitor:
    """Return the key of a new platform with members."""
    platform = await door.platform("users:write", "events:write", "events:read", "skills:read", "skills:write", *scopes)
    for name in people:
        assert (await platform.key.post("/api/users", {"external_id": name})).status_code == 201
    return platform.key


async def events(visitor: Visitor, person: str = "ext:ada", **asked: Any) -> list[dict[str, Any]]:
    answer = await visitor.get(f"/api/users/{person}/events", params=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_an_event_is_recorded_as_it_was_sent(door: Door) -> None:
    key = await school(door)
    assert (await key.post("/api/skills", {"name": "Public speaking", "aliases": ["Oratory"]})).status_code == 201
    sent = SHARED | {
        "kind": "platform.volunteered",
        "skills": ["oratory", "PUBLIC speaking"],
        "occurred_at": "2026-03-01T12:00:00+01:00",
        "data": {"minutes": 90},
    }
    answer = await key.post("/api/events", sent)
    assert answer.status_code == 201
    assert answer.json()["new"] is True
    (event,) = await events(key)
    assert event.pop("recorded_at")
    assert event == {
        "id": answer.json()["id"],
        "version": None,
        "kind": "platform.volunteered",
        "subject": "o-1",
        "skills": ["public-speaking"],
        "data": {"minutes": 90.0},
        "occurred_at": "2026-03-01T11:00:00Z",
        "via": "platform",
    }


async def test_sending_an_event_again_changes_nothing(door: Door) -> None:
    key = await school(door)
    sent = SHARED | {"id": str(uuid4()), "occurred_at": "2026-03-01T12:00:00Z"}
    assert (await key.post("/api/events", sent)).status_code == 201
    again = await key.post("/api/events", sent)
    assert (again.status_code, again.json()) == (200, {"id": sent["id"], "new": False})
    other = await key.post("/api/events", sent | {"subject": "o-2"})
    assert (other.status_code, other.json()["field"], other.json()["ids"]) == (409, "id", [sent["id"]])
    assert len(await events(key)) == 1


async def test_an_idempotency_key_gives_an_event_its_id(door: Door) -> None:
    key = await school(door)
    sent = SHARED | {"occurred_at": "2026-03-01T12:00:00Z"}
    first = await key.post("/api/events", sent, headers={"Idempotency-Key": "k-1"})
    async with door.engine.transaction() as tx:  # as if the answer had been lost with its process
        await (await tx.psycopg()).execute("delete from idempotency_keys")
    again = await key.post("/api/events", sent, headers={"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    elsewhere = await key.post("/api/events", sent, headers={"Idempotency-Key": "k-2"})
    assert elsewhere.status_code == 201


REFUSED = [
    ({"kind": "platform.unheard_of"}, 422, "kind"),
    ({"kind": "evidence.accepted"}, 403, "kind"),
    ({"kind": "task.completed"}, 403, "kind"),
    ({"kind": "level.changed"}, 403, "kind"),
    ({"kind": "nonsense"}, 422, "kind"),
    ({"user": "ext:bob"}, 404, "user"),
    ({"user": "me"}, 404, "user"),
    ({"user": str(uuid4())}, 404, "user"),
    ({"skills": ["juggling"]}, 422, "skills[0]"),
    ({"data": {"titel": "typo"}}, 422, "data.titel"),
    ({"data": {"title": 7}}, 422, "data.title"),
    ({"kind": "platform.volunteered", "data": {"minutes": 1441}}, 422, "data.minutes"),
    ({"occurred_at": "2999-01-01T00:00:00Z"}, 422, "occurred_at"),
    ({"occurred_at": "1969-12-31T23:59:59Z"}, 422, "occurred_at"),
    ({"occurred_at": "2026-01-01T00:00:00"}, 422, "occurred_at"),
    ({"id": "not-an-id"}, 422, "id"),
    ({"id": str(evidence_id("gym:ada:a"))}, 422, "id"),
    ({"version": 3}, 422, "version"),
    ({"kind": "session.activity", "data": {"type": "quiz", "score": 90}}, 403, "data.score"),
]


@pytest.mark.parametrize(("change", "status", "field"), REFUSED)
async def test_what_cannot_be_recorded_is_refused_by_field(door: Door, change: Any, status: int, field: str) -> None:
    key = await school(door)
    answer = await key.post("/api/events", SHARED | change)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    batch = await key.post("/api/events/batch", {"events": [SHARED, SHARED | change, SHARED]})
    assert [result["status"] for result in batch.json()["results"]] == ["recorded", "refused", "recorded"]
    problem = batch.json()["results"][1]["problem"]
    assert (problem["status"], problem["field"]) == (status, field)
    atomic = await key.post("/api/events/batch", {"events": [SHARED, SHARED | change, SHARED], "atomic": True})
    assert (atomic.status_code, atomic.json()["field"]) == (status, f"events[1].{field}")
    assert len(await events(key)) == 2


async def test_a_platforms_own_kinds_carry_what_it_likes(door: Door) -> None:
    key = await school(door)
    data = {"n": 2**70, "deep": [{"a": None}, 1e-300, "\u2028 ½ \U0001f600"], "": ""}
    assert (await key.post("/api/events", {"user": "ext:ada", "kind": "x.own", "data": data})).status_code == 201
    assert (await events(key))[0]["data"] == data


async def test_a_score_needs_its_scope(door: Door) -> None:
    scored = {"user": "ext:ada", "kind": "session.activity", "data": {"type": "quiz", "score": 90}}
    assert (await (await school(door, "scores:write")).post("/api/events", scored)).status_code == 201


async def test_people_report_only_of_themselves(door: Door) -> None:
    ada, ada_id = await door.learner()
    _, bob_id = await door.learner("bob@example.org")
    spent = {"kind": "progress.time", "subject": "space", "data": {"minutes": 30}}
    assert (await ada.post("/api/events", spent)).status_code == 201
    assert (await ada.post("/api/events", spent | {"user": ada_id})).status_code == 201
    assert (await ada.post("/api/events", spent | {"user": bob_id})).status_code == 404
    assert (await ada.post("/api/events", spent | {"kind": "x.own"})).status_code == 403
    assert (await ada.post("/api/events", SHARED | {"user": "me"})).status_code == 403
    assert (await ada.post("/api/events", spent | {"kind": "progress.updated"})).status_code == 403
    admin = await door.admin()
    assert (await admin.post("/api/events", spent | {"user": ada_id})).status_code == 404
    assert [event["via"] for event in await events(ada, "me")] == ["page", "page"]
    assert (await ada.get(f"/api/users/{bob_id}/events")).status_code == 404
    assert len(await events(admin, ada_id)) == 2


async def test_a_batch_tells_what_became_of_each(door: Door) -> None:
    key = await school(door, people=("ada", "bob"))
    first, second = (SHARED | {"id": str(uuid4()), "occurred_at": "2026-03-01T12:00:00Z"} for _ in range(2))
    assert (await key.post("/api/events", first)).status_code == 201
    other = second | {"subject": "another"}
    for_bob = first | {"user": "ext:bob"}  # the same id in another stream is another event
    answer = await key.post("/api/events/batch", {"events": [first, second, first | {"subject": "changed"}, for_bob, SHARED]})
    assert answer.status_code == 200
    body = answer.json()
    assert [result["status"] for result in body["results"]] == ["refused", "recorded", "refused", "recorded", "recorded"]
    assert (body["recorded"], body["known"], body["refused"]) == (3, 0, 2)
    assert body["results"][2]["problem"]["status"] == 409
    again = await key.post("/api/events/batch", {"events": [first, second, other]})
    assert [result["status"] for result in again.json()["results"]] == ["known", "refused", "refused"]
    clean = await key.post("/api/events/batch", {"events": [first, second, second]})
    assert [result["status"] for result in clean.json()["results"]] == ["known", "known", "known"]
    assert (await key.post("/api/events/batch", {"events": [other, SHARED], "atomic": True})).status_code == 409
    assert (len(await events(key)), len(await events(key, "ext:bob"))) == (3, 1)


async def test_a_batch_has_a_limit(door: Door) -> None:
    key = await school(door)
    answer = await key.post("/api/events/batch", {"events": [SHARED] * 1001})
    assert (answer.status_code, answer.json()["field"], answer.json()["limit"]) == (413, "events", 1000)
    assert (await key.post("/api/events/batch", {"events": []})).status_code == 422
    whole = await key.post("/api/events/batch", {"events": [SHARED] * 1000})
    assert whole.json()["recorded"] == 1000
    async with door.engine.transaction() as tx:
        rows = await (await tx.psycopg()).execute("select count(*), max(version) from events")
        assert await rows.fetchone() == (1000, 1000)


async def test_platforms_do_not_learn_of_each_other(door: Door) -> None:
    one, other = await school(door, "users:read"), await door.platform("events:read", "events:write")
    ada = UUID((await one.get("/api/users/ext:ada")).json()["id"])
    there = Actor(kind="key", platform_id=UUID(other.id))
    await World(door.engine).join(there, Actor(kind="user", user_id=ada), "a-7")
    await one.post("/api/events", SHARED | {"subject": "ours"})
    await other.key.post("/api/events", SHARED | {"subject": "theirs", "user": "ext:a-7"})
    assert [event["subject"] for event in await events(one)] == ["ours"]
    assert [event["subject"] for event in await events(other.key, "ext:a-7")] == ["theirs"]
    assert [event["subject"] for event in await events(await door.admin(), str(ada))] == ["ours", "theirs"]


async def test_events_come_a_page_at_a_time(door: Door) -> None:
    key = await school(door)
    sent = [SHARED | {"subject": f"o-{number}"} for number in range(5)] + [SHARED | {"kind": "x.own", "data": {}}]
    assert (await key.post("/api/events/batch", {"events": sent})).json()["recorded"] == 6
    seen, cursor = [], None
    while True:
        page = (await key.get("/api/users/ext:ada/events", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [event["subject"] for event in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["o-0", "o-1", "o-2", "o-3", "o-4", "o-1"]
    assert [event["kind"] for event in await events(key, kind="x.own")] == ["x.own"]
    assert (await key.get("/api/users/ext:ada/events", params={"cursor": "???"})).status_code == 400


async def test_people_see_the_places_of_their_events_and_platforms_no_gap(door: Door) -> None:
    one, other = await school(door, "users:read", "scores:read"), await door.platform("events:read", "events:write")
    ada_id = (await one.get("/api/users/ext:ada")).json()["id"]
    there = Actor(kind="key", platform_id=UUID(other.id))
    await World(door.engine).join(there, Actor(kind="user", user_id=UUID(ada_id)), "a-7")
    theirs = None
    for number in range(3):
        assert (await one.post("/api/events", SHARED | {"subject": f"ours {number}"})).status_code == 201
        theirs = (await other.key.post("/api/events", SHARED | {"user": "ext:a-7"})).json()["id"]
    admin = await door.admin()
    places = [event["version"] for event in await events(admin, ada_id)]
    assert places == [1, 2, 3, 4, 5, 6]
    first = (await one.get("/api/users/ext:ada/events", params={"limit": 2})).json()
    assert [(event["subject"], event["version"]) for event in first["items"]] == [("ours 0", None), ("ours 1", None)]
    assert position(first["next_cursor"], UUID) == UUID(first["items"][-1]["id"])
    rest = (await one.get("/api/users/ext:ada/events", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [event["subject"] for event in rest["items"]] == ["ours 2"]
    for foreign in (cursor_of(theirs), cursor_of(uuid4()), cursor_of(1)):
        assert (await one.get("/api/users/ext:ada/events", params={"cursor": foreign})).status_code == 400
    half = (await admin.get(f"/api/users/{ada_id}/events", params={"limit": 3})).json()
    rest = (await admin.get(f"/api/users/{ada_id}/events", params={"cursor": half["next_cursor"]})).json()
    assert [event["version"] for event in rest["items"]] == [4, 5, 6]
    for path, asked in ((f"/api/users/{ada_id}/level", {}), ("/api/explain/level", {"user": ada_id})):
        assert (await one.get(path, params=asked)).json()["head"] is None
        assert (await admin.get(path, params=asked)).json()["head"] == 6


async def test_an_id_that_another_platform_used_tells_nothing_but_that(door: Door) -> None:
    one, other = await school(door, "users:read"), await door.platform("events:read", "events:write")
    ada = UUID((await one.get("/api/users/ext:ada")).json()["id"])
    there = Actor(kind="key", platform_id=UUID(other.id))
    await World(door.engine).join(there, Actor(kind="user", user_id=ada), "a-7")
    sent = SHARED | {"id": str(uuid4()), "occurred_at": "2026-03-01T12:00:00Z"}
    assert (await one.post("/api/events", sent)).status_code == 201
    for subject in (sent["subject"], "else"):  # it is not theirs, also where all that they sent is the same
        answer = await other.key.post("/api/events", sent | {"user": "ext:a-7", "subject": subject})
        assert (answer.status_code, answer.json()["ids"]) == (409, [sent["id"]])
    assert await events(other.key, "ext:a-7") == []


async def test_the_catalogue_knows_a_skill_by_any_of_its_names(door: Door) -> None:
    key = await school(door)
    made = await key.post("/api/skills", {"name": "C++", "category": "languages", "aliases": ["CPP", "c plus plus"]})
    assert (made.status_code, made.json().get("id")) == (201, "cplusplus"), made.text
    assert (await key.get("/api/skills/cpp")).json() == made.json()
    assert (await key.post("/api/skills", {"name": "cpp"})).status_code == 409
    assert (await key.post("/api/skills", {"name": "C", "aliases": ["c++"]})).status_code == 409
    assert (await key.post("/api/skills", {"name": "!!"})).status_code == 422
    assert (await key.post("/api/skills", {"name": "C"})).status_code == 201
    listed = (await key.get("/api/skills", params={"limit": 1})).json()
    assert [skill["id"] for skill in listed["items"]] == ["c"]
    rest = (await key.get("/api/skills", params={"limit": 1, "cursor": listed["next_cursor"]})).json()
    assert (rest["items"], rest["next_cursor"]) == ([made.json()], None)
    assert [skill["id"] for skill in (await key.get("/api/skills?category=languages")).json()["items"]] == ["cplusplus"]
    assert (await key.get("/api/skills/rust")).status_code == 404
    ada, _ = await door.learner()
    assert (await ada.post("/api/skills", {"name": "Rust"})).status_code == 403
    assert (await ada.get("/api/skills/c")).status_code == 200
