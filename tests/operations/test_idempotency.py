"""POSTs that are sent again, at once, too late, with something else, and after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar, post
from litestar.di import NamedDependency
from litestar.middleware import DefineMiddleware
from litestar.params import JSONBody
from sqlalchemy import func, select, text

from skillcore.accounts.access import Actor, access, public, user
from skillcore.accounts.authentication import Known, guard
from skillcore.accounts.sessions import begin
from skillcore.accounts.tables import PlatformRow, UserRow
from skillcore.accounts.tokens import Tokens
from skillcore.operations import idempotency
from skillcore.operations.idempotency import HEADER, REPLAYED, Idempotency
from skillcore.operations.tables import IdempotencyKeyRow
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import InvalidField
from skillcore.runtime.web import routed, web
from tests.visitors import Door, Visitor, client_of

KEY = {HEADER: "8e03978e-40d5-43e8-bc93-6894a57f9324"}


async def platforms(engine: Engine) -> int:
    async with engine.transaction() as tx:
        return await tx.session.scalar(select(func.count()).select_from(PlatformRow)) or 0


async def test_the_same_request_gets_the_same_answer(door: Door) -> None:
    admin = await door.admin()
    first = await admin.post("/api/platforms", {"name": "School"}, headers=KEY)
    second = await admin.post("/api/platforms", {"name": "School"}, headers=KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"]
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    assert second.headers["x-content-type-options"] == "nosniff"
    assert await platforms(door.engine) == 1


async def test_without_a_key_each_request_counts(door: Door) -> None:
    admin = await door.admin()
    first, second = [await admin.post("/api/platforms", {"name": "School"}) for _ in range(2)]
    assert first.json()["id"] != second.json()["id"]


async def test_another_request_needs_another_key(door: Door) -> None:
    admin = await door.admin()
    await admin.post("/api/platforms", {"name": "School"}, headers=KEY)
    other = await admin.post("/api/platforms", {"name": "College"}, headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "urn:skillcore:problem:unprocessable")
    assert (await admin.post("/api/platforms?x=1", {"name": "School"}, headers=KEY)).status_code == 422
    assert await platforms(door.engine) == 1


async def test_a_refusal_is_an_answer_too(door: Door) -> None:
    admin = await door.admin()
    first = await admin.post("/api/platforms", {"name": ""}, headers=KEY)
    second = await admin.post("/api/platforms", {"name": ""}, headers=KEY)
    assert first.status_code == second.status_code == 422
    assert first.content == second.content
    assert second.headers[REPLAYED] == "true"
    assert (await admin.post("/api/platforms", {"name": "School"}, headers=KEY)).status_code == 422


async def test_each_actor_and_each_route_has_its_own_keys(door: Door) -> None:
    ours, theirs = await door.platform("users:write"), await door.platform("users:write")
    answers = [await platform.key.post("/api/users", {"external_id": "a"}, headers=KEY) for platform in (ours, theirs)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]
    assert not any(REPLAYED in answer.headers for answer in answers)
    other = await (await door.platform("users:write")).key.post("/api/users", {"external_id": "b"}, headers=KEY)
    assert (other.status_code, REPLAYED in other.headers) == (201, False)  # nor does another's other request stand in its way
    for platform, answer in zip((ours, theirs), answers, strict=True):
        again = await platform.key.post("/api/users", {"external_id": "a"}, headers=KEY)
        assert (again.status_code, again.content, REPLAYED in again.headers) == (201, answer.content, True)
    assert (await (await door.admin()).post("/api/platforms", {"name": "x"}, headers=KEY)).status_code == 201


async def test_who_may_not_is_refused_before_anything_is_kept(door: Door) -> None:
    admin = await door.admin()
    ada, _ = await door.learner()
    await admin.post("/api/platforms", {"name": "School"}, headers=KEY)
    assert (await ada.post("/api/platforms", {"name": "School"}, headers=KEY)).status_code == 403
    assert (await door.anyone.post("/api/platforms", {"name": "School"}, headers=KEY)).status_code == 401
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(IdempotencyKeyRow)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\tb"])
async def test_a_key_must_be_presentable(door: Door, key: str) -> None:
    answer = await (await door.admin()).post("/api/platforms", {"name": "x"}, headers={HEADER: key.encode("latin-1")})
    assert (answer.status_code, answer.json()["field"]) == (400, HEADER)


async def test_public_routes_ignore_keys(door: Door) -> None:
    body = {"email": "ada@example.org", "password": "correct horse battery staple"}
    assert (await door.anyone.post("/api/auth/register", body, headers=KEY)).status_code == 201
    assert (await door.anyone.post("/api/auth/login", body, headers=KEY)).status_code == 200
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(IdempotencyKeyRow)) == 0


async def test_a_secret_is_not_kept(door: Door) -> None:
    admin = await door.admin()
    platform = (await admin.post("/api/platforms", {"name": "School"})).json()["id"]
    body = {"name": "app", "scopes": ["users:read"]}
    made = await admin.post(f"/api/platforms/{platform}/keys", body, headers=KEY)
    assert made.status_code == 201
    again = await admin.post(f"/api/platforms/{platform}/keys", body, headers=KEY)
    assert again.status_code == 409
    assert len((await admin.get(f"/api/platforms/{platform}/keys")).json()["items"]) == 1
    async with door.engine.transaction() as tx:
        kept = (await tx.session.execute(text("select idempotency_keys::text from idempotency_keys"))).scalars().all()
    secret = made.json()["key"].split("_", 2)[2]
    assert not any(secret in row or secret.encode().hex() in row for row in kept)


async def test_keys_are_forgotten_after_a_day(door: Door) -> None:
    admin = await door.admin()
    first = await admin.post("/api/platforms", {"name": "School"}, headers=KEY)
    async with door.engine.transaction() as tx:
        lifetime = await tx.session.scalar(text("select expires_at - taken_at from idempotency_keys"))
        await tx.session.execute(text("update idempotency_keys set expires_at = now() - interval '1 second'"))
    assert lifetime is not None
    assert lifetime.total_seconds() == 24 * 3600
    second = await admin.post("/api/platforms", {"name": "College"}, headers=KEY)
    assert second.status_code == 201
    assert second.json()["id"] != first.json()["id"]


class Stage:
    """A route whose handler does what the test wants."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.runs = 0
        self.act: Callable[[], Awaitable[dict[str, Any]]] = self.make

    async def make(self) -> dict[str, Any]:
        async with self.engine.transaction() as tx:
            return await self.write(tx)

    async def write(self, tx: Transaction) -> dict[str, Any]:
        row = PlatformRow(id=new_id(), name="made")
        tx.session.add(row)
        return {"made": str(row.id)}


