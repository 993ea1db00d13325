"""Keys of platforms: their text, their successors, their limits, and that looking one up tells nothing."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from base64 import b32decode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from skillcore.accounts import authentication, key_text
from skillcore.accounts.access import Actor
from skillcore.accounts.authentication import Known
from skillcore.accounts.limiting import bucket
from tests.visitors import Door, Visitor


def test_a_key_can_be_recognised() -> None:
    drawn = str(key_text.drawn())
    mark, prefix, rest = drawn.split("_")
    assert (mark, len(prefix), len(rest)) == ("sk", 8, 59)
    assert len(b32decode(f"{rest[:52].upper()}====")) == 32
    checksum = int.from_bytes(b32decode(f"{rest[52:].upper()}="), "big")
    assert checksum == zlib.crc32(drawn[:-7].encode())
    assert key_text.read(drawn) == (prefix, rest)
    assert "secret" not in repr(key_text.drawn())
    assert key_text.read(f"sk_abcdefgh_{'a' * 52}4so2qaq") is not None  # worked out by other means
    assert key_text.read(f"sk_abcdefgh_{'a' * 52}4so2qar") is None


@pytest.mark.parametrize(
    "change", [str.upper, lambda key: key[:-1], lambda key: f"{key}a", lambda key: f" {key}", lambda _: ""]
)
def test_what_is_no_key_is_none(change: Any) -> None:
    assert key_text.read(change(str(key_text.drawn()))) is None


def test_a_typing_error_is_seen_without_asking() -> None:
    drawn = str(key_text.drawn())
    for place in range(12, len(drawn)):
        other = "b" if drawn[place] != "b" else "c"
        assert key_text.read(drawn[:place] + other + drawn[place + 1 :]) is None


async def made(door: Door, **more: Any) -> tuple[Visitor, str, dict[str, Any], Visitor]:
    """Return the administrator, the path of a new platform's keys, a key that it has, and who uses it."""
    root = await door.admin()
    where = f"/api/platforms/{(await root.post('/api/platforms', {'name': 'School'})).json()['id']}/keys"
    answer = await root.post(where, {"name": "app", "scopes": ["users:read"], **more})
    assert answer.status_code == 201, answer.text
    return root, where, answer.json(), Visitor(door.client, answer.json()["key"])


