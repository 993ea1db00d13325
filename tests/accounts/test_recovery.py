"""New passwords: changed, chosen by a mail, or by a link of an administrator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import func, select, update

from skillcore.accounts import one_time
from skillcore.accounts.credential_tables import OneTimeTokenRow
from skillcore.accounts.passwords import Passwords
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import LimitSettings
from tests.accounts.costs import Counted
from tests.accounts.postal import PostalDoor, postal_door_of
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.mail_server import empty_outbox
from tests.visitors import PASSWORD, Door, Visitor, door_of

LOGIN = "/api/auth/login"
RESET = "/api/auth/password/reset"
FORGOTTEN = "/api/auth/password/forgotten"
NEXT = "another long passphrase"
ADA = {"email": "ada@example.org", "password": PASSWORD}


@pytest.fixture
async def postal(engine: Engine) -> AsyncIterator[PostalDoor]:
    """A door with mail, and Ada who came before there was one."""
    async with door_of(engine) as before:
        await before.learner("Ada@example.org")
    async with postal_door_of(engine) as door:
        yield door


async def signed_in(door: Door, **more: str) -> Visitor:
    entered = await door.anyone.post(LOGIN, ADA | more)
    assert entered.status_code == 200, entered.text
    return Visitor(door.client, entered.json()["access_token"])


async def test_changing_a_password_ends_all_other_sessions(postal: PostalDoor) -> None:
    ada, elsewhere = await signed_in(postal), await signed_in(postal)
    change = {"current_password": PASSWORD, "password": NEXT}
    wrong = await ada.send("PUT", "/api/auth/password", json=change | {"current_password": NEXT})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "current_password")
    easy = await ada.send("PUT", "/api/auth/password", json=change | {"password": "passwordpassword"})
    assert (easy.status_code, easy.json()["field"]) == (422, "password")
    assert (await elsewhere.get("/api/auth/profile")).status_code == 200
    assert (await ada.send("PUT", "/api/auth/password", json=change)).status_code == 204
    assert (await ada.get("/api/auth/profile")).status_code == 200
    assert (await elsewhere.get("/api/auth/profile")).status_code == 401
    assert (await postal.anyone.post(LOGIN, ADA)).status_code == 401
    await signed_in(postal, password=NEXT)
    assert "Your password was changed" in (await postal.read("Ada@example.org")).text


async def test_of_two_who_change_a_password_at_once_one_does(postal: PostalDoor) -> None:
    """Both knew the present one; what the first has chosen is not replaced on the strength of what was before."""
    ada, other = await signed_in(postal), await signed_in(postal)
    bodies = [{"current_password": PASSWORD, "password": f"{NEXT} {number}"} for number in range(2)]
    passwords = postal.engine.service(Passwords)
    hashing, both = passwords.hash, asyncio.Barrier(2)

    async def together(password: str) -> str:
        await both.wait()
        return await hashing(password)

    passwords.hash = together  # type: ignore[method-assign] # of this door alone
    answers = await asyncio.gather(
        *(who.send("PUT", "/api/auth/password", json=body) for who, body in zip((ada, other), bodies, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [204, 422]


async def test_a_changed_password_and_a_chosen_one_take_earlier_ways_in_along(postal: PostalDoor, database_dsns: Dsns) -> None:
    """A link that lies in a mailbox, and attempts that somebody's device has of its own."""
    ada = await signed_in(postal)
    await postal.anyone.post(FORGOTTEN, {"email": "ada@example.org"})
    before = await postal.token("Ada@example.org", "reset")
    change = {"current_password": PASSWORD, "password": NEXT}
    assert (await ada.send("PUT", "/api/auth/password", json=change)).status_code == 204
    assert (await postal.anyone.post(RESET, {"token": before, "password": PASSWORD})).status_code == 422
    await postal.anyone.post(FORGOTTEN, {"email": "ada@example.org"})
    token = await postal.token("Ada@example.org", "reset")
    assert rows(database_dsns, "select count(*) > 1 from devices") == [(True,)]
    assert (await postal.anyone.post(RESET, {"token": token, "password": f"{NEXT} yet"})).status_code == 200
    assert rows(database_dsns, "select count(*) from devices") == [(1,)]


