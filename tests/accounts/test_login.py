"""Signing in: alike for everybody who fails, counted, and never so that somebody can be kept out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import bcrypt
import msgspec
import pytest
from sqlalchemy import select, update

from skillcore.accounts import devices
from skillcore.accounts.attempts import Attempt
from skillcore.accounts.credential_tables import DeviceRow
from skillcore.accounts.devices import COOKIE
from skillcore.accounts.passwords import Passwords, digest
from skillcore.accounts.tables import UserRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import TooManyRequests
from skillcore.runtime.settings import LimitSettings
from tests.accounts.costs import Counted
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.visitors import PASSWORD, Door, door_of

LOGIN = "/api/auth/login"
ADA = {"email": "ada@example.org", "password": PASSWORD}
WRONG = ADA | {"password": "wrong password"}


@pytest.fixture
async def counting(engine: Engine) -> AsyncIterator[Door]:
    """A door at which attempts to sign in are counted: two, and one more every eight minutes."""
    limits = msgspec.structs.replace(engine.settings.limits, login=LimitSettings(requests=2, seconds=960, burst=2))
    engine.settings = msgspec.structs.replace(engine.settings, limits=limits)
    async with door_of(engine) as door:
        yield door


async def statuses(door: Door, *bodies: dict[str, str]) -> list[int]:
    return [(await door.anyone.post(LOGIN, body)).status_code for body in bodies]


async def test_all_failures_are_alike_and_cost_the_same(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.learner()
    admin = await door.admin()
    assert (await admin.post("/api/invitations", {"email": "bob@example.org"})).status_code == 201  # without a password
    counted = Counted(door.engine, monkeypatch)
    bodies = (WRONG, ADA | {"email": "nobody@example.org"}, ADA | {"email": "bob@example.org"}, ADA | {"email": "a@exa_mple"})
    answers = [await door.anyone.post(LOGIN, body) for body in bodies]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    costs = [await counted.of(door, LOGIN, body) for body in bodies]
    assert [hashes for hashes, _ in costs] == [1, 1, 1, 1]
    assert len(costs[0][1]) >= 2
    assert costs[0] == costs[1] == costs[2] == costs[3]


async def test_the_hash_of_nobody_has_the_cost_of_the_settings(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    real = bcrypt.checkpw

    def watched(given: bytes, kept: bytes) -> bool:
        seen.append(kept)
        return real(given, kept)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    await door.anyone.post(LOGIN, ADA)
    assert [kept[:7] for kept in seen] == [b"$2b$04$"]


async def test_failures_are_noted_with_whose_account_it_was(door: Door, database_dsns: Dsns) -> None:
    _, ada = await door.learner()
    await door.anyone.post(LOGIN, WRONG)
    await door.anyone.post(LOGIN, ADA | {"email": "nobody@example.org"})
    noted = rows(
        database_dsns, "select about_id::text, detail::text from audit where act = 'session.refused' order by position"
    )
    assert [about for about, _ in noted] == [ada, None]
    assert "example.org" not in str(noted)


async def test_a_hash_of_another_cost_is_made_anew(door: Door) -> None:
    await door.learner()
    old = bcrypt.hashpw(digest(PASSWORD), bcrypt.gensalt(5)).decode()
    async with door.engine.transaction() as tx:
        await tx.session.execute(update(UserRow).values(password_hash=old))
    assert await statuses(door, WRONG) == [401]
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(UserRow.password_hash)) == old
    assert await statuses(door, ADA) == [200]
    async with door.engine.transaction() as tx:
        fresh = await tx.session.scalar(select(UserRow.password_hash))
    assert fresh is not None
    assert fresh.startswith("$2b$04$")
    assert await statuses(door, ADA, WRONG) == [200, 401]


async def test_a_password_that_is_replaced_while_it_is_compared_opens_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch, database_dsns: Dsns
) -> None:
    """Whoever replaces theirs since somebody else knows it, has shut that one out when it is done."""
    await door.learner()
    passwords = door.engine.service(Passwords)
    compare = passwords.fits

    async def meanwhile(password: str, kept: str | None) -> bool:
        fits = await compare(password, kept)
        async with door.engine.transaction() as tx:
            await tx.session.execute(update(UserRow).values(password_hash="$2b$04$another"))
        return fits

    monkeypatch.setattr(passwords, "fits", meanwhile)
    assert await statuses(door, ADA) == [401]
    assert rows(database_dsns, "select count(*) from sessions where how = 'password'") == [(0,)]


async def test_a_password_fits_on_whatever_keyboard(door: Door) -> None:
    composed, decomposed = "résumé of a long life", "re\u0301sume\u0301 of a long life"
    made = await door.anyone.post("/api/auth/register", ADA | {"password": composed})
    assert made.status_code == 201
    assert await statuses(door, ADA | {"password": decomposed}) == [200]


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
async def test_wrong_attempts_are_counted_alike_for_known_and_unknown(counting: Door, email: str) -> None:
    await counting.learner()
    body = WRONG | {"email": email}
    assert await statuses(counting, body, body, body) == [401, 401, 429]
    refused = await counting.anyone.post(LOGIN, body)
    assert int(refused.headers["Retry-After"]) > 0
    assert email not in refused.text


async def test_attempts_are_counted_for_the_account_however_it_is_written(
    counting: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    await counting.learner()
    monkeypatch.setattr("skillcore.accounts.login.here", iter(f"address:{number}" for number in range(9)).__next__)
    written = [WRONG | {"email": email} for email in ("ada@example.org", "ADA@example.org", "\uff41da@example.org")]
    assert await statuses(counting, *written) == [401, 401, 429]
    assert await statuses(counting, WRONG | {"email": "bob@example.org"}) == [401]


async def test_attempts_are_counted_for_the_address_called_from(counting: Door) -> None:
    bodies = [WRONG | {"email": f"{name}@example.org"} for name in "abc"]
    assert await statuses(counting, *bodies) == [401, 401, 429]


async def test_an_attempt_that_is_refused_for_the_account_costs_the_address_nothing(counting: Door) -> None:
    """Else whoever uses up an account's attempts would keep its person from signing in to any other from there."""
    for _ in range(2):
        await Attempt(counting.engine, "account:hers").begin()
    for _ in range(3):
        with pytest.raises(TooManyRequests):
            await Attempt(counting.engine, "address:here", "account:hers").begin()
    for _ in range(2):
        await Attempt(counting.engine, "address:here", "account:another").begin()


