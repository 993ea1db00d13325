"""Access tokens: valid as issued and not otherwise, whatever a token says of itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from skillcore.accounts.signing_keys import FIRST, Keys, SigningKey, read_key, thumbprint
from skillcore.accounts.tokens import Tokens
from tests.visitors import Door, Visitor

REQUIRED = ("iss", "aud", "sub", "sid", "typ", "iat", "exp", "jti")


def key_of(door: Door) -> SigningKey:
    return read_key(Path(door.engine.settings.auth.keys_dir) / FIRST)


def claims_of(somebody: Visitor) -> dict[str, Any]:
    assert somebody.credentials is not None
    claims: dict[str, Any] = jwt.decode(somebody.credentials, options={"verify_signature": False})
    return claims


def token(door: Door, somebody: Visitor, by: RSAPrivateKey | None = None, header: Any = None, **changes: object) -> str:
    """Somebody's access token, signed anew with changes; by our own key, unless another is given."""
    key = key_of(door)
    claims = {name: value for name, value in (claims_of(somebody) | changes).items() if value is not None}
    return jwt.encode(claims, by or key.private, algorithm="RS256", headers={"kid": key.id} | (header or {}))


async def status(door: Door, credentials: str) -> int:
    return (await Visitor(door.client, credentials).get("/api/auth/profile")).status_code


async def test_a_token_is_valid_as_issued_and_not_otherwise(door: Door) -> None:
    ada, _ = await door.learner()
    _, other = await door.learner("bob@example.org")
    assert await status(door, token(door, ada)) == 200
    moment = datetime.now(UTC)
    refused = {
        "expired": token(door, ada, exp=moment - timedelta(seconds=1)),
        "not yet issued": token(door, ada, iat=moment + timedelta(hours=1)),
        "other issuer": token(door, ada, iss="elsewhere"),
        "other audience": token(door, ada, aud="elsewhere"),
        "other kind": token(door, ada, typ="refresh"),
        "nobody": token(door, ada, sub="nobody"),
        "somebody else": token(door, ada, sub=other),
        "no session": token(door, ada, sid="none"),
        "a session that is not": token(door, ada, sid=str(uuid4())),
        "a session that is no text": token(door, ada, sid=7),
        "junk": "junk",
        "three parts": "a.b.c",
        **{f"no {name}": token(door, ada, **{name: None}) for name in REQUIRED},
    }
    assert {why: await status(door, credentials) for why, credentials in refused.items()} == dict.fromkeys(refused, 401)


async def test_the_key_is_not_for_the_token_to_choose(door: Door) -> None:
    ada, _ = await door.learner()
    other = generate_private_key(65537, 3072)
    public = json.loads(RSAAlgorithm.to_jwk(other.public_key()))
    refused = {
        "other key": token(door, ada, other),
        "other kid": token(door, ada, header={"kid": thumbprint(other.public_key())}),
        "other kid and key": token(door, ada, other, {"kid": thumbprint(other.public_key())}),
        "a path for kid": token(door, ada, other, {"kid": "../../dev/null"}),
        "a key of its own": token(door, ada, other, {"jwk": public}),
        "a key from elsewhere": token(door, ada, other, {"jku": "http://127.0.0.1:1/keys.json"}),
        "a certificate from elsewhere": token(door, ada, other, {"x5u": "http://127.0.0.1:1/cert.pem"}),
        "an extension that must be understood": token(door, ada, header={"crit": ["exp"], "exp": 1}),
    }
    assert {why: await status(door, credentials) for why, credentials in refused.items()} == dict.fromkeys(refused, 401)
    assert await status(door, token(door, ada, header={"jwk": public, "jku": "http://127.0.0.1:1/"})) == 200  # not looked at


async def test_a_token_without_kid_is_refused(door: Door) -> None:
    ada, _ = await door.learner()
    assert await status(door, jwt.encode(claims_of(ada), key_of(door).private, algorithm="RS256")) == 401


async def test_the_algorithm_is_not_for_the_token_to_choose(door: Door) -> None:
    ada, _ = await door.learner()
    good, key = token(door, ada), key_of(door)
    payload = good.split(".")[1]

    def part(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    def keyed(secret: bytes) -> str:
        signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': key.id})}.{payload}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    pem = key.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = key.public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    forged = {
        **{alg: f"{part({'alg': alg, 'typ': 'JWT', 'kid': key.id})}.{payload}." for alg in ("none", "None", "NONE", "")},
        "HS256 with the public key": keyed(pem),
        "HS256 with the public key without its last line break": keyed(pem.strip()),
        "HS256 with the public key as DER": keyed(der),
        "HS256 with the modulus": keyed(RSAAlgorithm.to_jwk(key.public).encode()),
        "HS256 with nothing": keyed(b""),
        "PS256": jwt.encode(claims_of(ada), key.private, algorithm="PS256", headers={"kid": key.id}),
        "RS512": jwt.encode(claims_of(ada), key.private, algorithm="RS512", headers={"kid": key.id}),
        "no signature": f"{good.rsplit('.', 1)[0]}.",
    }
    assert {why: await status(door, credentials) for why, credentials in forged.items()} == dict.fromkeys(forged, 401)


def test_a_token_says_what_it_is_for_and_lives_as_long_as_configured(key_file: Path) -> None:
    keys = Keys(key_file.parent, timedelta(minutes=15))
    tokens, somebody, session = Tokens(keys, issuer="https://skillcore.test"), uuid4(), uuid4()
    issued = tokens.issue(somebody, session)
    claims = jwt.decode(issued, options={"verify_signature": False})
    assert claims.keys() == set(REQUIRED)
    assert claims["exp"] - claims["iat"] == 900
    assert (claims["iss"], claims["aud"], claims["typ"]) == ("https://skillcore.test", "skillcore", "access")
    assert (UUID(claims["sub"]), UUID(claims["sid"])) == tokens.read(issued) == (somebody, session)
    assert jwt.get_unverified_header(issued) == {"alg": "RS256", "typ": "JWT", "kid": thumbprint(read_key(key_file).public)}
    assert jwt.decode(tokens.issue(somebody, session), options={"verify_signature": False})["jti"] != claims["jti"]