@asynccontextmanager
async def staged(engine: Engine) -> AsyncIterator[tuple[Stage, Visitor]]:
    stage = Stage(engine)

    @post("/make", opt={"access": access(user())})
    async def make(actor: NamedDependency[Actor], data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
        stage.runs += 1
        return await stage.act()

    @post("/open", opt={"access": access(public())})
    async def open_to_all() -> None:
        return None

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with Tokens.opened(engine):
            yield

    shared = routed(
        routes=[make, open_to_all],
        guard=guard,
        middleware=[DefineMiddleware(Idempotency)],
        lifespan=lifespan,
        body_limit=engine.settings.server.body_limit,
    )
    ada = new_id()
    async with engine.transaction() as tx:
        tx.session.add(UserRow(id=ada))
    async with client_of(web(shared, engine)) as client:
        async with engine.transaction() as tx:
            session = await begin(tx, ada, "password")
        yield stage, Visitor(client, session.access_token)
    engine.cache(Known).forget()


async def test_at_once_one_runs_and_the_others_wait_for_its_answer(engine: Engine) -> None:
    async with staged(engine) as (stage, ada):
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def act() -> dict[str, Any]:
            begun.set()
            await go_on.wait()
            return await stage.make()

        stage.act = act
        sent = [asyncio.create_task(ada.post("/make", {}, headers=KEY)) for _ in range(8)]
        await begun.wait()
        go_on.set()
        answers = await asyncio.gather(*sent)
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum(REPLAYED in answer.headers for answer in answers) == 7
        assert stage.runs == 1


async def test_who_waits_too_long_is_told_to_come_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE", 0.1)
    async with staged(engine) as (stage, ada):
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def act() -> dict[str, Any]:
            begun.set()
            await go_on.wait()
            return {}

        stage.act = act
        first = asyncio.create_task(ada.post("/make", {}, headers=KEY))
        await begun.wait()
        second = await ada.post("/make", {}, headers=KEY)
        assert (second.status_code, second.headers["retry-after"]) == (409, "1")
        go_on.set()
        assert (await first).status_code == 201


async def test_a_failure_of_ours_is_not_kept(engine: Engine) -> None:
    async with staged(engine) as (stage, ada):

        async def fail() -> dict[str, Any]:
            raise RuntimeError("unforeseen")

        stage.act = fail
        assert (await ada.post("/make", {}, headers=KEY)).status_code == 500
        stage.act = stage.make
        assert (await ada.post("/make", {}, headers=KEY)).status_code == 201
        assert stage.runs == 2


async def test_what_took_effect_before_a_failure_is_not_done_again(engine: Engine) -> None:
    async with staged(engine) as (stage, ada):

        async def write_and_fail() -> dict[str, Any]:
            await stage.make()
            raise RuntimeError("after the commit")

        stage.act = write_and_fail
        assert (await ada.post("/make", {}, headers=KEY)).status_code == 500
        stage.act = stage.make
        again = await ada.post("/make", {}, headers=KEY)
        assert again.status_code == 409
        assert "took effect" in again.json()["detail"]
        assert stage.runs == await platforms(engine) == 1


async def test_an_answer_is_given_though_it_cannot_be_kept(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database may go away after the commit: what was done is done."""
    monkeypatch.setattr(idempotency, "STORE", "select 1 / 0")
    async with staged(engine) as (stage, ada):
        first = await ada.post("/make", {}, headers=KEY)
        assert (first.status_code, list(first.json())) == (201, ["made"])
        monkeypatch.setattr(idempotency, "LEASE", 0)
        again = await ada.post("/make", {}, headers=KEY)
        assert (again.status_code, "took effect" in again.json()["detail"]) == (409, True)
        assert stage.runs == await platforms(engine) == 1


async def test_a_failure_is_told_though_its_key_cannot_be_given_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "GIVE_BACK", "select 1 / 0")
    async with staged(engine) as (stage, ada):

        async def fail() -> dict[str, Any]:
            raise RuntimeError("unforeseen")

        stage.act = fail
        failed = await ada.post("/make", {}, headers=KEY)
        assert (failed.status_code, failed.json()["status"]) == (500, 500)


async def test_reading_and_rolling_back_are_no_effect(engine: Engine) -> None:
    async with staged(engine) as (stage, ada):

        async def look_and_refuse() -> dict[str, Any]:
            async with engine.transaction() as tx:
                await tx.session.scalar(select(func.count()).select_from(PlatformRow))
            async with engine.transaction() as tx:
                await stage.write(tx)
                await tx.session.flush()
                raise RuntimeError("rolled back")

        stage.act = look_and_refuse
        assert (await ada.post("/make", {}, headers=KEY)).status_code == 500
        stage.act = stage.make
        assert (await ada.post("/make", {}, headers=KEY)).status_code == 201
        assert await platforms(engine) == 1


async def crash(engine: Engine, *, effected: bool) -> None:
    """Leave behind what a process leaves that dies in the middle, a minute ago."""
    query = "update idempotency_keys set status = null, body = null, effected = :effected, taken_at = now() - interval '61 s'"
    async with engine.transaction() as tx:
        await tx.session.execute(text(query), {"effected": effected})


async def test_a_process_that_died_before_its_commit_is_replaced(engine: Engine) -> None:
    async with staged(engine) as (stage, ada):

        async def refuse() -> dict[str, Any]:
            raise InvalidField("x: no", field="x")

        stage.act = refuse
        await ada.post("/make", {}, headers=KEY)
        await crash(engine, effected=False)
        stage.act = stage.make
        assert (await ada.post("/make", {"other": 1}, headers=KEY)).status_code == 422
        assert (await ada.post("/make", {}, headers=KEY)).status_code == 201
        assert stage.runs == 2


async def test_a_process_that_died_after_its_commit_is_not_repeated(engine: Engine) -> None:
    async with staged(engine) as (_stage, ada):
        await ada.post("/make", {}, headers=KEY)
        await crash(engine, effected=True)
        again = await ada.post("/make", {}, headers=KEY)
        assert again.status_code == 409
        assert await platforms(engine) == 1


async def test_an_attempt_that_was_replaced_cannot_commit(engine: Engine) -> None:
    async with staged(engine) as (stage, ada):
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def act() -> dict[str, Any]:
            stage.act = stage.make
            begun.set()
            await go_on.wait()
            return await stage.make()

        stage.act = act
        slow = asyncio.create_task(ada.post("/make", {}, headers=KEY))
        await begun.wait()
        await crash(engine, effected=False)
        quick = await ada.post("/make", {}, headers=KEY)
        go_on.set()
        assert quick.status_code == 201
        assert (await slow).status_code == 409
        assert await platforms(engine) == 1
        replayed = await ada.post("/make", {}, headers=KEY)
        assert replayed.content == quick.content


async def test_the_note_is_in_the_transaction_that_has_the_effect(engine: Engine) -> None:
    async with staged(engine) as (stage, ada):
        seen: list[tuple[bool, int]] = []

        async def act() -> dict[str, Any]:
            made = await stage.make()
            async with engine.transaction() as tx:
                effected = await tx.session.scalar(select(IdempotencyKeyRow.effected))
            seen.append((bool(effected), await platforms(engine)))
            return made

        stage.act = act
        await ada.post("/make", {"id": str(uuid4())}, headers=KEY)
        assert seen == [(True, 1)]
