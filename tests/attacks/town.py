"""Two tenants and the people between them, with something of each kind: what attacks are tried on.

Ada learns at the School and has a guide, Bob at the Club and has a mentor; Cleo belongs to both.
Everything of the Club bears a word by which a trace of it is known wherever it turns up. The town is built once, over HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import jwt
import msgspec
from msgspec import Struct
from sqlalchemy import text

from skillcore.accounts.access import SCOPES
from skillcore.accounts.tokens import Tokens
from skillcore.ledger.tables import SkillRow
from skillcore.plugin import (
    Account,
    Advice,
    Challenge,
    ChallengeProof,
    Identity,
    IssuedChallenge,
    MCPServer,
    NotProved,
    NotVerified,
    OAuthClient,
    OAuthProof,
    Page,
    PathAdvisor,
    PathTopic,
    PluginInfo,
    Proof,
    ServerSettings,
    Tool,
    Tools,
    Verdict,
    VerificationSource,
    hookimpl,
)
from skillcore.plugin.manager import Plugins
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.testing import MCP_URL
from skillcore.verification.linking import Claim, link
from tests.visitors import PASSWORD, Door, Visitor

WORDS = {"school": "Haselmaus", "club": "Zwergspitzmaus"}
"""Which tenant's a text is."""


class Solved(Struct, frozen=True, forbid_unknown_fields=True):
    """The requirement."""

    exercise: str


