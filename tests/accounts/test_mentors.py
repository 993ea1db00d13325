"""Mentors read of those who accepted them, and change nothing; roles are given by administrators."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from skillcore.accounts import mentors, roles
from skillcore.accounts.access import Actor
from skillcore.accounts.mentor_tables import MentorInvitationRow
from skillcore.runtime.clock import now
from skillcore.runtime.problems import Conflict, NotFound
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.visitors import Door, Visitor


class Person(NamedTuple):
    visitor: Visitor
    id: str


class School(NamedTuple):
    """Ada and Bob learn, Mia and Max mentor."""

    door: Door
    admin: Visitor
    ada: Person
    bob: Person
    mia: Person
    max: Person


@pytest.fixture
async def school(door: Door) -> School:
    admin = await door.admin()
    people = [Person(*await door.learner(f"{name}@example.org")) for name in ("ada", "bob", "mia", "max")]
    for mentor in people[2:]:
        answer = await admin.send("PUT", f"/api/users/{mentor.id}/role", json={"role": "mentor"})
        assert (answer.status_code, answer.json()) == (200, {"id": mentor.id, "role": "mentor"})
    return School(door, admin, *people)


async def code_of(mentor: Person, **data: Any) -> str:
    answer = await mentor.visitor.post("/api/mentors/invitations", data)
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    return code


WAITING = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
READS = "select actor_kind, actor_id::text, about_id::text, detail->>'route' from audit"


async def accept(learner: Person, code: str) -> int:
    return (await learner.visitor.post("/api/mentors", {"code": code})).status_code


async def test_a_mentor_reads_those_who_accepted_until_either_ends_it(school: School, database_dsns: Dsns) -> None:
    ada, mia = school.ada, school.mia
    absent = await mia.visitor.get(f"/api/users/{uuid4()}")
    assert absent.status_code == 404
    for path in ("", "/events", "/sources"):
        answer = await mia.visitor.get(f"/api/users/{ada.id}{path}")
        assert (answer.status_code, answer.json()["detail"]) == (404, absent.json()["detail"])
    code = await code_of(mia)
    answer = await ada.visitor.post("/api/mentors", {"code": code})
    assert (answer.status_code, answer.json()["user_id"]) == (201, mia.id)
    for path in ("", "/events", "/sources"):
        assert (await mia.visitor.get(f"/api/users/{ada.id}{path}")).status_code == 200, path
    assert (await school.max.visitor.get(f"/api/users/{ada.id}")).json() == absent.json()
    assert (await mia.visitor.get(f"/api/users/{school.bob.id}")).json() == absent.json()
    assert [one["user_id"] for one in (await ada.visitor.get("/api/mentors")).json()["items"]] == [mia.id]
    assert [one["user_id"] for one in (await mia.visitor.get("/api/learners")).json()["items"]] == [ada.id]
    assert (await school.max.visitor.get("/api/learners")).json()["items"] == []
    seen = rows(database_dsns, f"{READS} where act = 'person.read' order by position")
    assert seen == [
        ("mentor", mia.id, ada.id, f"GET /api/{path}")
        for path in ("users/{person}", "users/{person}/events", "users/{person}/sources", "learners")
    ]

    assert (await ada.visitor.send("DELETE", f"/api/mentors/{mia.id}")).status_code == 204
    for path in ("", "/events", "/sources"):
        assert (await mia.visitor.get(f"/api/users/{ada.id}{path}")).json() == absent.json()
    assert (await ada.visitor.send("DELETE", f"/api/mentors/{mia.id}")).status_code == 404
    assert await accept(ada, await code_of(mia)) == 201
    assert (await mia.visitor.send("DELETE", f"/api/learners/{ada.id}")).status_code == 204
    assert (await mia.visitor.get(f"/api/users/{ada.id}")).json() == absent.json()
    assert rows(database_dsns, "select count(*) from mentors") == [(0,)]
    acts = rows(
        database_dsns, "select act, actor_id::text, about_id::text from audit where act like 'mentor.%' order by position"
    )
    assert acts == [
        ("mentor.invited", mia.id, None),
        ("mentor.accepted", ada.id, mia.id),
        ("mentor.ended", ada.id, mia.id),
        ("mentor.invited", mia.id, None),
        ("mentor.accepted", ada.id, mia.id),
        ("mentor.ended", mia.id, ada.id),
    ]


async def test_a_mentor_changes_nothing_of_a_learner(school: School) -> None:
    ada, mia = school.ada, school.mia
    task = {"description": "Solve it", "source": "gym", "requirements": {}}
    assert await accept(ada, await code_of(mia)) == 201
    update_ = {"user": ada.id, "content": "c", "project": str(uuid4())}
    for method, path, body in (
        ("POST", "/api/tasks", {**task, "user": ada.id}),
        ("POST", "/api/updates", update_),
        ("DELETE", f"/api/users/{ada.id}/sources/codeforces", None),
        ("PUT", f"/api/users/{ada.id}/role", {"role": "admin"}),
    ):
        answer = await mia.visitor.send(method, path, json=body)
        assert answer.status_code in {403, 404}, (method, path, answer.text)


async def test_a_mentor_who_is_none_any_more_sees_nobody(school: School) -> None:
    ada, mia = school.ada, school.mia
    left = await code_of(mia, uses=2)
    assert await accept(ada, left) == 201
    assert (await school.admin.send("PUT", f"/api/users/{mia.id}/role", json={"role": "learner"})).status_code == 200
    assert (await mia.visitor.get(f"/api/users/{ada.id}")).status_code == 404
    assert (await mia.visitor.get("/api/learners")).status_code == 403
    assert await accept(school.bob, left) == 404


async def test_a_code_holds_as_often_and_as_long_as_it_says(school: School) -> None:
    ada, bob, mia = school.ada, school.bob, school.mia
    once = await code_of(mia)
    assert sorted(await asyncio.gather(*(accept(who, once) for who in (ada, bob)))) == [201, 404]
    twice = await code_of(mia, uses=2)
    statuses = await asyncio.gather(*(accept(who, twice) for who in (ada, bob, ada, bob)))
    assert sorted(statuses) == [200, 200, 200, 201]  # whoever was in already takes no use
    assert (await mia.visitor.get("/api/mentors/invitations")).json()["items"][0]["uses"] == 1
    assert await accept(school.max, twice) == 201
    assert await accept(school.max, twice) == 404
    over = await code_of(mia)
    async with school.door.engine.transaction() as tx:
        await tx.session.execute(update(MentorInvitationRow).values(expires_at=now() - timedelta(seconds=1)))
    assert await accept(ada, over) == 404
    assert (await mia.visitor.get("/api/mentors/invitations")).json()["items"] == []
    async with school.door.engine.transaction() as tx:
        assert await mentors.forget_expired(tx, now(), 10) == 1
    assert await accept(mia, await code_of(mia)) == 409
    for nonsense in ("x", "\U0001f511", "a b"):
        assert await accept(ada, nonsense) == 404


async def test_of_two_who_accept_at_once_one_waits_for_the_other(school: School, database_dsns: Dsns) -> None:
    """The code was good for one of them, and is gone by then."""
    engine, once = school.door.engine, mentors.Acceptance(code=await code_of(school.mia))
    ada, bob = (Actor(kind="user", user_id=UUID(person.id)) for person in (school.ada, school.bob))

    async def late() -> None:
        async with engine.transaction() as tx:
            await mentors.accept(tx, bob, once)

    async with engine.transaction() as first:
        await mentors.accept(first, ada, once)
        await first.session.flush()
        second = asyncio.create_task(late())
        while not second.done() and not rows(database_dsns, WAITING):  # noqa: ASYNC110 - the database tells who asks
            await asyncio.sleep(0.02)
    with pytest.raises(NotFound):
        await second
    assert rows(database_dsns, "select learner_id from mentors") == [(ada.user_id,)]


async def test_a_withdrawn_code_holds_no_more(school: School, database_dsns: Dsns) -> None:
    code = await code_of(school.mia, hours=1)
    (invitation,) = (await school.mia.visitor.get("/api/mentors/invitations")).json()["items"]
    assert "code" not in invitation
    assert code not in str(rows(database_dsns, "select * from mentor_invitations"))
    path = f"/api/mentors/invitations/{invitation['id']}"
    assert (await school.max.visitor.send("DELETE", path)).status_code == 404
    assert (await school.mia.visitor.send("DELETE", path)).status_code == 204
    assert await accept(school.ada, code) == 404


async def test_invitations_of_one_mentor_are_bounded(school: School) -> None:
    for _ in range(mentors.MOST_INVITATIONS):
        await code_of(school.mia)
    assert (await school.mia.visitor.post("/api/mentors/invitations", {})).status_code == 409
    assert (await school.max.visitor.post("/api/mentors/invitations", {})).status_code == 201


async def test_learners_invite_nobody(school: School) -> None:
    for method, path in (("POST", "/api/mentors/invitations"), ("GET", "/api/learners")):
        answer = await school.ada.visitor.send(method, path, json={} if method == "POST" else None)
        assert answer.status_code == 403


async def test_a_role_holds_from_the_next_request_on(school: School) -> None:
    ada = school.ada
    assert (await ada.visitor.get("/api/users")).status_code == 403
    assert (await ada.visitor.send("PUT", f"/api/users/{ada.id}/role", json={"role": "admin"})).status_code == 403
    for role, status in (("admin", 200), ("mentor", 403), ("learner", 403)):
        assert (await school.admin.send("PUT", f"/api/users/{ada.id}/role", json={"role": role})).status_code == 200
        assert (await ada.visitor.get("/api/users")).status_code == status
    assert (await school.admin.send("PUT", f"/api/users/{uuid4()}/role", json={"role": "admin"})).status_code == 404
    assert (await school.admin.send("PUT", f"/api/users/{ada.id}/role", json={"role": "owner"})).status_code == 422


async def test_the_last_administrator_stays_one(school: School, database_dsns: Dsns) -> None:
    root = (await school.admin.get("/api/auth/profile")).json()["id"]
    path = f"/api/users/{root}/role"
    assert (await school.admin.send("PUT", path, json={"role": "learner"})).status_code == 409
    assert (await school.admin.send("PUT", path, json={"role": "admin"})).status_code == 200
    assert (await school.admin.send("PUT", f"/api/users/{school.ada.id}/role", json={"role": "admin"})).status_code == 200
    fallen = await asyncio.gather(
        school.admin.send("PUT", f"/api/users/{school.ada.id}/role", json={"role": "learner"}),
        school.ada.visitor.send("PUT", path, json={"role": "learner"}),
    )
    assert [answer.status_code for answer in fallen].count(200) == 1
    assert rows(database_dsns, "select count(*) from users where role = 'admin'") == [(1,)]


async def test_two_administrators_do_not_demote_each_other(school: School, database_dsns: Dsns) -> None:
    """The second decision waits for the first, and sees what it left."""
    engine = school.door.engine
    root = UUID((await school.admin.get("/api/auth/profile")).json()["id"])
    ada = UUID(school.ada.id)
    async with engine.transaction() as tx:
        await roles.appoint(tx, None, ada, "admin")

    async def demote(whom: UUID) -> None:
        async with engine.transaction() as tx:
            await roles.appoint(tx, None, whom, "learner")

    async with engine.transaction() as first:
        await roles.appoint(first, None, root, "learner")
        await first.session.flush()
        second = asyncio.create_task(demote(ada))
        while not second.done() and not rows(database_dsns, WAITING):  # noqa: ASYNC110 - the database tells who asks
            await asyncio.sleep(0.02)
    with pytest.raises(Conflict):
        await second
    assert rows(database_dsns, "select id from users where role = 'admin'") == [(ada,)]
