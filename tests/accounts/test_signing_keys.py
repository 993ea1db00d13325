"""The keys that sign access tokens: made once, published, rotated while serving, and removed in the end."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_curve_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import RSAAlgorithm
from structlog.testing import capture_logs

from skillcore.accounts import tokens
from skillcore.accounts.signing_keys import (
    FIRST,
    Keys,
    UnderWay,
    ensure_first,
    file_for,
    new_key,
    read_key,
    rotate,
    thumbprint,
)
from skillcore.runtime.engine import Engine
from tests.visitors import Door, Visitor, door_of

LIFETIME = timedelta(minutes=15)
PATIENCE = 60.0


@cache
def others() -> list[bytes]:
    """Two further keys, for whoever runs a test that needs them: all processes read this module."""
    return [new_key() for _ in range(2)]


"""Further keys; making one takes longer than most tests."""


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-01T{text}:00+00:00")


def put(directory: Path, *keys: tuple[datetime, bytes]) -> list[str]:
    """Put keys into a directory, and return their ids."""
    directory.mkdir(parents=True, exist_ok=True)
    for signs_from, pem in keys:
        (directory / file_for(signs_from)).write_bytes(pem)
    return [read_key(directory / file_for(signs_from)).id for signs_from, _ in keys]


@pytest.fixture
def own_keys(tmp_path: Path, key_file: Path) -> Path:
    """A directory of one's own, with the key that all tests use."""
    directory = tmp_path / "keys of mine"
    directory.mkdir()
    shutil.copy(key_file, directory / FIRST)
    return directory