async def test_both_are_valid_for_the_overlap(door: Door) -> None:
    root, where, old, by_old = await made(door, requests_per_minute=77)
    answer = await root.post(f"{where}/{old['id']}/renew", {"overlap": 3600})
    assert answer.status_code == 201
    new = answer.json()
    by_new = Visitor(door.client, new["key"])
    assert new["key"] != old["key"]
    assert {name: new[name] for name in ("name", "scopes", "requests_per_minute", "expires_at", "replaces")} == {
        "name": "app",
        "scopes": ["users:read"],
        "requests_per_minute": 77,
        "expires_at": None,
        "replaces": old["id"],
    }
    assert [(await who.get("/api/users")).status_code for who in (by_old, by_new)] == [200, 200]
    listed = (await root.get(where)).json()["items"]
    assert [(key["id"], key["replaces"], key["replaced_by"]) for key in listed] == [
        (old["id"], None, new["id"]),
        (new["id"], old["id"], None),
    ]
    ends = datetime.fromisoformat(listed[0]["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=58) < ends <= timedelta(hours=1)
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update api_keys set expires_at = now() where replaced_by is not null"))
    door.engine.cache(Known).forget()
    assert [(await who.get("/api/users")).status_code for who in (by_old, by_new)] == [401, 200]
    acts = "select act from audit where act like 'key.%' order by position"
    async with door.engine.transaction() as tx:
        assert list(await tx.session.scalars(text(acts))) == ["key.created", "key.renewed"]


async def test_without_an_overlap_the_old_one_is_dead_at_once(door: Door) -> None:
    root, where, old, by_old = await made(door)
    assert (await by_old.get("/api/users")).status_code == 200
    assert (await root.post(f"{where}/{old['id']}/renew", {"overlap": 0})).status_code == 201
    assert (await by_old.get("/api/users")).status_code == 401


async def test_a_key_has_one_successor(door: Door) -> None:
    root, where, old, _ = await made(door)
    answers = await asyncio.gather(*(root.post(f"{where}/{old['id']}/renew", {}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert len((await root.get(where)).json()["items"]) == 2


async def test_a_dead_key_has_none(door: Door) -> None:
    root, where, old, _ = await made(door)
    assert (await root.send("DELETE", f"{where}/{old['id']}")).status_code == 204
    assert (await root.post(f"{where}/{old['id']}/renew", {})).status_code == 409
    _, elsewhere, _, _ = await made(door)
    assert (await root.post(f"{elsewhere}/{old['id']}/renew", {})).status_code == 404
    _, where, old, _ = await made(door)
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update api_keys set expires_at = now() where id = :id"), {"id": old["id"]})
    assert (await root.post(f"{where}/{old['id']}/renew", {})).status_code == 409


async def test_a_successor_lives_as_long_again(door: Door) -> None:
    end = datetime.now(UTC) + timedelta(days=30)
    root, where, old, _ = await made(door, expires_at=end.isoformat())
    new = (await root.post(f"{where}/{old['id']}/renew", {})).json()
    assert abs(datetime.fromisoformat(new["expires_at"]) - end) < timedelta(minutes=2)
    later = datetime.now(UTC) + timedelta(days=90)
    third = await root.post(f"{where}/{new['id']}/renew", {"expires_at": later.isoformat()})
    assert datetime.fromisoformat(third.json()["expires_at"]) == later
    past = {"expires_at": (later - timedelta(days=91)).isoformat()}
    assert (await root.post(f"{where}/{third.json()['id']}/renew", past)).json()["field"] == "expires_at"


async def test_an_overlap_does_not_keep_a_key_longer_than_it_was_to_live(door: Door) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    root, where, old, _ = await made(door, expires_at=end.isoformat())
    assert (await root.post(f"{where}/{old['id']}/renew", {"overlap": 86_400})).status_code == 201
    first, _ = (await root.get(where)).json()["items"]
    assert (first["id"], datetime.fromisoformat(first["expires_at"])) == (old["id"], end)


async def test_a_key_may_have_a_limit_of_its_own(door: Door) -> None:
    _, _, key, visitor = await made(door, requests_per_minute=120)
    assert (await visitor.get("/api/users")).status_code == 200
    (actor,) = [one for one, _ in door.engine.cache(Known)._actors.values() if one.kind == "key"]
    assert (actor.key_id is not None and str(actor.key_id), actor.requests_per_minute) == (key["id"], 120)
    name, limit = bucket(door.engine, "anonymous", actor)
    assert (name, limit.requests, limit.seconds, limit.burst) == (f"key:{key['id']}", 120, 60, 12)
    usual = bucket(door.engine, "anonymous", Actor(kind="key", key_id=uuid4()))
    assert usual[1] == door.engine.settings.limits.key


async def test_an_unknown_prefix_takes_the_same_steps(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same statements, and a comparison of the same length: there is nothing to tell them apart by."""
    _, _, key, _ = await made(door)
    unknown = str(key_text.drawn())
    known = key_text.KeyText(key["prefix"], unknown.rsplit("_", 1)[1][:52])
    known = known._replace(secret=known.secret + key_text._checksum(str(known)))
    steps: list[list[Any]] = []
    execute, compare = psycopg.AsyncCursor.execute, authentication.compare_digest

    async def noted(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        steps[-1].append(query)
        return await execute(self, query, *given, **more)

    def compared(one: bytes, other: bytes) -> bool:
        steps[-1].append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    monkeypatch.setattr(authentication, "compare_digest", compared)
    answers = []
    for token in (unknown, unknown, str(known)):
        steps.append([])
        answers.append(await Visitor(door.client, token).get("/api/users"))
    assert steps[1] == steps[2]
    assert (32, 32) in steps[1]
    assert answers[1].status_code == answers[2].status_code == 401
    assert answers[1].content == answers[2].content


async def test_only_the_hash_is_kept(door: Door) -> None:
    _, _, key, _ = await made(door)
    secret = key["key"].rsplit("_", 1)[1]
    async with door.engine.transaction() as tx:
        row = (await tx.session.execute(text("select secret_sha256, api_keys::text from api_keys"))).one()
    assert row[0] == hashlib.sha256(secret.encode()).digest()
    assert secret not in row[1]