class Gym(VerificationSource[Solved]):
    """Shows past work, and proves accounts by a challenge. Nobody asks it: no worker runs in these tests."""

    name = "gym"
    requirement = Solved
    server = MCPServer(tools=(Tool("solved", ("handle",)),), settings=ServerSettings(url=MCP_URL))
    proofs: tuple[Proof, ...] = (ChallengeProof(minutes=600),)

    async def verify(self, tools: Tools, account: Account, requirement: Solved) -> Verdict:
        return NotVerified(requirement.exercise, "nothing")

    async def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        yield Page(evidence=(), cursor="end")

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        return {"problems_solved": 1}

    def challenge(self, account: Account, number: int) -> Challenge:
        return Challenge(key=str(number), instructions=f"do exercise {number}")

    async def check_challenge(self, tools: Tools, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        return NotProved("it", "nothing")


class Track(Gym):
    """Has people sign in."""

    name = "track"
    proofs = (
        OAuthProof(
            client=OAuthClient(client_id="skillcore", client_secret="of the track"),
            authorize_url="https://track.test/authorize",
            token_url="https://track.test/token",
            user_url="https://track.test/user",
        ),
    )


class Library(PathAdvisor):
    """Advises on paths, if anybody asked it."""

    name = "library"
    server = MCPServer(tools=(Tool("look_up", ("name",)),), settings=ServerSettings(url=MCP_URL))

    async def advise(self, tools: Tools, topics: tuple[PathTopic, ...]) -> tuple[Advice, ...]:
        return ()


def plugins() -> Plugins:
    """Return the default plugins, the town's sources and its library."""
    module = ModuleType("sport")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_verification_sources(settings: None) -> list[Any]:
        return [Gym(), Track()]

    @hookimpl
    def skillcore_path_advisors(settings: None) -> list[Any]:
        return [Library()]

    for hook in (skillcore_plugin, skillcore_verification_sources, skillcore_path_advisors):
        setattr(module, hook.__name__, hook)
    return Plugins.load(allow=["sport"], strict=True, extra=[("sport", module)])


class Town(Struct, frozen=True):
    """Who is who, and what is whose.

    Attributes:
        callers: what each caller sends after ``Bearer``; None for nobody.
        things: by tenant, then by name: what requests refer to, as they write it. ``task@ada`` is what Ada means where
            others mean ``task``.
    """

    callers: dict[str, str | None]
    things: dict[str, dict[str, str]]

    def thing(self, name: str, whose: str, caller: str = "") -> str:
        """Return what a tenant's thing of this name is called, for a caller."""
        things = self.things[whose]
        return things.get(f"{name}@{caller}") or things[name]


@asynccontextmanager
async def built(door: Door) -> AsyncIterator[Town]:
    """Build the town behind a door."""
    root = await door.admin()
    callers: dict[str, str | None] = {"nobody": None, "root": root.credentials}
    async with door.engine.transaction() as tx:
        tx.session.add_all(SkillRow(id=name, name=name) for name in ("python", "sql"))
    people: dict[str, tuple[Visitor, str]] = {}
    for name in ("ada", "bob", "cleo", "guide", "mentor"):
        people[name] = await door.learner(f"{name}@example.org")
        callers[name] = people[name][0].credentials
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update users set role = 'mentor' where email ~ '^(guide|mentor)@'"))
    things: dict[str, dict[str, str]] = {}
    for tenant, learner, mentor in (("school", "ada", "guide"), ("club", "bob", "mentor")):
        platform = (await made(root, "/api/platforms", {"name": WORDS[tenant]}))["id"]
        callers |= await keys(door, root, platform, tenant)
        key = Visitor(door.client, callers[tenant])
        await join(key, people[learner][0], learner)
        await join(key, people["cleo"][0], f"cleo-{WORDS[tenant]}")
        things[tenant] = await furnished(door, tenant, key, *people[learner])
        things[tenant] |= {"platform": platform, "joined": platform, "person": people[learner][1], "cleo": people["cleo"][1]}
        things[tenant] |= await mentored(people[learner][0], people[mentor][0], people[mentor][1])
        things[tenant]["learner"] = people[learner][1]
        things[tenant]["key"] = (await made(root, f"/api/platforms/{platform}/keys", {"name": "spare", "scopes": SCOPES}))["id"]
    await made(people["cleo"][0], "/api/mentors", {"code": things["school"]["second code"]})
    things["school"] |= {"learner": people["cleo"][1]}
    things["school"]["reset"] = (await made(root, f"/api/users/{people['cleo'][1]}/password-reset", None))["token"]
    callers |= await dead(door, callers["ada"])
    async with door.engine.transaction() as tx:  # they are over after ten minutes, and a slow run of the tests is not
        await tx.session.execute(text("update link_attempts set expires_at = now() + interval '1 day' where state = 'open'"))
    yield Town(callers, things)


async def keys(door: Door, root: Visitor, platform: str, tenant: str) -> dict[str, str | None]:
    """Make a platform's keys: one that may everything, one for each scope that lacks it, and dead ones."""
    where = f"/api/platforms/{platform}/keys"
    made_: dict[str, dict[str, Any]] = {tenant: await made(root, where, {"name": "all", "scopes": SCOPES})}
    for scope in SCOPES:
        others = [other for other in SCOPES if other != scope]
        made_[f"{tenant} without {scope}"] = await made(root, where, {"name": f"no {scope}", "scopes": others})
    for state in ("revoked", "expired"):
        made_[f"{tenant} {state}"] = await made(root, where, {"name": state, "scopes": SCOPES})
    answer = await root.send("DELETE", f"{where}/{made_[f'{tenant} revoked']['id']}")
    assert answer.status_code == 204
    async with door.engine.transaction() as tx:
        query = text("update api_keys set expires_at = now() where id = :id")
        await tx.session.execute(query, {"id": made_[f"{tenant} expired"]["id"]})
    return {name: key["key"] for name, key in made_.items()}


async def dead(door: Door, token: str | None) -> dict[str, str | None]:
    """Return tokens that were good once, and one that never was."""
    assert token is not None
    claims = jwt.decode(token, options={"verify_signature": False})
    tokens = door.engine.service(Tokens)
    expired = tokens.issue(UUID(claims["sub"]), UUID(claims["sid"]), at=now() - tokens.lifetime - timedelta(minutes=1))
    left = await signed_in(door, "ada")
    assert (await Visitor(door.client, left["access_token"]).post("/api/auth/logout")).status_code == 204
    return {"ada expired": expired, "ada forged": f"{token[:-8]}AAAAAAAA", "ada signed out": left["access_token"]}


async def signed_in(door: Door, name: str) -> dict[str, Any]:
    """Return a further session of a person."""
    return await made(door.anyone, "/api/auth/login", {"email": f"{name}@example.org", "password": PASSWORD}, 200)


async def join(key: Visitor, person: Visitor, external_id: str) -> None:
    """Make a person a platform's member, with their consent."""
    invited = await made(key, "/api/memberships/invitations", {"external_id": external_id})
    offer = await made(person, "/api/memberships/preview", {"code": invited["code"]}, 200)
    await made(person, "/api/memberships", {"code": invited["code"], "consent": offer["consent"]})


async def furnished(door: Door, tenant: str, key: Visitor, learner: Visitor, learner_id: str) -> dict[str, str]:
    """Give a tenant something of each kind; what its learner has for themselves is named after Ada."""
    word = WORDS[tenant]
    elsewhere = await signed_in(door, "ada" if tenant == "school" else "bob")
    session = await Visitor(door.client, elsewhere["access_token"]).get("/api/auth/session")
    things = {"refresh": elsewhere["refresh_token"], "signed in": session.json()["session"]["id"]}
    things["member"] = (await made(key, "/api/users", {"external_id": f"dora-{word}", "display_name": word}))["id"]
    vouched = await key.send("PUT", f"/api/users/{things['member']}/sources/gym", json={"handle": f"dora-{word}"})
    assert vouched.status_code == 200, vouched.text
    await prove(door.engine, learner_id, f"fit-{word}")
    things["job@ada"] = str((await made(learner, "/api/sources/gym/import", None, 202))["job_id"])
    await made(learner, "/api/sources/gym/link", {"handle": f"other-{word}"})
    attempt = await made(learner, "/api/sources/track/link", {})
    things["state"] = parse_qs(urlsplit(attempt["data"]["url"]).query)["state"][0]
    things["project"] = (await made(key, "/api/projects", {"name": word, "skills": ["python"], "metadata": {"a": word}}))["id"]
    things["project@ada"] = (await made(learner, "/api/projects", {"name": word}))["id"]
    for who, project in ((key, "project"), (learner, "project@ada")):
        for person in (learner_id, *([things["member"]] if who is key else [])):
            joined = await who.send("PUT", f"/api/projects/{things[project]}/members/{person}")
            assert joined.status_code == 200, joined.text
        update = {"project": things[project], "user": learner_id, "content": word}
        await made(who, "/api/progress_updates", update)
        task = {"user": learner_id, "description": word, "source": "gym", "requirements": {"exercise": word}}
        suffix = "" if who is key else "@ada"
        things[f"task{suffix}"] = (await made(who, "/api/tasks", task))["id"]
        checked = (await made(who, "/api/tasks", task))["id"]
        accepted = await made(who, f"/api/tasks/{checked}/complete", None, 202)
        things.setdefault("job", str(accepted["job_id"]))
        space = {"name": word, "user": learner_id, "milestones": ["in", word], "tasks": [word]}
        things[f"space{suffix}"] = (await made(who, "/api/spaces", space))["id"]
        goal = {"name": word, "user": learner_id, "milestones": ["in", word], "spaces": [things[f"space{suffix}"]]}
        things[f"goal{suffix}"] = (await made(who, "/api/goals", goal))["id"]
        reached = {"user": learner_id, "milestone": word}
        await made(who, f"/api/spaces/{things[f'space{suffix}']}/progress", reached)
        await made(who, f"/api/goals/{things[f'goal{suffix}']}/progress", reached)
        module = {"name": word, "user": learner_id, "module": {"title": word, "tasks": [{"name": word}]}}
        things[f"module{suffix}"] = (await made(who, "/api/modules", module))["id"]
        training = {"user": learner_id, "module": word}
        things[f"training{suffix}"] = (await made(who, "/api/sessions", training))["id"]
        things |= await pathed(who, word, suffix, learner_id)
    said = {"user": learner_id, "reviewer": things["member"], "quality": 70, "skills": ["python"], "content": word}
    await made(key, "/api/reviews", said)
    things |= {"vouched": things["member"], "vouched@ada": learner_id}
    session = {"mentor": things["member"], "intern": learner_id, "focus": word, "project": things["project"]}
    for name in ("session", "session@ada"):
        things[name] = (await made(key, "/api/mentorship-sessions", session))["id"]
    for name in ("code", "other code", "withdrawn"):
        invited = await made(key, "/api/memberships/invitations", {"external_id": f"{name[:5]}-{word}"})
        things |= {name: invited["code"], "invitation": invited["id"]}
    event = {"kind": "platform.volunteered", "user": learner_id, "data": {"title": word}, "skills": ["sql"]}
    things["event"] = (await made(key, "/api/events", event))["id"]
    return things


async def pathed(who: Visitor, word: str, suffix: str, learner_id: str) -> dict[str, str]:
    """Give somebody learning paths, one of which the learner follows, and advice that was asked for."""
    topics = [{"name": "HTML"}, {"name": "CSS", "prerequisites": ["HTML"]}]
    things = {}
    for name in ("path", "old path", "followed path"):
        body = {"name": f"{name} {word}", "title": word, "description": word, "topics": topics}
        things[f"{name}{suffix}"] = (await made(who, "/api/learning-paths", body))["id"]
    await made(who, f"/api/learning-paths/{things[f'followed path{suffix}']}/start?user={learner_id}", None)
    asked = await made(who, "/api/learning-paths/validate?advice=true", {"topics": [{"name": word}]}, 200)
    things[f"advice{suffix}"] = asked["advice"]["id"]
    return things


async def mentored(learner: Visitor, mentor: Visitor, mentor_id: str) -> dict[str, str]:
    """Let a learner accept a mentor, who has further invitations out."""
    invited = [await made(mentor, "/api/mentors/invitations", {}) for _ in range(4)]
    await made(learner, "/api/mentors", {"code": invited[0]["code"]})
    return {
        "mentor": mentor_id,
        "mentor code": invited[1]["code"],
        "mentor invitation": invited[2]["id"],
        "second code": invited[3]["code"],
    }


async def prove(engine: Engine, person: str, handle: str) -> None:
    """Let a person have proved an account."""
    key = handle.lower()
    claim = Claim(user_id=UUID(person), source="gym", handle=handle, handle_key=key, external_id=key, method="challenge")
    async with engine.transaction() as tx:
        await link(tx, claim)


async def made(who: Visitor, path: str, body: Any, status: int = 201) -> dict[str, Any]:
    """Make something, and return the answer."""
    answer = await who.post(path, msgspec.to_builtins(body))
    assert answer.status_code == status, f"POST {path}: {answer.text}"
    found: dict[str, Any] = answer.json()
    return found