@pytest.fixture
async def rotating(engine: Engine, own_keys: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """An application that looks often for new keys."""
    monkeypatch.setattr(tokens, "LOOK_EVERY", 0.05)
    auth = msgspec.structs.replace(engine.settings.auth, keys_dir=str(own_keys))
    settings = msgspec.structs.replace(engine.settings, auth=auth)
    async with door_of(Engine(settings, engine.plugins, engine.database)) as door:
        yield door


async def published(door: Door) -> list[str]:
    return [key["kid"] for key in (await door.anyone.get("/.well-known/jwks.json")).json()["keys"]]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - the service looks at its directory, and tells nobody
            await asyncio.sleep(0.05)


async def until_published(door: Door, *ids: str) -> None:
    async def are_published() -> bool:
        return await published(door) == list(ids)

    await until(are_published)


def rename(directory: Path, signs_from: datetime) -> None:
    """Have the newer key of a directory sign from another moment."""
    (file,) = [path for path in directory.iterdir() if path.name != FIRST]
    file.rename(directory / file_for(signs_from))


def test_the_thumbprint_is_that_of_the_standard() -> None:
    """RFC 7638, section 3.1, has this key and this thumbprint."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst"
        "n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI"
        "SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = RSAAlgorithm.from_jwk({"kty": "RSA", "e": "AQAB", "n": modulus})
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"  # type: ignore[arg-type]


def test_processes_that_start_at_once_share_the_first_key(tmp_path: Path) -> None:
    directory = tmp_path / "data" / "keys"
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: ensure_first(directory), range(4)))
    assert [file.name for file in directory.iterdir()] == [FIRST]
    assert read_key(directory / FIRST).private.key_size == 3072


def test_nobody_else_reads_them(tmp_path: Path) -> None:
    ensure_first(tmp_path / "keys")
    rotate(tmp_path / "keys", timedelta(hours=1))
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "keys").iterdir()} == {0o600}
    assert "private" not in repr(read_key(tmp_path / "keys" / FIRST)).lower()


def test_the_newest_whose_time_has_come_signs_and_all_verify(tmp_path: Path, key_file: Path) -> None:
    first, second, third = put(
        tmp_path, *zip(map(moment, ("10:00", "12:00", "14:00")), (key_file.read_bytes(), *others()), strict=True)
    )
    keys = Keys(tmp_path, LIFETIME)
    table = {
        "09:00": (
            first,
            [first, second, third],
        ),  # somebody's clock is wrong, or the first key is to come: it signs all the same
        "11:59": (first, [first, second, third]),
        "12:00": (second, [first, second, third]),
        "12:16": (second, [first, second, third]),
        "12:17": (second, [second, third]),
        "14:16": (third, [second, third]),
        "14:17": (third, [third]),
        "23:00": (third, [third]),
    }
    found = {at: (keys.signing(moment(at)).id, [key.id for key in keys.verifying(moment(at))]) for at in table}
    assert found == table
    assert keys.find(first, moment("12:16")) is not None
    assert keys.find(first, moment("12:17")) is None


def test_old_keys_are_removed_and_no_others(tmp_path: Path, key_file: Path) -> None:
    first, second = put(tmp_path, (moment("10:00"), key_file.read_bytes()), (moment("12:00"), others()[0]))
    keys = Keys(tmp_path, LIFETIME)
    keys.remove_old(moment("12:16"))
    keys.read()
    assert [key.id for key in keys.verifying(moment("12:00"))] == [first, second]
    keys.remove_old(moment("12:17"))
    keys.read()
    assert [file.name for file in tmp_path.iterdir()] == [file_for(moment("12:00"))]
    assert [key.id for key in keys.verifying(moment("12:00"))] == [second]
    keys.remove_old(moment("23:00"))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_rotation_makes_a_key_for_later(own_keys: Path) -> None:
    before = datetime.now(UTC)
    made = rotate(own_keys, timedelta(hours=1))
    assert timedelta(minutes=59) < made.signs_from - before < timedelta(minutes=61)
    with pytest.raises(UnderWay, match=made.id):
        rotate(own_keys, timedelta(hours=1))
    assert len(list(own_keys.iterdir())) == 2


def test_two_rotations_in_a_second_make_two_keys(own_keys: Path) -> None:
    made = [rotate(own_keys, timedelta(0), drop_old=True) for _ in range(2)]
    assert len({key.path for key in made}) == len({key.id for key in made}) == 2
    assert [file.name for file in own_keys.iterdir()] == [made[1].path.name]


def test_what_is_no_key_is_refused_at_the_start_and_passed_over_later(tmp_path: Path, key_file: Path) -> None:
    put(tmp_path, (moment("10:00"), key_file.read_bytes()))
    keys = Keys(tmp_path, LIFETIME)
    private, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    short = generate_private_key(65537, 2048).private_bytes(serialization.Encoding.PEM, private, none)
    curve = generate_curve_key(SECP256R1()).private_bytes(serialization.Encoding.PEM, private, none)
    locked = serialization.load_pem_private_key(others()[0], None).private_bytes(
        serialization.Encoding.PEM, private, serialization.BestAvailableEncryption(b"word")
    )
    for content in (b"no key", short, curve, locked):
        file = tmp_path / file_for(moment("12:00"))
        file.write_bytes(content)
        with pytest.raises((ValueError, TypeError)):
            Keys(tmp_path, LIFETIME)
        with capture_logs() as logs:
            keys.read()
        assert len(keys.verifying(moment("13:00"))) == 1
        assert len(logs) <= 1
    file.rename(tmp_path / "mine.pem")
    with pytest.raises(ValueError, match="must be named after the moment"):
        Keys(tmp_path, LIFETIME)


def test_without_a_key_nothing_starts_and_nothing_stops(tmp_path: Path, own_keys: Path) -> None:
    with pytest.raises(ValueError, match="no signing key"):
        Keys(tmp_path / "none", LIFETIME)
    keys = Keys(own_keys, LIFETIME)
    (own_keys / FIRST).unlink()
    keys.read()
    assert keys.signing(datetime.now(UTC)).path.name == FIRST


async def test_the_published_keys_verify_our_tokens_for_others(door: Door) -> None:
    """Read as a stranger would, by PyJWT's own reading of key sets."""
    ada, user_id = await door.learner()
    assert ada.credentials is not None
    answer = await door.anyone.get("/.well-known/jwks.json")
    assert answer.headers["content-type"] == "application/json"
    found = jwt.PyJWKSet.from_dict(answer.json())[jwt.get_unverified_header(ada.credentials)["kid"]]
    assert (found.key_type, found.public_key_use, found.algorithm_name) == ("RSA", "sig", "RS256")
    claims = jwt.decode(ada.credentials, found, algorithms=["RS256"], audience="skillcore", issuer="skillcore")
    assert claims["sub"] == user_id
    assert {name for key in answer.json()["keys"] for name in key} == {"kty", "use", "alg", "kid", "n", "e"}  # nothing private


async def test_the_published_keys_may_be_kept_for_a_while(door: Door) -> None:
    answer = await door.anyone.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    again = await door.anyone.get("/.well-known/jwks.json", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await door.anyone.get("/.well-known/jwks.json", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_keys_rotate_while_serving(rotating: Door, own_keys: Path) -> None:
    ada, _ = await rotating.learner()
    assert ada.credentials is not None
    (first,) = await published(rotating)

    (coming,) = put(own_keys, (datetime.now(UTC) + timedelta(hours=1), others()[0]))
    await until_published(rotating, first, coming)
    assert kid(await rotating.learner("bob@example.org")) == first  # not yet
    assert (await ada.get("/api/auth/profile")).status_code == 200

    rename(own_keys, datetime.now(UTC))  # its time has come
    numbers = count()

    async def signs() -> bool:
        return kid(await rotating.learner(f"{next(numbers)}@example.org")) == coming

    await until(signs)
    assert (await ada.get("/api/auth/profile")).status_code == 200  # the old token is as good as before

    rename(own_keys, datetime.now(UTC) - timedelta(minutes=17))

    async def is_removed() -> bool:
        return not (own_keys / FIRST).exists()

    await until_published(rotating, coming)
    assert (await ada.get("/api/auth/profile")).status_code == 401  # by now it would have expired
    await until(is_removed)


async def test_dropped_keys_verify_nothing_and_sessions_go_on(rotating: Door, own_keys: Path) -> None:
    answer = await rotating.anyone.post(
        "/api/auth/register", {"email": "ada@example.org", "password": "correct horse battery staple"}
    )
    made = await asyncio.to_thread(rotate, own_keys, timedelta(hours=1), drop_old=True)
    await until_published(rotating, made.id)
    ada = Visitor(rotating.client, answer.json()["access_token"])
    assert (await ada.get("/api/auth/profile")).status_code == 401
    fresh = await rotating.anyone.post("/api/auth/refresh", {"refresh_token": answer.json()["refresh_token"]})
    assert jwt.get_unverified_header(fresh.json()["access_token"])["kid"] == made.id
    assert (await Visitor(rotating.client, fresh.json()["access_token"]).get("/api/auth/profile")).status_code == 200


def kid(signed_in: tuple[Visitor, Any]) -> str:
    """Return the key with which somebody's token is signed."""
    assert signed_in[0].credentials is not None
    return str(jwt.get_unverified_header(signed_in[0].credentials)["kid"])
