"""``skillcore users erase`` and ``erased``: whoever has the machine has people erased, and erased again after a restore."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from skillcore.privacy.requests import erase_due
from skillcore.runtime.clock import now
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.privacy.filling import traces
from tests.visitors import Door

Command = Callable[..., Any]
REQUESTED = "select actor_kind, about_id::text from audit where act = 'erasure.requested'"


@pytest.mark.parametrize("by", ["address", "id"])
async def test_somebody_is_erased_at_once(by: str, door: Door, on_database: Command, database_dsns: Dsns) -> None:
    _, ada = await door.learner()
    _, bob = await door.learner("bob@example.org")
    done = await on_database("users", "erase", "ADA@example.org" if by == "address" else ada, "--now")
    assert (done.code, done.out, done.err) == (0, "erased\n", "")
    assert traces(database_dsns, UUID(ada), "ada@example.org") == []
    assert rows(database_dsns, "select id::text from users") == [(bob,)]
    assert rows(database_dsns, "select user_id::text, reason from erasures") == [(ada, "command")]
    again = await on_database("users", "erase", ada, "--now")
    assert (again.code, again.out) == (4, "")


async def test_without_now_there_are_days_left_and_the_audit_has_it(
    door: Door, on_database: Command, database_dsns: Dsns
) -> None:
    ada, ada_id = await door.learner()
    days = door.engine.settings.privacy.erasure_grace_days
    done = await on_database("users", "erase", "ada@example.org")
    assert done.code == 0, done.err
    assert f"{now() + timedelta(days=days):%Y-%m-%d}" in done.out
    assert rows(database_dsns, REQUESTED) == [("command", ada_id)]
    assert (await ada.get("/api/auth/profile")).status_code == 401
    assert await erase_due(door.engine) == 0
    assert (await on_database("users", "erase", "ada@example.org")).out == done.out  # asked again, it stays as it is
    assert len(rows(database_dsns, REQUESTED)) == 1
    rows(database_dsns, "update erasure_requests set due_at = now() returning user_id")
    assert await erase_due(door.engine) == 1


@pytest.mark.parametrize("more", [(), ("--now",)])
async def test_the_only_administrator_stays(more: tuple[str, ...], door: Door, on_database: Command) -> None:
    admin = await door.admin()
    done = await on_database("users", "erase", "root@example.org", *more)
    assert (done.code, done.out) == (1, "")
    assert "only administrator" in done.err
    assert (await admin.get("/api/auth/profile")).status_code == 200


async def test_one_of_two_administrators_goes(door: Door, on_database: Command) -> None:
    admin = await door.admin()
    _, eve = await door.learner("eve@example.org")
    await admin.send("PUT", f"/api/users/{eve}/role", json={"role": "admin"})
    assert (await on_database("users", "erase", "root@example.org", "--now")).code == 0
    assert (await on_database("users", "erase", eve, "--now")).code == 1


async def test_who_was_erased_is_erased_again_after_a_restore(
    door: Door, on_database: Command, database_dsns: Dsns, tmp_path: Path
) -> None:
    _, ada = await door.learner()
    _, bob = await door.learner("bob@example.org")
    await on_database("users", "erase", ada, "--now")
    listed = await on_database("users", "erased")
    assert (listed.code, listed.out) == (0, f"{ada}\n")
    assert (await on_database("users", "erased", "--since", f"{now():%Y-%m-%d}")).out == f"{ada}\n"
    assert (await on_database("users", "erased", "--since", f"{now() + timedelta(days=1):%Y-%m-%d}")).out == ""
    restored = "insert into users (id, display_name, email, email_key, role) values (%s, 'Ada', 'a@b.org', 'a@b.org', 'admin')"
    rows(database_dsns, restored + " returning id", ada)  # the only administrator of the day of the backup
    file = tmp_path / "erased"
    file.write_text(listed.out)
    done = await on_database("users", "erase", "--again", str(file))
    assert (done.code, done.out, done.err) == (0, "1 erased\n", "")
    assert traces(database_dsns, UUID(ada), "a@b.org") == []
    assert rows(database_dsns, "select id::text from users") == [(bob,)]


async def test_what_cannot_be_meant_is_refused(door: Door, on_database: Command, database_dsns: Dsns, tmp_path: Path) -> None:
    _, ada = await door.learner()
    file = tmp_path / "erased"
    file.write_text(f"{ada}\nada@example.org\n")
    for arguments in (
        ("erase",),
        ("erase", ada, "--again", str(file)),
        ("erase", "--again", str(file)),
        ("erase", "--again", str(tmp_path / "absent")),
        ("erased", "--since", "yesterday"),
    ):
        done = await on_database("users", *arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert done.err
    assert (await on_database("users", "erase", "nobody@example.org")).code == 4
    assert rows(database_dsns, "select id::text from users") == [(ada,)]
    assert rows(database_dsns, "select * from erasures") == []
