"""Signing up: with a mail server nobody learns who has an account; without one it works at once; and by invitation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select, update

from skillcore.accounts.credential_tables import OneTimeTokenRow
from skillcore.accounts.tables import UserRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from tests.accounts.costs import Counted
from tests.accounts.postal import PostalDoor, postal_door_of
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.mail_server import empty_outbox
from tests.visitors import PASSWORD, Door, Visitor

ACCOUNT = {"email": "Ada@Example.org", "password": PASSWORD, "display_name": "Ada", "time_zone": "Europe/Vienna"}


@pytest.fixture
async def postal(engine: Engine) -> AsyncIterator[PostalDoor]:
    async with postal_door_of(engine) as door:
        yield door


async def people(door: Door) -> int:
    async with door.engine.transaction() as tx:
        return await tx.session.scalar(select(func.count()).select_from(UserRow)) or 0


async def confirmed(door: PostalDoor, account: dict[str, Any] = ACCOUNT) -> Visitor:
    assert (await door.anyone.post("/api/auth/register", account)).status_code == 202
    token = await door.token(account["email"], "registration")
    body = {"token": token, "password": account["password"]}
    made = await door.anyone.post("/api/auth/register/confirm", body)
    assert made.status_code == 201, made.text
    return Visitor(door.client, made.json()["access_token"])


async def test_an_account_needs_the_mail_and_the_password(postal: PostalDoor) -> None:
    assert (await postal.anyone.post("/api/auth/register", ACCOUNT)).status_code == 202
    assert await people(postal) == 0
    assert (await postal.anyone.post("/api/auth/login", {"email": "ada@example.org", "password": PASSWORD})).status_code == 401
    token = await postal.token("Ada@Example.org", "registration")
    confirm = "/api/auth/register/confirm"
    wrong = await postal.anyone.post(confirm, {"token": token, "password": "another long passphrase"})
    unknown = await postal.anyone.post(confirm, {"token": "x" * 43, "password": PASSWORD})
    assert (wrong.status_code, unknown.status_code) == (422, 422)
    assert wrong.content == unknown.content
    made = await postal.anyone.post(confirm, {"token": token, "password": PASSWORD})
    assert made.status_code == 201
    shown = made.json()["user"]
    assert (shown["email"], shown["email_verified"], shown["display_name"], shown["time_zone"], shown["role"]) == (
        "Ada@Example.org",
        True,
        "Ada",
        "Europe/Vienna",
        "learner",
    )
    assert (await Visitor(postal.client, made.json()["access_token"]).get("/api/auth/profile")).status_code == 200
    again = await postal.anyone.post(confirm, {"token": token, "password": PASSWORD})
    assert (again.status_code, again.json()["field"]) == (422, "token")
    assert (await postal.anyone.post("/api/auth/login", {"email": "ada@example.org", "password": PASSWORD})).status_code == 200


async def test_known_and_unknown_addresses_are_answered_alike(postal: PostalDoor) -> None:
    await confirmed(postal)
    new = await postal.anyone.post("/api/auth/register", ACCOUNT | {"email": "new@example.org"})
    known = await postal.anyone.post(
        "/api/auth/register", ACCOUNT | {"email": "ADA@example.org", "password": "another long one"}
    )
    assert new.status_code == known.status_code == 202
    assert new.content == known.content
    hidden = {"date", "x-request-id", "ratelimit"}
    assert {k: v for k, v in new.headers.items() if k not in hidden} == {
        k: v for k, v in known.headers.items() if k not in hidden
    }
    assert (await postal.read("new@example.org")).message["Subject"] == "Confirm your e-mail address"
    told = await postal.read("Ada@Example.org")  # the address as its person typed it
    assert told.message["Subject"] == "You have an account already"
    assert postal.server.to("ADA@example.org") == []
    assert (
        await postal.anyone.post("/api/auth/login", {"email": "ada@example.org", "password": "another long one"})
    ).status_code == 401


async def test_known_and_unknown_addresses_cost_the_same(postal: PostalDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    await confirmed(postal)
    counted = Counted(postal.engine, monkeypatch)
    costs = []
    for email in ("ada@example.org", "new@example.org", "other@example.org"):
        hashes, statements = await counted.of(postal, "/api/auth/register", ACCOUNT | {"email": email})
        costs.append((hashes, statements))
    assert costs[0][0] == 1
    assert len(costs[0][1]) >= 4
    assert costs[0] == costs[1] == costs[2]


async def test_of_two_registrations_of_an_address_one_wins(postal: PostalDoor) -> None:
    addresses = ["ada@example.org", "\uff41da@example.org", "ADA@EXAMPLE.ORG"]
    tokens = []
    for address in addresses:
        assert (await postal.anyone.post("/api/auth/register", ACCOUNT | {"email": address})).status_code == 202
        tokens.append(await postal.token(address, "registration"))
    bodies = [{"token": token, "password": PASSWORD} for token in tokens * 3]
    answers = await asyncio.gather(*(postal.anyone.post("/api/auth/register/confirm", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers).count(201) == 1
    assert {answer.status_code for answer in answers} <= {201, 409, 422}
    assert await people(postal) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("fina@example.org", "\ufb01na@example.org"),
        ("strasse@example.org", "stra\u00dfe@example.org"),
        ("mike@example.org", "m\u0131ke@example.org"),
        ("ada@b\u00fccher.example", "ADA@xn--bcher-kva.example"),
    ],
)
async def test_look_alikes_have_one_account(door: Door, one: str, other: str) -> None:
    assert (await door.anyone.post("/api/auth/register", ACCOUNT | {"email": one})).status_code == 201
    taken = await door.anyone.post("/api/auth/register", ACCOUNT | {"email": other})
    assert (taken.status_code, taken.json()["field"]) == (409, "email")
    entered = await door.anyone.post("/api/auth/login", {"email": other, "password": PASSWORD})
    assert entered.status_code == 200
    assert entered.json()["user"]["email"] == one


async def test_what_waits_is_sealed_and_ends(postal: PostalDoor, database_dsns: Dsns) -> None:
    assert (await postal.anyone.post("/api/auth/register", ACCOUNT)).status_code == 202
    token = await postal.token("Ada@Example.org", "registration")
    kept = str(rows(database_dsns, "select to_jsonb(t) from one_time_tokens t"))
    for hidden in (token, "Ada", "$2b$", token.encode().hex(), b"Ada".hex()):
        assert hidden not in kept
    async with postal.engine.transaction() as tx:
        await tx.session.execute(update(OneTimeTokenRow).values(expires_at=now()))
    late = await postal.anyone.post("/api/auth/register/confirm", {"token": token, "password": PASSWORD})
    assert (late.status_code, late.json()["field"]) == (422, "token")


@pytest.mark.parametrize("email", ["ada@exa_mple.org", "ada\u200b@example.org", "a..da@example.org", "ada@example.org\n"])
async def test_an_address_that_mail_cannot_reach_is_refused(door: Door, email: str) -> None:
    answer = await door.anyone.post("/api/auth/register", ACCOUNT | {"email": email})
    assert (answer.status_code, answer.json()["field"]) == (422, "email")


@pytest.mark.parametrize("password", ["fourteen chars", "passwordpassword", "ada@example.orgada@example.org"])
async def test_an_easy_password_is_refused(door: Door, password: str) -> None:
    answer = await door.anyone.post("/api/auth/register", ACCOUNT | {"password": password})
    assert (answer.status_code, answer.json()["field"]) == (422, "password")
    assert password not in answer.text


async def test_where_registration_is_closed_people_are_invited(engine: Engine) -> None:
    closed = msgspec.structs.replace(engine.settings.auth, registration="closed")
    engine.settings = msgspec.structs.replace(engine.settings, auth=closed)
    async with postal_door_of(engine) as door:
        for body in (ACCOUNT, ACCOUNT | {"email": "root@example.org"}):
            answer = await door.anyone.post("/api/auth/register", body)
            assert answer.status_code == 403
        admin = await door.admin()
        made = await admin.post("/api/invitations", {"email": "Bob@example.org"})
        assert made.status_code == 201
        assert (await admin.post("/api/invitations", {"email": "bob@EXAMPLE.org"})).status_code == 409
        assert (await admin.post("/api/invitations", {"email": "bob@exa_mple.org"})).json()["field"] == "email"
        mailed = await door.token("Bob@example.org", "reset")
        assert mailed != made.json()["link"]["token"]
        for password in ("", PASSWORD):
            refused = await door.anyone.post("/api/auth/login", {"email": "bob@example.org", "password": password})
            assert refused.status_code == 401
        chosen = await door.anyone.post("/api/auth/password/reset", {"token": mailed, "password": PASSWORD})
        assert chosen.status_code == 200
        entered = await door.anyone.post("/api/auth/login", {"email": "bob@example.org", "password": PASSWORD})
        assert entered.json()["user"]["email_verified"] is True
        shown = {"token": made.json()["link"]["token"], "password": "another long passphrase"}
        assert (await door.anyone.post("/api/auth/password/reset", shown)).status_code == 422  # the other way was used


async def test_without_mail_an_invitation_is_handed_over(door: Door) -> None:
    admin = await door.admin()
    made = (await admin.post("/api/invitations", {"email": "bob@example.org"})).json()
    assert made["link"]["link"] is None
    body = {"token": made["link"]["token"], "password": PASSWORD}
    assert (await door.anyone.post("/api/auth/password/reset", body)).status_code == 200
    entered = await door.anyone.post("/api/auth/login", {"email": "bob@example.org", "password": PASSWORD})
    assert (entered.json()["user"]["id"], entered.json()["user"]["email_verified"]) == (made["id"], False)
    learner = Visitor(door.client, entered.json()["access_token"])
    assert (await learner.post("/api/invitations", {"email": "eve@example.org"})).status_code == 403


async def test_mails_hold_nothing_that_others_wrote(postal: PostalDoor) -> None:
    bait = "Visit https://evil.example now"
    assert (await postal.anyone.post("/api/auth/register", ACCOUNT | {"display_name": bait})).status_code == 202
    await empty_outbox(postal.engine)
    assert b"evil" not in postal.server.taken[-1].raw
