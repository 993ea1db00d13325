"""What Schemathesis is told about this API: who asks, which keys are used once, and what every answer must hold.

It is loaded into Schemathesis's own process, and finds the service and the actor in the environment.
"""

from __future__ import annotations

import atexit
import json
import os
import urllib.error
import urllib.request
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import schemathesis

ADDRESS = os.environ["FUZZED_ADDRESS"]
ACTOR = os.environ["FUZZED_AS"]
REACHED = Path(os.environ["FUZZED_REACHED"])
ROOT = {"email": "root@example.org", "password": "correct horse battery staple"}
SCOPES = json.loads(os.environ["FUZZED_SCOPES"])
HEADERS = {"x-request-id", "x-content-type-options", "content-security-policy", "referrer-policy", "cache-control"}
SPARSE = {1, 3, 7, 15, 31, 63, 127, 255, 511, 1023}
"""Which of the cases made for an operation the short run sends: ever fewer, since those that come late are much alike."""

OPAQUE = {"cursor"}
"""Fields whose values only the service makes: no description tells a right one from a wrong one."""

answered: dict[str, Counter[int]] = {}
asking: dict[str, str] = {}
seen: Counter[str] = Counter()
numbers = count()
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def post(path: str, body: Any, token: str | None = None) -> Any:
    """Make a request of our own, and return its answer."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(ADDRESS + path, json.dumps(body).encode(), headers)
    with direct.open(request, timeout=30) as answer:
        content = answer.read()
        return json.loads(content) if content else None


def sign_in(person: dict[str, str]) -> str:
    """Return an access token."""
    return str(post("/api/auth/login", person)["access_token"])


def somebody() -> str:
    """Return a token of a person whom the service has not seen before."""
    person = ROOT | {"email": f"fuzz-{next(numbers)}-{uuid4().hex[:8]}@example.org"}
    post("/api/auth/register", person)
    return sign_in(person)


def platform_key() -> str:
    """Return a key with all scopes of a platform of its own."""
    admin = sign_in(ROOT)
    platform = post("/api/platforms", {"name": "Fuzzed"}, admin)["id"]
    return str(post(f"/api/platforms/{platform}/keys", {"name": "fuzz", "scopes": SCOPES}, admin)["key"])


def allowed(case: schemathesis.Case) -> list[str]:
    """Return who may use an operation."""
    described = case.operation.definition.raw
    schemes = {scheme for one in described["security"] for scheme in one}
    roles = " ".join(described.get("x-access", ())).split() if "accessToken" in schemes else []
    people = ["learner", "admin"] if "learner" in roles else ["admin"]
    return [*(people if roles or not schemes else []), *(["key"] if "platformKey" in schemes else [])]


def phase_of(case: schemathesis.Case) -> str:
    """Return how a case was found."""
    return "" if case.meta is None else str(case.meta.phase.name.value)


def actor_of(case: schemathesis.Case, _context: schemathesis.AuthContext) -> str:
    """Return who asks: the one of this run, or each of those in turn who may; always the same where ids are followed."""
    if ACTOR != "everybody":
        return ACTOR
    if case.id not in asking:
        turns = allowed(case)[: 1 if phase_of(case) == "stateful" else None]
        asking[case.id] = turns[seen[f"turns of {case.operation.label}"] % len(turns)]
        seen[f"turns of {case.operation.label}"] += 1
    return asking[case.id]


@schemathesis.auth(cache_by_key=actor_of)
class Credentials:
    """Signs in, and again whenever the former credentials have stopped working, as after signing out."""

    def get(self, case: schemathesis.Case, context: schemathesis.AuthContext) -> str:
        """Return credentials."""
        return {"admin": lambda: sign_in(ROOT), "learner": somebody, "key": platform_key}[actor_of(case, context)]()

    def set(self, case: schemathesis.Case, data: str, _context: schemathesis.AuthContext) -> None:
        """Send them."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def filter_case(_context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leave out, in the short run, most of what is made by going through all that each operation's description says."""
    if ACTOR != "everybody" or phase_of(case) != "coverage":
        return True
    seen[case.operation.label] += 1
    return seen[case.operation.label] in SPARSE


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """Give each request an idempotency key of its own, where it brings a valid one: else all would repeat the first."""
    key = case.headers.get("Idempotency-Key") if case.headers else None
    if isinstance(key, str) and 0 < len(key) <= 255 and key.isascii() and key.isprintable():
        case.headers["Idempotency-Key"] = str(uuid4())


@schemathesis.hook
def after_call(_context: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response) -> None:
    """Note what became of a request."""
    answered.setdefault(case.operation.label, Counter())[response.status_code] += 1


@schemathesis.check
def every_answer_is_as_agreed(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """Look for the headers of every answer, and for a problem document where something went wrong."""
    missing = HEADERS - {name.lower() for name in response.headers}
    assert not missing, f"headers are missing: {missing}"
    page = "text/html" in case.operation.definition.raw["responses"].get("200", {}).get("content", {})
    if response.status_code >= 400 and case.method != "HEAD" and not page:
        assert response.headers["content-type"] == ["application/problem+json"]
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["type"].startswith("urn:skillcore:problem:")
        assert problem["title"]
        assert problem["detail"]


@schemathesis.check
def every_status_is_named(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """Refuse a status that the description does not name by its number."""
    if case.method.upper() != case.operation.method.upper():
        return  # a method that the operation does not have
    named = case.operation.definition.raw["responses"]
    assert str(response.status_code) in named, f"{response.status_code} is not among {sorted(named)}"


@schemathesis.check
def what_fits_its_description_can_be_read(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """A request that fits what is described may be refused for what it asks, by 422 and the like, but not as unreadable."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in {400, 415}:
        return
    problem = response.json()
    assert problem.get("field") in OPAQUE, problem["detail"]


@atexit.register
def tell() -> None:
    """Leave behind which operations were reached."""
    REACHED.write_text(json.dumps({label: dict(statuses) for label, statuses in answered.items()}))
