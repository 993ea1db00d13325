"""The second factor: codes by time, each once, and recovery codes; and nobody gets past it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import msgspec
import pyotp
import pytest
from sqlalchemy import select, text

from skillcore.accounts import second_factor
from skillcore.accounts.tables import UserRow
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import LimitSettings
from tests.accounts.postal import postal_door_of
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.visitors import PASSWORD, Door, Visitor, door_of

HERE = "/api/auth/second-factor"
ADA = {"email": "ada@example.org", "password": PASSWORD}
AT = 1_800_000_000
"""A moment that begins a step: 60,000,000 of 30 seconds."""


class Clock:
    """The time by which codes are checked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = float(AT)
        monkeypatch.setattr(second_factor.time, "time", lambda: self.at)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
async def counting(engine: Engine) -> AsyncIterator[Door]:
    limits = msgspec.structs.replace(engine.settings.limits, login=LimitSettings(requests=2, seconds=960, burst=2))
    engine.settings = msgspec.structs.replace(engine.settings, limits=limits)
    async with door_of(engine) as door:
        yield door


async def enabled(door: Door, clock: Clock, email: str = ADA["email"]) -> tuple[Visitor, pyotp.TOTP, list[str]]:
    """Return Ada, or another one, with a second factor, what computes its codes, and the recovery codes."""
    ada, _ = await door.learner(email)
    made = await ada.post(HERE, {"password": PASSWORD})
    assert made.status_code == 201, made.text
    totp = pyotp.TOTP(made.json()["secret"])
    shown = await ada.post(f"{HERE}/confirm", {"code": totp.at(clock.at)})
    assert shown.status_code == 200, shown.text
    clock.at += 30
    return ada, totp, shown.json()["recovery_codes"]


async def login(door: Door, code: str = "", **more: str) -> int:
    return (await door.anyone.post("/api/auth/login", ADA | {"code": code} | more)).status_code


