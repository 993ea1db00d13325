"""``skillcore keys create|list|renew|revoke`` on a database, as an operator uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skillcore.accounts import key_text
from tests.conftest import Dsns
from tests.ledger.facts import rows


async def test_a_life_of_a_key(on_database: Callable[..., Any], database_dsns: Dsns) -> None:
    create = ("keys", "create", "--platform", "School", "--name", "app", "--scope", "users:read", "--scope", "tasks:read")
    none = await on_database(*create)
    assert (none.code, none.out) == (1, "")
    assert "--new-platform" in none.err
    made = await on_database(*create, "--new-platform", "--requests-per-minute", "60", "--json")
    assert made.code == 0, made.err
    key = made.json
    assert key_text.read(key["key"]) is not None
    assert (key["scopes"], key["requests_per_minute"]) == (["tasks:read", "users:read"], 60)

    renewed = await on_database("keys", "renew", key["prefix"], "--overlap", "60")
    assert renewed.code == 0, renewed.err
    successor = key_text.read(renewed.out.strip())
    assert successor is not None
    assert successor.secret not in renewed.err
    again = await on_database("keys", "renew", key["id"])
    assert (again.code, again.out) == (1, "")
    assert (await on_database("keys", "revoke", successor.prefix)).code == 0

    listed = await on_database("keys", "list", "--platform", "School")
    assert [line.split()[0] for line in listed.out.splitlines()] == [key["prefix"], successor.prefix]
    assert "revoked" in listed.out.splitlines()[1]
    shown = (await on_database("keys", "list", "--json")).json["keys"]
    assert [(one["replaces"], one["requests_per_minute"]) for one in shown] == [(None, 60), (key["id"], 60)]
    assert successor.secret not in str(shown)
    acts = rows(database_dsns, "select act, actor_kind from audit order by position")
    assert acts == [
        ("platform.created", "command"),
        ("key.created", "command"),
        ("key.renewed", "command"),
        ("key.revoked", "command"),
    ]


async def test_what_cannot_be_is_said_in_a_line(on_database: Callable[..., Any]) -> None:
    assert (await on_database("keys", "revoke", "abcdefgh")).code == 1
    assert (await on_database("keys", "list", "--platform", "nobody's")).code == 1
    odd = await on_database("keys", "create", "--platform", "x", "--name", "x", "--scope", "everything")
    assert (odd.code, odd.out) == (2, "")
    late = ("--platform", "x", "--new-platform", "--name", "x", "--scope", "users:read", "--expires", "2020-01-01")
    refused = await on_database("keys", "create", *late)
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert "has passed" in refused.err
