"""Each secret opens what it was made for and nothing else, and one of another deployment opens nothing at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import jwt

from skillcore.accounts.cookies import COOKIE
from skillcore.accounts.signing_keys import FIRST, read_key
from skillcore.operations.documentation import openapi
from tests.visitors import PASSWORD, Door

PLACES = {"token", "refresh_token"}
"""Fields of bodies that take a secret which opens something by itself."""

OWN = {"refresh token": {"POST /api/auth/refresh"}}
"""What each secret is for, where it is a field of a body."""


async def secrets_of(door: Door) -> dict[str, str]:
    """Return one of each kind, all of the same administrator where that is possible."""
    platform = await door.platform("users:read")
    ada = {"email": "root@example.org", "password": PASSWORD}
    tokens = (await door.anyone.post("/api/auth/login", ada)).json()
    answer = await door.anyone.post("/api/auth/login", ada | {"keep": "cookie"}, headers={"Origin": "http://skillcore.test"})
    cookies = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        cookies.load(header)
    assert platform.key.credentials is not None
    return {
        "access token": tokens["access_token"],
        "refresh token": tokens["refresh_token"],
        "cookie": cookies[COOKIE].value,
        "csrf token": answer.json()["csrf_token"],
        "key": platform.key.credentials,
        "key without its mark": platform.key.credentials.removeprefix("sk_"),
        "secret of a key": platform.key.credentials.rpartition("_")[2],
        "token of another deployment": elsewhere(door, tokens["access_token"]),
    } | {f"cookie {name}": one.value for name, one in cookies.items() if name != COOKIE}


def elsewhere(door: Door, token: str) -> str:
    """Return a token for the same person, well made in every respect, that another deployment would sign."""
    claims = jwt.decode(token, options={"verify_signature": False})
    key = read_key(Path(door.engine.settings.auth.keys_dir) / FIRST)
    return jwt.encode(claims | {"iss": "https://elsewhere.example"}, key.private, algorithm="RS256", headers={"kid": key.id})


def fields(door: Door) -> Iterator[tuple[str, str, str, Any, str]]:
    """Yield every field of a body that takes a secret: label, method, path, example, name."""
    for path, methods in json.loads(openapi(door.app))["paths"].items():
        for method, described in methods.items():
            example = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            for name in PLACES & (example.keys() if isinstance(example, dict) else set()):
                yield f"{method.upper()} {path}", method.upper(), path, example, name


async def test_no_secret_serves_another_purpose(door: Door) -> None:
    secrets = await secrets_of(door)
    opened = {"Bearer": {"access token", "key"}, "Cookie": {"cookie"}}
    for what, secret in secrets.items():
        for place, headers in (("Bearer", {"Authorization": f"Bearer {secret}"}), ("Cookie", {"Cookie": f"{COOKIE}={secret}"})):
            answer = await door.anyone.get("/api/users", headers=headers)
            assert (answer.status_code == 200) == (what in opened[place]), f"{what} as {place}: {answer.text}"
            assert answer.status_code in {200, 401}, f"{what} as {place}: {answer.text}"
    tried = 0
    admin = await door.admin()
    for label, method, path, example, name in fields(door):
        for what, secret in secrets.items():
            if label in OWN.get(what, ()):
                continue
            tried += 1
            answer = await admin.send(method, path, json=example | {name: secret})
            assert answer.status_code >= 400, f"{what} as {name} of {label}: {answer.text}"
    assert tried >= 15
    assert (await door.anyone.post("/api/auth/refresh", {"refresh_token": secrets["refresh token"]})).status_code == 200


async def test_a_token_from_before_or_after_its_time_opens_nothing(door: Door) -> None:
    secrets = await secrets_of(door)
    claims = jwt.decode(secrets["access token"], options={"verify_signature": False})
    key = read_key(Path(door.engine.settings.auth.keys_dir) / FIRST)
    moment = int(datetime.now(UTC).timestamp())
    for changed in (
        {"exp": moment - 60},
        {"iat": moment + 3600, "exp": moment + 7200},
        {"nbf": moment + 3600},
        {"aud": "other"},
    ):
        token = jwt.encode(claims | changed, key.private, algorithm="RS256", headers={"kid": key.id})
        answer = await door.anyone.get("/api/users", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, f"{changed}: {answer.text}"