async def test_it_asks_for_nothing_before_a_code_was_confirmed(door: Door, clock: Clock, database_dsns: Dsns) -> None:
    ada, _ = await door.learner()
    assert (await ada.get(HERE)).json() == {"enabled": False, "since": None, "recovery_codes_left": 0}
    wrong = await ada.post(HERE, {"password": "a guess"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "password")
    assert (await ada.post(f"{HERE}/confirm", {"code": "000000"})).status_code == 409
    made = (await ada.post(HERE, {"password": PASSWORD})).json()
    assert re.fullmatch(r"otpauth://totp/skillcore:ada%40example\.org\?secret=[A-Z2-7]{32}&issuer=skillcore", made["uri"])
    assert made["secret"] in made["uri"]
    kept = str(rows(database_dsns, "select to_jsonb(s) from second_factors s"))
    assert made["secret"] not in kept
    assert made["secret"].encode().hex() not in kept
    assert await login(door) == 200
    totp = pyotp.TOTP(made["secret"])
    refused = await ada.post(f"{HERE}/confirm", {"code": totp.at(clock.at + 90)})
    assert (refused.status_code, refused.json()["field"]) == (422, "code")
    assert (await ada.post(HERE, {"password": PASSWORD})).json()["secret"] != made["secret"]  # begun anew
    assert (await ada.post(f"{HERE}/confirm", {"code": totp.at(clock.at)})).status_code == 422


async def test_signing_in_needs_password_and_code(door: Door, clock: Clock) -> None:
    ada, totp, _ = await enabled(door, clock)
    assert (await ada.get("/api/auth/profile")).status_code == 200  # the session that enabled it goes on
    asked = await door.anyone.post("/api/auth/login", ADA)
    assert (asked.status_code, asked.json()["code_required"]) == (401, True)
    wrong = await door.anyone.post("/api/auth/login", ADA | {"password": "a guess", "code": totp.at(clock.at)})
    assert (wrong.status_code, "code_required" in wrong.json()) == (401, False)
    assert await login(door, "000000") == 401
    assert await login(door, totp.at(clock.at)) == 200


async def test_enabling_ends_other_sessions(door: Door, clock: Clock) -> None:
    await door.learner()
    entered = await door.anyone.post("/api/auth/login", ADA)
    elsewhere = Visitor(door.client, entered.json()["access_token"])
    mine = Visitor(door.client, (await door.anyone.post("/api/auth/login", ADA)).json()["access_token"])
    secret = (await mine.post(HERE, {"password": PASSWORD})).json()["secret"]
    assert (await mine.post(f"{HERE}/confirm", {"code": pyotp.TOTP(secret).at(clock.at)})).status_code == 200
    assert (await elsewhere.get("/api/auth/profile")).status_code == 401
    assert (await mine.post(HERE, {"password": PASSWORD})).status_code == 409


@pytest.mark.parametrize(("seconds", "status"), [(-60, 401), (-30, 200), (0, 200), (29, 200), (30, 200), (60, 401)])
async def test_a_code_is_good_for_its_step_and_its_neighbours(door: Door, clock: Clock, seconds: int, status: int) -> None:
    _, totp, _ = await enabled(door, clock)
    clock.at = AT + 300.0
    assert await login(door, totp.at(clock.at + seconds)) == status


async def test_a_code_is_accepted_once(door: Door, clock: Clock) -> None:
    _, totp, _ = await enabled(door, clock)
    code = totp.at(clock.at)
    statuses = await asyncio.gather(*(login(door, code) for _ in range(6)))
    assert sorted(statuses) == [200] + [401] * 5
    assert await login(door, totp.at(clock.at - 30)) == 401  # nor one of before
    clock.at += 30
    assert await login(door, code) == 401
    assert await login(door, totp.at(clock.at)) == 200


async def test_the_codes_are_those_of_the_standard(engine: Engine) -> None:
    """RFC 6238, appendix B: the SHA-1 seed at 59 s gives 94287082, of which six digits are used."""
    assert pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").at(59) == "287082"


async def test_a_recovery_code_works_once(door: Door, clock: Clock, database_dsns: Dsns) -> None:
    ada, _, codes = await enabled(door, clock)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([a-z2-7]{4}-){5}[a-z2-7]{4}", code) for code in codes)  # 24 letters of 5 bits: 120
    kept = str(rows(database_dsns, "select to_jsonb(c) from recovery_codes c"))
    assert not any(code in kept for code in codes)
    statuses = await asyncio.gather(*(login(door, codes[0].upper()) for _ in range(5)))
    assert sorted(statuses) == [200] + [401] * 4
    assert await login(door, codes[1].replace("-", " ")) == 200
    assert (await ada.get(HERE)).json()["recovery_codes_left"] == 8


async def test_a_recovery_code_is_its_person_s_alone(door: Door, clock: Clock) -> None:
    _, _, hers = await enabled(door, clock)
    _, totp, _ = await enabled(door, clock, "eve@example.org")
    assert await login(door, hers[0], email="eve@example.org") == 401
    assert await login(door, totp.at(clock.at)) == 401
    assert await login(door, hers[0]) == 200  # and it was not used up


async def test_recovery_codes_are_replaced(door: Door, clock: Clock) -> None:
    ada, totp, codes = await enabled(door, clock)
    body = {"password": PASSWORD, "code": totp.at(clock.at)}
    assert (await ada.post(f"{HERE}/recovery-codes", body | {"code": "000000"})).json()["field"] == "code"
    assert (await ada.post(f"{HERE}/recovery-codes", body | {"password": "a guess"})).json()["field"] == "password"
    fresh = await ada.post(f"{HERE}/recovery-codes", body)
    assert fresh.status_code == 200
    assert await login(door, codes[0]) == 401
    assert await login(door, fresh.json()["recovery_codes"][0]) == 200


async def test_disabling_needs_password_and_code(door: Door, clock: Clock) -> None:
    ada, totp, _ = await enabled(door, clock)
    body = {"password": PASSWORD, "code": totp.at(clock.at)}
    assert (await ada.post(f"{HERE}/disable", body | {"code": "000000"})).status_code == 422
    assert (await ada.post(f"{HERE}/disable", body | {"password": "a guess"})).status_code == 422
    assert await login(door) == 401
    assert (await ada.post(f"{HERE}/disable", body)).status_code == 204
    assert await login(door) == 200
    assert (await ada.get(HERE)).json()["enabled"] is False


async def test_guesses_at_codes_are_counted_and_a_known_device_has_its_own(counting: Door, clock: Clock) -> None:
    _, totp, _ = await enabled(counting, clock)
    clock.at += 30
    entered = await counting.anyone.post("/api/auth/login", ADA | {"code": totp.at(clock.at)})
    device = entered.json()["device_token"]
    clock.at += 30
    assert [await login(counting, code) for code in ("000000", "000001", totp.at(clock.at))] == [401, 401, 429]
    assert await login(counting, totp.at(clock.at), device_token=device) == 200


async def test_guesses_at_codes_are_counted_also_of_who_is_signed_in(counting: Door, clock: Clock) -> None:
    ada, totp, _ = await enabled(counting, clock)
    guesses = [{"password": PASSWORD, "code": code} for code in ("000000", "000001", totp.at(clock.at))]
    assert [(await ada.post(f"{HERE}/disable", guess)).status_code for guess in guesses] == [422, 422, 429]
    assert (await ada.get(HERE)).json()["enabled"] is True


async def test_a_new_password_by_mail_does_not_get_past_it(engine: Engine, clock: Clock) -> None:
    async with door_of(engine) as door:
        await enabled(door, clock)
    async with postal_door_of(engine) as door:
        await door.anyone.post("/api/auth/password/forgotten", {"email": "ada@example.org"})
        token = await door.token("ada@example.org", "reset")
        assert (await door.anyone.post("/api/auth/password/reset", {"token": token, "password": PASSWORD})).status_code == 200
        assert await login(door) == 401


async def test_an_administrator_removes_a_lost_one(door: Door, clock: Clock, database_dsns: Dsns) -> None:
    ada, _, _ = await enabled(door, clock)
    async with door.engine.transaction() as tx:
        ada_id = await tx.session.scalar(select(UserRow.id))
    path = f"/api/users/{ada_id}/second-factor"
    assert (await ada.send("DELETE", path)).status_code == 403
    admin = await door.admin()
    assert (await admin.send("DELETE", path)).status_code == 204
    assert (await ada.get("/api/auth/profile")).status_code == 401
    assert await login(door) == 200
    assert (await admin.send("DELETE", path)).status_code == 404
    noted = rows(database_dsns, "select actor_kind, about_id from audit where act = 'second_factor.removed'")
    assert noted == [("admin", ada_id)]


async def test_a_foreign_secret_does_not_open(door: Door, clock: Clock) -> None:
    _, totp, _ = await enabled(door, clock)
    bob, _ = await door.learner("bob@example.org")
    secret = (await bob.post(HERE, {"password": PASSWORD})).json()["secret"]
    async with door.engine.transaction() as tx:
        query = "update second_factors set secret = (select secret from second_factors where confirmed_at is null)"
        await tx.session.execute(text(query + " where confirmed_at is not null"))
    assert await login(door, pyotp.TOTP(secret).at(clock.at)) == 500
    assert await login(door, totp.at(clock.at)) == 500