async def test_right_attempts_are_given_back(counting: Door) -> None:
    await counting.learner()
    assert await statuses(counting, *[ADA] * 5) == [200] * 5


async def test_a_device_that_has_signed_in_keeps_its_own_attempts(counting: Door) -> None:
    await counting.learner()
    entered = await counting.anyone.post(LOGIN, ADA)
    token = entered.json()["device_token"]
    assert await statuses(counting, *[WRONG] * 4) == [401, 401, 429, 429]  # somebody keeps failing on purpose
    assert await statuses(counting, ADA) == [429]
    mine = ADA | {"device_token": token}
    again = await counting.anyone.post(LOGIN, mine)
    assert again.status_code == 200
    assert again.json()["device_token"] is None  # it has one
    guess = mine | {"password": "wrong password"}
    assert await statuses(counting, guess, guess, guess, mine) == [401, 401, 429, 429]  # and not more of them than anybody


async def test_a_device_counts_for_its_own_person_alone(counting: Door) -> None:
    await counting.learner("eve@example.org")
    eve = (await counting.anyone.post(LOGIN, ADA | {"email": "eve@example.org"})).json()["device_token"]
    await counting.learner()
    assert await statuses(counting, *[WRONG] * 3) == [401, 401, 429]
    assert await statuses(counting, WRONG | {"device_token": eve}) == [429]


async def test_a_page_keeps_the_device_in_a_cookie(counting: Door) -> None:
    await counting.learner()
    page = {"Origin": "http://skillcore.test", "Sec-Fetch-Site": "same-origin"}
    entered = await counting.anyone.post(LOGIN, ADA | {"keep": "cookie"}, headers=page)
    assert entered.status_code == 200, entered.text
    (kept,) = [line for line in entered.headers.get_list("set-cookie") if line.startswith("__Host-skillcore-device=")]
    attributes = {part.strip().lower() for part in kept.split(";")[1:]}
    assert {"secure", "httponly", "path=/", "samesite=strict"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    token = kept.split(";")[0].partition("=")[2]
    await statuses(counting, *[WRONG] * 3)
    answer = await counting.anyone.post(LOGIN, ADA, headers={"Cookie": f"{COOKIE}={token}"})
    assert answer.status_code == 200


async def test_devices_are_kept_as_hashes_and_not_for_ever(door: Door, database_dsns: Dsns) -> None:
    await door.learner()
    tokens = [(await door.anyone.post(LOGIN, ADA)).json()["device_token"] for _ in range(22)]
    kept = str(rows(database_dsns, "select to_jsonb(d) from devices d"))
    assert not any(token in kept or token.encode().hex() in kept for token in tokens)
    async with door.engine.transaction() as tx:
        user_id = await tx.session.scalar(select(UserRow.id))
        assert len((await tx.session.scalars(select(DeviceRow))).all()) == 20
        assert await devices.known(tx, user_id, tokens[0]) is None
        newest = await devices.known(tx, user_id, tokens[-1])
        assert newest is not None
        await tx.session.execute(update(DeviceRow).where(DeviceRow.id == newest).values(last_used_at=now() - devices.KEPT))
        assert await devices.known(tx, user_id, tokens[-1]) is None
        assert await devices.forget_expired(tx, now() - devices.KEPT, 10) == 1


@pytest.mark.parametrize(
    "more",
    [{"role": "admin"}, {"id": "0193c0de-0000-7000-8000-000000000001"}, {"email_verified": True}, {"email": "x@example.org"}],
)
async def test_a_profile_takes_nothing_but_name_and_time_zone(door: Door, more: dict[str, Any]) -> None:
    ada, _ = await door.learner()
    before = (await ada.get("/api/auth/profile")).json()
    answer = await ada.send("PATCH", "/api/auth/profile", json={"display_name": "Ada"} | more)
    assert (answer.status_code, answer.json()["field"]) == (422, next(iter(more)))
    assert (await ada.get("/api/auth/profile")).json() == before


async def test_a_profile_is_changed_in_part(door: Door) -> None:
    ada, _ = await door.learner()
    changed = await ada.send("PATCH", "/api/auth/profile", json={"time_zone": "Europe/Vienna"})
    assert (changed.json()["time_zone"], changed.json()["display_name"]) == ("Europe/Vienna", "")
    changed = await ada.send("PATCH", "/api/auth/profile", json={"display_name": "Ada"})
    assert (changed.json()["time_zone"], changed.json()["display_name"]) == ("Europe/Vienna", "Ada")
    assert (await ada.get("/api/auth/profile")).json() == changed.json()
    wrong = await ada.send("PATCH", "/api/auth/profile", json={"time_zone": "Mars/Olympus"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "time_zone")