@pytest.mark.parametrize(
    ("path", "body"),
    [(RESET, {"password": NEXT}), ("/api/auth/register/confirm", {"password": NEXT})],
)
async def test_guesses_at_tokens_are_counted(path: str, body: dict[str, str], postal: PostalDoor) -> None:
    limits = msgspec.structs.replace(postal.engine.settings.limits, login=LimitSettings(requests=2, seconds=960, burst=2))
    postal.engine.settings = msgspec.structs.replace(postal.engine.settings, limits=limits)
    answers = [await postal.anyone.post(path, body | {"token": f"{number}" * 43}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]


async def test_guesses_at_the_present_password_are_counted(engine: Engine) -> None:
    limits = msgspec.structs.replace(engine.settings.limits, login=LimitSettings(requests=2, seconds=960, burst=2))
    engine.settings = msgspec.structs.replace(engine.settings, limits=limits)
    async with door_of(engine) as door:
        ada, _ = await door.learner()
        guess = {"current_password": "a guess", "password": NEXT}
        answers = [await ada.send("PUT", "/api/auth/password", json=guess) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [422, 422, 429]
        right = guess | {"current_password": PASSWORD}
        assert (await ada.send("PUT", "/api/auth/password", json=right)).status_code == 429


async def test_a_mail_lets_its_reader_choose_a_password_once(postal: PostalDoor, database_dsns: Dsns) -> None:
    before = await signed_in(postal)
    assert (await postal.anyone.post(FORGOTTEN, {"email": "ADA@example.org"})).status_code == 202
    token, other = await postal.token("Ada@example.org", "reset"), ""
    assert (await postal.anyone.post(FORGOTTEN, {"email": "ada@example.org"})).status_code == 202
    other = await postal.token("Ada@example.org", "reset")
    everything = str([rows(database_dsns, f"select to_jsonb(t) from {table} t") for table in ("one_time_tokens", "audit")])
    everything += str(rows(database_dsns, "select args from procrastinate_jobs"))
    assert token not in everything
    assert token.encode().hex() not in everything
    easy = await postal.anyone.post(RESET, {"token": token, "password": "ada@example.orgada@example.org"})
    assert (easy.status_code, easy.json()["field"]) == (422, "password")  # which does not use the token up
    chosen = await postal.anyone.post(RESET, {"token": token, "password": NEXT})
    assert chosen.status_code == 200
    assert (await before.get("/api/auth/profile")).status_code == 401
    for used in (token, other):
        again = await postal.anyone.post(RESET, {"token": used, "password": PASSWORD})
        assert (again.status_code, again.json()["field"]) == (422, "token")
    assert (await postal.anyone.post(LOGIN, ADA)).status_code == 401
    entered = await postal.anyone.post(LOGIN, ADA | {"password": NEXT, "device_token": chosen.json()["device_token"]})
    assert entered.json()["device_token"] is None
    assert entered.json()["user"]["email_verified"] is True
    assert "Your password was replaced" in (await postal.read("Ada@example.org")).text


async def test_of_two_who_use_a_token_one_does(postal: PostalDoor) -> None:
    await postal.anyone.post(FORGOTTEN, {"email": "ada@example.org"})
    token = await postal.token("Ada@example.org", "reset")
    bodies = [{"token": token, "password": f"{NEXT} {number}"} for number in range(6)]
    answers = await asyncio.gather(*(postal.anyone.post(RESET, body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 5


async def test_forgetting_is_answered_alike_for_known_and_unknown(postal: PostalDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(postal.engine, monkeypatch)
    answers, costs = [], []
    for email in ("ada@example.org", "nobody@example.org", "bob@example.org"):
        answers.append(await postal.anyone.post(FORGOTTEN, {"email": email}))
        costs.append(await counted.of(postal, FORGOTTEN, {"email": email}))
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"")}
    assert len(costs[0][1]) >= 4
    assert costs[0] == costs[1] == costs[2]
    await empty_outbox(postal.engine)
    assert {mail.to for mail in postal.server.taken} == {"Ada@example.org"}


async def test_a_token_ends(postal: PostalDoor) -> None:
    await postal.anyone.post(FORGOTTEN, {"email": "ada@example.org"})
    token = await postal.token("Ada@example.org", "reset")
    async with postal.engine.transaction() as tx:
        ends = await tx.session.scalar(select(OneTimeTokenRow.expires_at - OneTimeTokenRow.created_at))
        assert ends is not None
        assert ends.total_seconds() == 30 * 60
        await tx.session.execute(update(OneTimeTokenRow).values(expires_at=now()))
    late = await postal.anyone.post(RESET, {"token": token, "password": NEXT})
    assert (late.status_code, late.json()["field"]) == (422, "token")
    async with postal.engine.transaction() as tx:
        assert await one_time.forget_expired(tx, now(), 10) == 1


async def test_a_token_serves_its_purpose_alone(postal: PostalDoor) -> None:
    await postal.anyone.post(FORGOTTEN, {"email": "ada@example.org"})
    token = await postal.token("Ada@example.org", "reset")
    assert (await postal.anyone.post("/api/auth/email/confirm", {"token": token})).status_code == 422
    confirm = {"token": token, "password": PASSWORD}
    assert (await postal.anyone.post("/api/auth/register/confirm", confirm)).status_code == 422
    assert (await postal.anyone.post(RESET, {"token": token, "password": NEXT})).status_code == 200


async def test_mails_to_one_address_are_counted(postal: PostalDoor) -> None:
    ada = await signed_in(postal)
    limits = msgspec.structs.replace(postal.engine.settings.limits, login=LimitSettings(requests=2, seconds=960, burst=2))
    postal.engine.settings = msgspec.structs.replace(postal.engine.settings, limits=limits)
    for known in ("ada", "nobody"):
        answers = [await postal.anyone.post(FORGOTTEN, {"email": f"{known}@example.org"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
    registered = {"email": "ADA@example.org", "password": PASSWORD}
    assert (await postal.anyone.post("/api/auth/register", registered)).status_code == 429
    other = {"email": "other@example.org", "password": PASSWORD}
    assert (await ada.send("PUT", "/api/auth/email", json=other)).status_code == 202
    assert (await ada.send("PUT", "/api/auth/email", json=other)).status_code == 202
    assert (await ada.send("PUT", "/api/auth/email", json=other)).status_code == 429


async def test_who_is_kept_out_comes_in_by_mail(postal: PostalDoor) -> None:
    limits = msgspec.structs.replace(postal.engine.settings.limits, login=LimitSettings(requests=2, seconds=960, burst=2))
    postal.engine.settings = msgspec.structs.replace(postal.engine.settings, limits=limits)
    for _ in range(3):
        refused = await postal.anyone.post(LOGIN, ADA | {"password": "a guess"})
    assert refused.status_code == 429
    assert (await postal.anyone.post(FORGOTTEN, {"email": "ada@example.org"})).status_code == 202
    token = await postal.token("Ada@example.org", "reset")
    chosen = await postal.anyone.post(RESET, {"token": token, "password": NEXT})
    await signed_in(postal, password=NEXT, device_token=chosen.json()["device_token"])


async def test_without_mail_an_administrator_hands_a_link_over(door: Door, database_dsns: Dsns) -> None:
    ada, ada_id = await door.learner()
    assert (await door.anyone.post(FORGOTTEN, {"email": "ada@example.org"})).status_code == 403
    admin = await door.admin()
    path = f"/api/users/{ada_id}/password-reset"
    assert (await ada.post(path)).status_code == 403
    made = await admin.post(path, headers={"Idempotency-Key": "once"})
    assert made.status_code == 201
    assert (await admin.post(path, headers={"Idempotency-Key": "once"})).status_code == 409  # shown once
    assert (await admin.post(f"/api/users/{uuid4()}/password-reset")).status_code == 404
    chosen = await door.anyone.post(RESET, {"token": made.json()["token"], "password": NEXT})
    assert chosen.status_code == 200
    entered = await door.anyone.post(LOGIN, ADA | {"password": NEXT})
    assert entered.json()["user"]["email_verified"] is False
    noted = rows(database_dsns, "select actor_kind, about_id::text from audit where act = 'password.link_issued'")
    assert noted == [("admin", ada_id)]


async def test_whoever_has_no_address_cannot_be_given_a_password(door: Door) -> None:
    platform, admin = await door.platform("users:write"), await door.admin()
    person = (await platform.key.post("/api/users", {"external_id": "a"})).json()["id"]
    assert (await admin.post(f"/api/users/{person}/password-reset")).status_code == 409
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(OneTimeTokenRow)) == 0
