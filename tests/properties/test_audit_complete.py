"""The audit is complete: whatever people do over HTTP leaves exactly the entries that it should, and the chain holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from skillcore.accounts.audit.checks import audit
from skillcore.runtime.settings import AuditSettings, Settings
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.visitors import PASSWORD, Door, Visitor

Noted = tuple[str, str, str | None, str | None]
"""Act, kind of actor, actor and whom it is about."""

SHORT = tried(
    phases=[Phase.explicit, Phase.generate],  # a story is read faster than it is told again
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LONG = tried(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
NOTED = """select act, actor_kind, actor_id::text, about_id::text, position from audit where position > %s order by position"""
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, audit=AuditSettings(platform_reads=1))


class Town:
    """Root administers; Ada learns, Mia mentors, and Bob is the school's. Each act returns what it is to leave."""

    def __init__(self, door: Door, dsns: Dsns) -> None:
        self.door, self.dsns = door, dsns
        self.upto = 0
        self.mentored = False
        self.codes: list[str] = []
        self.keys: list[str] = []
        self.sessions: list[Visitor] = []
        self.role = "learner"

    async def found(self) -> Town:
        self.root = await self.door.admin()
        self.root_id: str = (await self.root.get("/api/auth/profile")).json()["id"]
        self.ada, self.ada_id = await self.door.learner("ada@example.org")
        self.mia, self.mia_id = await self.door.learner("mia@example.org")
        await self.root.send("PUT", f"/api/users/{self.mia_id}/role", json={"role": "mentor"})
        self.school = await self.door.platform("users:read", "users:write", "scores:read")
        self.bob_id: str = (await self.school.key.post("/api/users", {"external_id": "bob"})).json()["id"]
        self.noted()
        return self

    def noted(self) -> list[Noted]:
        """Return what was noted since the last time."""
        found = rows(self.dsns, NOTED, self.upto)
        self.upto = found[-1][4] if found else self.upto
        return [row[:4] for row in found]

    def by_root(self, act: str, about: str | None = None) -> list[Noted]:
        return [(act, "admin", self.root_id, about)]

    async def sends(self, visitor: Visitor, method: str, path: str, body: Any = None, *, status: int) -> Any:
        answer = await visitor.send(method, path, json=body)
        assert answer.status_code == status, (method, path, answer.text)
        return answer.json() if answer.content else None

    async def sign_in(self) -> list[Noted]:
        body = {"email": "ada@example.org", "password": PASSWORD}
        made = await self.sends(self.door.anyone, "POST", "/api/auth/login", body, status=200)
        self.sessions.append(Visitor(self.door.client, made["access_token"]))
        return [("session.started", "nobody", None, self.ada_id)]

    async def sign_in_wrongly(self) -> list[Noted]:
        body = {"email": "ada@example.org", "password": "not the password at all"}
        await self.sends(self.door.anyone, "POST", "/api/auth/login", body, status=401)
        return [("session.refused", "nobody", None, self.ada_id)]

    async def sign_in_as_nobody(self) -> list[Noted]:
        body = {"email": "nobody@example.org", "password": PASSWORD}
        await self.sends(self.door.anyone, "POST", "/api/auth/login", body, status=401)
        return [("session.refused", "nobody", None, None)]

    async def sign_out(self) -> list[Noted]:
        if not self.sessions:
            return []
        await self.sends(self.sessions.pop(), "POST", "/api/auth/logout", status=204)
        return [("session.ended", "learner", self.ada_id, self.ada_id)]

    async def read_as_administrator(self) -> list[Noted]:
        await self.sends(self.root, "GET", f"/api/users/{self.ada_id}/level", status=200)
        return self.by_root("person.read", self.ada_id)

    async def read_nobody(self) -> list[Noted]:
        await self.sends(self.root, "GET", f"/api/users/{NOBODY}", status=404)
        return []

    async def list_as_administrator(self) -> list[Noted]:
        listed = await self.sends(self.root, "GET", "/api/users?limit=3", status=200)
        return [
            one
            for person in listed["items"]
            if person["id"] != self.root_id
            for one in self.by_root("person.read", person["id"])
        ]

    async def read_as_platform(self) -> list[Noted]:
        await self.sends(self.school.key, "GET", "/api/users/ext:bob/level", status=200)
        return [("person.read", "key", self.school.key_id, self.bob_id)]

    async def list_as_platform(self) -> list[Noted]:
        await self.sends(self.school.key, "GET", "/api/users", status=200)
        return [("person.read", "key", self.school.key_id, self.bob_id)]

    async def read_anothers(self) -> list[Noted]:
        await self.sends(self.school.key, "GET", f"/api/users/{self.ada_id}", status=404)
        await self.sends(self.ada, "GET", f"/api/users/{self.bob_id}", status=404)
        return []

    async def read_oneself(self) -> list[Noted]:
        for path in ("/api/users/me", "/api/users/me/level", "/api/auth/profile", "/api/auth/activity", "/api/mentors"):
            await self.sends(self.ada, "GET", path, status=200)
        await self.sends(self.root, "GET", "/api/users/me", status=200)
        return []

    async def presume(self) -> list[Noted]:
        await self.sends(self.ada, "GET", "/api/platforms", status=403)
        await self.sends(self.mia, "PUT", f"/api/users/{self.mia_id}/role", {"role": "admin"}, status=403)
        await self.sends(self.school.key, "GET", "/api/audit", status=403)
        await self.sends(self.door.anyone, "GET", "/api/audit", status=401)
        return [
            ("permission.refused", "learner", self.ada_id, None),
            ("permission.refused", "mentor", self.mia_id, None),
            ("permission.refused", "key", self.school.key_id, None),
        ]

    async def invite(self) -> list[Noted]:
        self.codes.append((await self.sends(self.mia, "POST", "/api/mentors/invitations", {}, status=201))["code"])
        return [("mentor.invited", "mentor", self.mia_id, None)]

    async def accept(self) -> list[Noted]:
        if not self.codes:
            await self.sends(self.ada, "POST", "/api/mentors", {"code": "made up"}, status=404)
            return []
        if self.mentored:
            await self.sends(self.ada, "POST", "/api/mentors", {"code": self.codes[-1]}, status=200)
            return []
        await self.sends(self.ada, "POST", "/api/mentors", {"code": self.codes.pop()}, status=201)
        self.mentored = True
        return [("mentor.accepted", "learner", self.ada_id, self.mia_id)]

    async def leave(self) -> list[Noted]:
        ended, self.mentored = self.mentored, False
        await self.sends(self.ada, "DELETE", f"/api/mentors/{self.mia_id}", status=204 if ended else 404)
        return [("mentor.ended", "learner", self.ada_id, self.mia_id)] if ended else []

    async def dismiss(self) -> list[Noted]:
        ended, self.mentored = self.mentored, False
        await self.sends(self.mia, "DELETE", f"/api/learners/{self.ada_id}", status=204 if ended else 404)
        return [("mentor.ended", "mentor", self.mia_id, self.ada_id)] if ended else []

    async def read_as_mentor(self) -> list[Noted]:
        await self.sends(self.mia, "GET", f"/api/users/{self.ada_id}/events", status=200 if self.mentored else 404)
        await self.sends(self.mia, "GET", "/api/learners", status=200)
        return [("person.read", "mentor", self.mia_id, self.ada_id)] * 2 if self.mentored else []

    async def appoint(self) -> list[Noted]:
        self.role = "learner" if self.role == "mentor" else "mentor"
        for _ in range(2):  # the second time it is nothing new
            await self.sends(self.root, "PUT", f"/api/users/{self.bob_id}/role", {"role": self.role}, status=200)
        await self.sends(self.root, "PUT", f"/api/users/{self.root_id}/role", {"role": "learner"}, status=409)
        return self.by_root("role.changed", self.bob_id)

    async def make_platform(self) -> list[Noted]:
        await self.sends(self.root, "POST", "/api/platforms", {"name": "Another"}, status=201)
        await self.sends(self.root, "POST", "/api/platforms", {"name": ""}, status=422)
        return self.by_root("platform.created")

    async def make_key(self) -> list[Noted]:
        made = await self.sends(
            self.root, "POST", f"/api/platforms/{self.school.id}/keys", {"name": "k", "scopes": ["users:read"]}, status=201
        )
        self.keys.append(made["id"])
        return self.by_root("key.created")

    async def revoke_key(self) -> list[Noted]:
        if not self.keys:
            return []
        path = f"/api/platforms/{self.school.id}/keys/{self.keys.pop()}"
        for _ in range(2):
            await self.sends(self.root, "DELETE", path, status=204)
        return self.by_root("key.revoked")

    async def search(self) -> list[Noted]:
        await self.sends(self.root, "GET", f"/api/audit?about={self.ada_id}&act=person.read", status=200)
        return self.by_root("audit.read", self.ada_id)


