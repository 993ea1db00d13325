"""``skillcore users``: what an operator does for people who cannot sign in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.visitors import PASSWORD, Door


async def test_a_reset_link_lets_somebody_in_again(
    door: Door, on_database: Callable[..., Any], database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ada = await door.learner()
    monkeypatch.setenv("SKILLCORE__AUTH__PAGE", "https://learn.example/account")
    done = await on_database("users", "reset-link", "ADA@example.org")
    assert done.code == 0, done.err
    token = done.out.splitlines()[0].removeprefix("token: ")
    assert done.out.splitlines()[1] == f"link: https://learn.example/account#purpose=reset&token={token}"
    chosen = await door.anyone.post("/api/auth/password/reset", {"token": token, "password": f"{PASSWORD} indeed"})
    assert chosen.status_code == 200
    noted = rows(database_dsns, "select actor_kind, about_id::text from audit where act = 'password.link_issued'")
    assert noted == [("command", ada)]


async def test_who_is_not_there_cannot_be_helped(door: Door, on_database: Callable[..., Any]) -> None:
    await door.learner()
    for command in ("reset-link", "remove-second-factor"):
        done = await on_database("users", command, "nobody@example.org")
        assert (done.code, done.out) == (1, "")
        assert "nobody@example.org" in done.err
    none = await on_database("users", "remove-second-factor", "ada@example.org")
    assert (none.code, none.out) == (1, "")
