"""Joining a platform with an account: by invitation, knowingly, and never without being asked."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from skillcore.accounts.memberships import CONSENT, SHOWN
from tests.visitors import Door, Visitor

WHERE = "/api/memberships"
SCOPES = ("users:read", "users:write")


async def invited(key: Visitor, external_id: str = "ada", **more: Any) -> str:
    answer = await key.post(f"{WHERE}/invitations", {"external_id": external_id, **more})
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    return code


async def join(person: Visitor, code: str, consent: str = CONSENT) -> int:
    return (await person.post(WHERE, {"code": code, "consent": consent})).status_code


async def one(door: Door, query: str) -> Any:
    async with door.engine.transaction() as tx:
        return (await tx.session.execute(text(query))).one()


async def test_a_person_joins_knowing_what_is_seen(door: Door) -> None:
    school = await door.platform(*SCOPES)
    ada, ada_id = await door.learner()
    code = await invited(school.key)
    assert (await school.key.get("/api/users/ext:ada")).status_code == 404
    assert (await school.key.get(f"/api/users/{ada_id}")).status_code == 404
    offer = (await ada.post(f"{WHERE}/preview", {"code": code})).json()
    assert (offer["platform"], offer["platform_id"], offer["external_id"]) == ("Evening school", school.id, "ada")
    assert {entry["what"]: entry["text"] for entry in offer["shows"]} == SHOWN
    assert await one(door, "select count(*) from memberships") == (0,)
    joined = await ada.post(WHERE, {"code": code, "consent": offer["consent"]})
    assert joined.status_code == 201
    assert (await school.key.get("/api/users/ext:ada")).json()["id"] == ada_id
    assert (await ada.get(WHERE)).json() == [joined.json()]
    kept = await one(door, "select consent, consented_at is not null from memberships")
    assert kept == (offer["consent"], True)
    act, about, detail = await one(door, "select act, about_id::text, detail::jsonb from audit where act like 'membership.%'")
    assert (act, about, detail["consent"], detail["shows"]) == ("membership.joined", ada_id, offer["consent"], [*SHOWN])
    (listed,) = (await school.key.get(f"{WHERE}/invitations")).json()["items"]
    assert (listed["external_id"], listed["state"]) == ("ada", "accepted")
    assert code not in str(listed)


async def test_consent_is_to_what_was_shown(door: Door) -> None:
    school = await door.platform(*SCOPES)
    ada, _ = await door.learner()
    code = await invited(school.key)
    assert await join(ada, code, "something else") == 409
    assert (await ada.post(WHERE, {"code": code})).status_code == 422
    assert await one(door, "select count(*) from memberships") == (0,)
    assert await join(ada, code) == 201


async def test_a_code_works_once(door: Door) -> None:
    school = await door.platform(*SCOPES)
    people = [await door.learner(f"p{number}@example.org") for number in range(4)]
    code = await invited(school.key)
    statuses = await asyncio.gather(*(join(person, code) for person, _ in people))
    assert sorted(statuses) == [201, 404, 404, 404]
    assert await one(door, "select count(*) from memberships") == (1,)


async def test_codes_that_hold_no_more_are_as_unknown_ones(door: Door) -> None:
    school = await door.platform(*SCOPES)
    ada, _ = await door.learner()
    expired, replaced, refused, withdrawn = [await invited(school.key, name) for name in ("a", "b", "c", "d")]
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update membership_invitations set expires_at = now() where external_id = 'a'"))
    await invited(school.key, "b")
    assert (await ada.post(f"{WHERE}/refuse", {"code": refused})).status_code == 204
    listed = (await school.key.get(f"{WHERE}/invitations")).json()["items"]
    (number,) = [entry["id"] for entry in listed if entry["external_id"] == "d"]
    assert (await school.key.send("DELETE", f"{WHERE}/invitations/{number}")).status_code == 204
    assert (await school.key.send("DELETE", f"{WHERE}/invitations/{number}")).status_code == 404
    for action in ("", "/preview", "/refuse"):
        body = {"consent": CONSENT} if action == "" else {}
        answers = [
            await ada.post(f"{WHERE}{action}", {"code": code, **body})
            for code in ("never", expired, replaced, refused, withdrawn)
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
    shown = (await school.key.get(f"{WHERE}/invitations")).text
    assert "user" not in shown  # who refused is nobody's business


async def test_an_external_id_is_one_persons(door: Door) -> None:
    school = await door.platform(*SCOPES)
    ada, ada_id = await door.learner()
    brought = (await school.key.post("/api/users", {"external_id": "dora"})).json()["id"]
    refusal = await school.key.post(f"{WHERE}/invitations", {"external_id": "dora"})
    assert (refusal.status_code, refusal.json()["field"]) == (409, "external_id")
    code = await invited(school.key, "ada")
    assert (await school.key.post("/api/users", {"external_id": "ada"})).status_code == 201  # brought meanwhile
    assert await join(ada, code) == 409
    assert await join(ada, await invited(school.key, "ada-2")) == 201
    assert await join(ada, await invited(school.key, "ada-3")) == 409
    assert {entry["id"] for entry in (await school.key.get("/api/users")).json()["items"]} >= {brought, ada_id}


async def test_who_leaves_is_not_there_any_more(door: Door) -> None:
    school = await door.platform(*SCOPES, "events:write", "events:read", "projects:write", "projects:read")
    ada, ada_id = await door.learner()
    await join(ada, await invited(school.key))
    event = {"user": "ext:ada", "kind": "platform.volunteered", "data": {"title": "Fair"}}
    assert (await school.key.post("/api/events", event)).status_code == 201
    assert (await ada.send("DELETE", f"{WHERE}/{school.id}")).status_code == 204
    for reference in ("ext:ada", ada_id):
        for path in ("", "/events", "/sources"):
            gone = await school.key.get(f"/api/users/{reference}{path}")
            assert (gone.status_code, gone.json()["detail"]) == (404, "there is no such person, or not for you"), path
    assert (await school.key.get("/api/users")).json()["items"] == []
    assert [entry["kind"] for entry in (await ada.get("/api/users/me/events")).json()["items"]] == ["platform.volunteered"]
    assert (await ada.get(WHERE)).json() == []
    assert (await ada.send("DELETE", f"{WHERE}/{school.id}")).status_code == 404
    assert (await one(door, "select act from audit where act = 'membership.left'")) == ("membership.left",)
    assert await join(ada, await invited(school.key)) == 201


async def test_leaving_a_foreign_platform_is_leaving_none(door: Door) -> None:
    school = await door.platform(*SCOPES)
    ada, _ = await door.learner()
    foreign = await ada.send("DELETE", f"{WHERE}/{school.id}")
    absent = await ada.send("DELETE", f"{WHERE}/{uuid4()}")
    assert foreign.status_code == 404
    assert foreign.content == absent.content


async def test_of_two_platforms_neither_learns_of_the_other(door: Door) -> None:
    school, club = await door.platform(*SCOPES), await door.platform(*SCOPES)
    ada, ada_id = await door.learner()
    before = (await school.key.get("/api/users")).text
    assert await join(ada, await invited(school.key)) == 201
    alone = [(await school.key.get(path)).text for path in (f"/api/users/{ada_id}", "/api/users", f"{WHERE}/invitations")]
    assert await join(ada, await invited(club.key, "ada")) == 201
    both = [(await school.key.get(path)).text for path in (f"/api/users/{ada_id}", "/api/users", f"{WHERE}/invitations")]
    assert alone == both != [before] * 3
    assert len((await ada.get(WHERE)).json()) == 2


async def test_an_invitation_of_one_platform_leaves_those_of_another_alone(door: Door) -> None:
    """External ids are each platform's own; the same one says nothing."""
    school, club = await door.platform(*SCOPES), await door.platform(*SCOPES)
    ada, _ = await door.learner()
    of_school = await invited(school.key, "17")
    await invited(club.key, "17")
    assert await join(ada, of_school) == 201


async def test_platforms_do_not_join_people_and_people_do_not_invite(door: Door) -> None:
    school = await door.platform(*SCOPES)
    ada, _ = await door.learner()
    code = await invited(school.key)
    assert (await school.key.post(WHERE, {"code": code, "consent": CONSENT})).status_code == 403
    assert (await ada.post(f"{WHERE}/invitations", {"external_id": "x"})).status_code == 403
    reader = await door.platform("users:read")
    assert (await reader.key.post(f"{WHERE}/invitations", {"external_id": "x"})).status_code == 403