ACTS: list[Callable[[Town], Awaitable[list[Noted]]]] = [
    Town.sign_in,
    Town.sign_in_wrongly,
    Town.sign_in_as_nobody,
    Town.sign_out,
    Town.read_as_administrator,
    Town.read_nobody,
    Town.list_as_administrator,
    Town.read_as_platform,
    Town.list_as_platform,
    Town.read_anothers,
    Town.read_oneself,
    Town.presume,
    Town.invite,
    Town.accept,
    Town.leave,
    Town.dismiss,
    Town.read_as_mentor,
    Town.appoint,
    Town.make_platform,
    Town.make_key,
    Town.revoke_key,
    Town.search,
]
LIVES = st.lists(st.sampled_from(ACTS), min_size=1, max_size=12)


@pytest.fixture
async def town(door: Door, database_dsns: Dsns) -> Town:
    return await Town(door, database_dsns).found()


async def each_leaves_what_it_should(town: Town, life: list[Callable[[Town], Awaitable[list[Noted]]]]) -> None:
    for act in life:
        assert await act(town) == town.noted(), act.__name__
    assert [finding async for finding in audit(town.door.engine)] == []


async def test_each_act_leaves_its_entries(town: Town) -> None:
    """Once each, so that none is left to chance."""
    await each_leaves_what_it_should(town, [*ACTS, Town.accept, Town.invite, Town.accept, Town.read_as_mentor])


@SHORT
@given(life=LIVES)
async def test_the_audit_is_complete(town: Town, life: list[Callable[[Town], Awaitable[list[Noted]]]]) -> None:
    await each_leaves_what_it_should(town, life)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@LONG
@given(life=LIVES)
async def test_the_audit_is_complete_for_long(town: Town, life: list[Callable[[Town], Awaitable[list[Noted]]]]) -> None:
    await each_leaves_what_it_should(town, life)
