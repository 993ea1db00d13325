"""What people do, exported and then erased, leaves nothing of them; and nobody else can tell that it happened."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from skillcore.accounts.access import Actor
from skillcore.app import ROOMS
from skillcore.defaults.kinds import EvidenceAccepted, ProjectJoined
from skillcore.ledger import record, scores
from skillcore.ledger.skills import NewSkill, create
from skillcore.privacy.declared import portions
from skillcore.privacy.erasure import erase
from skillcore.runtime.database import Base, Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.settings import Settings, VerificationSettings
from skillcore.verification import accounts
from skillcore.verification.accounts import Vouch
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.privacy.filling import CANARY, rows_of, traces
from tests.visitors import PASSWORD, Door, Visitor
from tests.world import World, plugins

SHORT = tried(
    phases=[Phase.explicit, Phase.generate],  # a story is read faster than it is told again
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LONG = tried(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
SKILLS = ("loops", "sql")

Do = Literal["note", "evidence", "task", "project", "account", "share", "sign in", "rename", "read"]


class Act(NamedTuple):
    """Something that one of two people does."""

    goes: bool
    do: Do
    number: int
    skill: str
    flag: bool


ACTS = st.lists(
    st.builds(
        Act,
        st.booleans(),
        st.sampled_from(get_args(Do)),
        st.integers(0, 3),
        st.sampled_from(SKILLS),
        st.booleans(),
    ),
    min_size=3,
    max_size=12,
)


class One(NamedTuple):
    """A person, and the word that is part of everything of theirs."""

    visitor: Visitor
    id: UUID
    word: str

    @property
    def email(self) -> str:
        return f"{self.word}@example.org"


class Pair:
    """Somebody who goes and somebody who stays."""

    def __init__(self, door: Door, dsns: Dsns, platform: Actor) -> None:
        self.door, self.dsns, self.platform = door, dsns, platform
        self.planted: set[str] = set()

    async def arrive(self) -> Pair:
        tag = uuid4().hex[:8]
        self.goes, self.stays = await self.one(f"{CANARY}-{tag}"), await self.one(f"bob-{tag}")
        return self

    async def one(self, word: str) -> One:
        visitor, id_ = await self.door.learner(f"{word}@example.org")
        person = Actor(kind="user", user_id=UUID(id_))
        await World(self.door.engine).join(self.platform, person, f"pupil-{word}")
        return One(visitor, UUID(id_), word)

    async def act(self, act: Act) -> None:
        one = self.goes if act.goes else self.stays
        word = f"{one.word}-{act.do.replace(' ', '')}{act.number}"
        match act.do:
            case "note" | "evidence":
                await self.recorded(one, act, word)
            case "account":
                async with self.door.engine.transaction() as tx:
                    await accounts.vouch(tx, self.platform, str(one.id), "gym", Vouch(handle=word))
            case "read":
                async with self.door.engine.transaction() as tx:
                    await scores.read(tx, one.id, "level")
                word = ""
            case _:
                word = await self.sent(one, act, word)
        if act.goes and word:
            self.planted.add(word)

    async def recorded(self, one: One, act: Act, word: str) -> None:
        data: Any = ProjectJoined(name=word)
        if act.do == "evidence":
            data = EvidenceAccepted(source="gym", account=f"gym:{one.word}", work=word, strength="judged", difficulty=3.0)
        kind = "project.joined" if act.do == "note" else "evidence.accepted"
        subject = word if act.do == "note" else f"gym:{one.word}:{word}"
        event = NewEvent(user_id=one.id, kind=kind, subject_id=subject, skills=(act.skill,), data=data)
        async with self.door.engine.transaction() as tx:
            await record(tx, [event])

    async def sent(self, one: One, act: Act, word: str) -> str:
        """Send a request; returns what of it must be found again."""
        task = {"description": word, "source": "gym", "requirements": {"exercise": word}, "topic": word, "skills": [act.skill]}
        method, path, body = {
            "task": ("POST", "/api/tasks", task),
            "project": ("POST", "/api/projects", {"name": word, "skills": [act.skill]}),
            "share": ("PUT", "/api/auth/visibility", {"public_profile" if act.number % 2 else "public_level": act.flag}),
            "sign in": ("POST", "/api/auth/login", {"email": one.email, "password": PASSWORD}),
            "rename": ("PATCH", "/api/auth/profile", {"display_name": word}),
        }[act.do]
        headers = {"Idempotency-Key": str(uuid4()), "User-Agent": word}
        answer = await one.visitor.send(method, path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        if act.do == "rename":
            self.planted -= {planted for planted in self.planted if "-rename" in planted}
        return "" if act.do in {"share", "sign in"} else word

    async def exported(self, one: One) -> Any:
        answer = await one.visitor.get("/api/export")
        document = json.loads(answer.content)
        for changing in ("audit", "sessions"):  # they grow by being asked for
            document["tables"].pop(changing, None)
        return {name: document[name] for name in ("user_id", "left_out", "tables")}

    def of_who_stays(self) -> dict[str, list[str]]:
        return {portion.name: rows_of(self.dsns, portion, self.stays.id) for portion in portions(Base.metadata)}

    def derived(self) -> list[Any]:
        who = self.stays.id
        return [
            rows(self.dsns, f"select t::text from {table} t where user_id = %s order by 1", who)
            for table in ("streams", "skill_signals")
        ]


@pytest.fixture
async def engine(database_dsns: Dsns, settings: Settings) -> AsyncIterator[Engine]:
    settings = msgspec.structs.replace(settings, verification=VerificationSettings(import_on_link=False))
    database = Database(database_dsns.service_dsn, settings.database)
    yield Engine(settings, plugins(), database)
    await database.close()


@pytest.fixture
async def pairs(door: Door, database_dsns: Dsns) -> Callable[[], Awaitable[Pair]]:
    platform = await World(door.engine).platform()
    async with door.engine.transaction() as tx:
        for name in SKILLS:
            await create(tx, NewSkill(name=name))
    return lambda: Pair(door, database_dsns, platform).arrive()


async def level(engine: Engine, one: One) -> Any:
    async with engine.transaction() as tx:
        return (await scores.read(tx, one.id, "level")).score


async def exported_then_erased(pair: Pair, acts: list[Act]) -> None:
    engine = pair.door.engine
    for act in acts:
        await pair.act(act)
    known = await level(engine, pair.stays)
    exported = json.dumps(await pair.exported(pair.goes))
    assert [word for word in (*pair.planted, pair.goes.email, str(pair.goes.id)) if word not in exported] == []
    assert pair.stays.word not in exported
    shown, kept, derived = await pair.exported(pair.stays), pair.of_who_stays(), pair.derived()
    assert await erase(engine, pair.goes.id, "asked")
    assert traces(pair.dsns, pair.goes.id, pair.goes.email) == []
    assert [finding for room in ROOMS for check in room.checks.values() async for finding in check(engine)] == []
    assert pair.of_who_stays() == kept
    assert await pair.exported(pair.stays) == shown
    for room in ROOMS:
        for rebuild in room.rebuild:
            await rebuild(engine, lambda _: None)
    assert pair.derived() == derived
    assert await level(engine, pair.stays) == known
    assert traces(pair.dsns, pair.goes.id, pair.goes.email) == []


@pytest.mark.timeout(300)
@SHORT
@given(acts=ACTS)
async def test_exported_then_erased_leaves_nothing(pairs: Callable[[], Awaitable[Pair]], acts: list[Act]) -> None:
    await exported_then_erased(await pairs(), acts)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@LONG
@given(acts=ACTS)
async def test_exported_then_erased_leaves_nothing_for_long(pairs: Callable[[], Awaitable[Pair]], acts: list[Act]) -> None:
    await exported_then_erased(await pairs(), acts)
