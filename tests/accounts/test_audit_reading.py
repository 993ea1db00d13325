"""Administrators search the audit, people see what was done about them, and neither sees more."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import delete
from structlog.contextvars import bound_contextvars

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note_apart
from skillcore.accounts.audit.erasure import strip_audit
from skillcore.accounts.tables import MembershipRow
from skillcore.runtime.callers import Caller, called_by
from skillcore.runtime.settings import AuditSettings, Settings
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.visitors import Door, Visitor


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, audit=AuditSettings(platform_reads=1))


async def items(visitor: Visitor, path: str) -> list[dict[str, Any]]:
    """Return all items of a list, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = await visitor.get(f"{path}{'&' if '?' in path else '?'}limit=2{cursor}")
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json()['next_cursor']}"


async def test_a_search_finds_by_act_actor_person_and_time(door: Door, database_dsns: Dsns) -> None:
    admin = await door.admin()
    ada, bob = uuid4(), uuid4()
    for act, actor, about in (("role.changed", ada, bob), ("role.changed", bob, ada), ("key.created", ada, None)):
        await note_apart(door.engine, act, Actor(kind="user", user_id=actor, role="admin"), about)  # type: ignore[arg-type]
    newest = (await admin.get("/api/audit?limit=1")).json()["items"][0]
    assert (newest["act"], newest["actor_id"], newest["actor_kind"]) == ("key.created", str(ada), "admin")
    ((digest,),) = rows(database_dsns, "select digest from audit where position = %s", newest["position"])
    assert newest["digest"] == digest.hex()
    for query, expected in (
        ("act=role.changed", [(bob, ada), (ada, bob)]),
        (f"by={ada}", [(ada, None), (ada, bob)]),
        (f"about={ada}", [(bob, ada)]),
        (f"by={ada}&about={bob}&act=role.changed", [(ada, bob)]),
        (f"about={bob}&act=key.created", []),
        (f"by={ada}&since=2100-01-01T00:00:00Z", []),
        (f"by={ada}&until=2000-01-01T00:00:00Z", []),
        (f"by={ada}&since=2000-01-01T00:00:00Z&until=2100-01-01T00:00:00Z", [(ada, None), (ada, bob)]),
    ):
        found = [(one["actor_id"], one["about_id"]) for one in await items(admin, f"/api/audit?{query}")]
        assert found == [(str(by), str(about) if about else None) for by, about in expected], query
    assert (await admin.get("/api/audit?act=no.such")).status_code == 400
    noted = rows(
        database_dsns, "select distinct detail->>'of', detail->>'by' from audit where act = 'audit.read' order by 1, 2"
    )
    assert ("role.changed", None) in noted
    assert (None, str(ada)) in noted


async def test_nobody_else_searches(door: Door) -> None:
    ada, _ = await door.learner()
    school = await door.platform("users:read")
    assert (await ada.get("/api/audit")).status_code == 403
    assert (await school.key.get("/api/audit")).status_code == 403
    assert (await door.anyone.get("/api/audit")).status_code == 401


async def test_people_see_what_was_done_about_them_and_by_whom_in_which_role(door: Door, database_dsns: Dsns) -> None:
    admin = await door.admin()
    root = (await admin.get("/api/auth/profile")).json()["id"]
    ada, ada_id = await door.learner()
    mia, mia_id = await door.learner("mia@example.org")
    await admin.send("PUT", f"/api/users/{mia_id}/role", json={"role": "mentor"})
    code = (await mia.post("/api/mentors/invitations", {})).json()["code"]
    school = await door.platform("users:read", "users:write")
    async with door.engine.transaction() as tx:
        tx.session.add(MembershipRow(platform_id=UUID(school.id), external_id="ada", user_id=UUID(ada_id)))
    before = len(await items(ada, "/api/auth/activity"))

    await ada.post("/api/mentors", {"code": code}, headers={"User-Agent": "Ada's browser"})
    await mia.get(f"/api/users/{ada_id}", headers={"User-Agent": "Mia's browser"})
    await school.key.get("/api/users/ext:ada")
    await admin.get(f"/api/users/{ada_id}", headers={"User-Agent": "Root's browser"})
    with called_by(Caller("203.0.113.9", "Somebody's browser")), bound_contextvars(request_id="r-1"):
        await note_apart(door.engine, "session.refused", about=UUID(ada_id))
    shown = (await items(ada, "/api/auth/activity"))[: -before or None]
    assert [(one["act"], one["by"], one["agent"]) for one in shown] == [
        ("session.refused", "nobody", "Somebody's browser"),
        ("person.read", "admin", ""),
        ("person.read", "platform", ""),
        ("person.read", "mentor", ""),
        ("mentor.accepted", "you", "Ada's browser"),
    ]
    assert [one["address"] for one in shown] == ["203.0.113.9", "", "", "", "127.0.0.1"]
    assert [one["mentor"] for one in shown] == [None, None, None, {"id": mia_id, "name": ""}, None]
    assert [one["platform"] for one in shown] == [None, None, {"id": school.id, "name": "Evening school"}, None, None]
    assert root not in str(shown)
    assert school.key_id not in str(shown)

    await ada.send("DELETE", f"/api/mentors/{mia_id}")
    async with door.engine.transaction() as tx:
        await tx.session.execute(delete(MembershipRow))
    later = await items(ada, "/api/auth/activity")
    assert {one["by"] for one in later if one["act"] == "person.read"} == {"admin", "platform", "mentor"}
    assert [one for one in later if one["mentor"] or one["platform"]] == []
    assert all(one["act"] != "person.read" or one["by"] == "you" for one in await items(mia, "/api/auth/activity"))


async def test_what_was_erased_is_shown_to_nobody(door: Door) -> None:
    ada, ada_id = await door.learner()
    admin = await door.admin()
    await admin.get(f"/api/users/{ada_id}")
    async with door.engine.transaction() as tx:
        await strip_audit(tx, UUID(ada_id))
    assert await items(ada, "/api/auth/activity") == []
    assert ada_id not in str(await items(admin, "/api/audit?act=person.read"))
