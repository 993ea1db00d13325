"""Addresses that are proved, and changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from skillcore.runtime.engine import Engine
from tests.accounts.postal import PostalDoor, postal_door_of
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.mail_server import empty_outbox
from tests.visitors import PASSWORD, Door, Visitor, door_of

EMAIL = "/api/auth/email"
CHANGE = {"email": "lovelace@example.org", "password": PASSWORD}


@pytest.fixture
async def postal(engine: Engine) -> AsyncIterator[PostalDoor]:
    """A door with mail, and Ada and Bob who came before there was one."""
    async with door_of(engine) as before:
        await before.learner("ada@example.org")
        await before.learner("bob@example.org")
    async with postal_door_of(engine) as door:
        yield door


async def signed_in(door: Door, email: str = "ada@example.org") -> Visitor:
    entered = await door.anyone.post("/api/auth/login", {"email": email, "password": PASSWORD})
    assert entered.status_code == 200, entered.text
    return Visitor(door.client, entered.json()["access_token"])


async def address(visitor: Visitor) -> tuple[str, bool]:
    shown = (await visitor.get("/api/auth/profile")).json()
    return shown["email"], shown["email_verified"]


async def test_an_address_is_proved_by_reading_mail_there(postal: PostalDoor) -> None:
    ada = await signed_in(postal)
    assert await address(ada) == ("ada@example.org", False)
    assert (await ada.post(f"{EMAIL}/verify")).status_code == 202
    token = await postal.token("ada@example.org", "email")
    assert (await postal.anyone.post(f"{EMAIL}/confirm", {"token": token})).status_code == 204
    assert await address(ada) == ("ada@example.org", True)
    assert (await postal.anyone.post(f"{EMAIL}/confirm", {"token": token})).json()["field"] == "token"
    assert (await ada.post(f"{EMAIL}/verify")).status_code == 409


async def test_an_address_is_changed_once_the_new_one_has_answered(postal: PostalDoor) -> None:
    ada = await signed_in(postal)
    wrong = await ada.send("PUT", EMAIL, json=CHANGE | {"password": "a guess"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "password")
    await postal.anyone.post("/api/auth/password/forgotten", {"email": "ada@example.org"})
    reset = await postal.token("ada@example.org", "reset")
    assert (await ada.send("PUT", EMAIL, json=CHANGE)).status_code == 202
    assert await address(ada) == ("ada@example.org", False)
    token = await postal.token("lovelace@example.org", "email")
    assert (await postal.anyone.post(f"{EMAIL}/confirm", {"token": token})).status_code == 204
    assert await address(ada) == ("lovelace@example.org", True)
    assert "was changed to another one" in (await postal.read("ada@example.org")).text
    await signed_in(postal, "LOVELACE@example.org")
    late = {"token": reset, "password": "another long passphrase"}  # who reads the old mailbox comes too late
    assert (await postal.anyone.post("/api/auth/password/reset", late)).status_code == 422
    assert (await postal.anyone.post("/api/auth/login", {"email": "ada@example.org", "password": PASSWORD})).status_code == 401


async def test_a_taken_address_is_told_to_its_holder_alone(postal: PostalDoor) -> None:
    ada = await signed_in(postal)
    emails = ("x@example.org", "BOB@example.org")
    answers = [await ada.send("PUT", EMAIL, json=CHANGE | {"email": email}) for email in emails]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    await empty_outbox(postal.engine)
    (told,) = postal.server.to("BOB@example.org")
    assert "#" not in told.text
    assert "It stays the address of yours" in told.text


async def test_of_two_who_want_an_address_the_second_is_refused(postal: PostalDoor) -> None:
    tokens = []
    for email in ("ada@example.org", "bob@example.org"):
        assert (await (await signed_in(postal, email)).send("PUT", EMAIL, json=CHANGE)).status_code == 202
        tokens.append(await postal.token("lovelace@example.org", "email"))
    answers = [await postal.anyone.post(f"{EMAIL}/confirm", {"token": token}) for token in tokens]
    assert [answer.status_code for answer in answers] == [204, 409]


async def test_without_mail_an_address_is_changed_at_once_and_proved_by_nobody(door: Door, database_dsns: Dsns) -> None:
    ada, ada_id = await door.learner()
    await door.learner("bob@example.org")
    taken = await ada.send("PUT", EMAIL, json=CHANGE | {"email": "\uff42ob@example.org"})
    assert (taken.status_code, taken.json()["field"]) == (409, "email")
    changed = await ada.send("PUT", EMAIL, json=CHANGE)
    assert (changed.status_code, changed.json()["email"], changed.json()["email_verified"]) == (
        200,
        "lovelace@example.org",
        False,
    )
    assert (await ada.post(f"{EMAIL}/verify")).status_code == 403
    noted = rows(database_dsns, "select about_id::text, detail::text from audit where act = 'email.changed'")
    assert [about for about, _ in noted] == [ada_id]
    assert "lovelace" not in str(noted)
    odd = await ada.send("PUT", EMAIL, json=CHANGE | {"email": "a..b@example.org"})
    assert (odd.status_code, odd.json()["field"]) == (422, "email")
