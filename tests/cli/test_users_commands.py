"""The commands on people's accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.cli.conftest import Done
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.visitors import Door

OnDatabase = Callable[..., Awaitable[Done]]


async def test_a_role_is_given_on_the_command_line(door: Door, database_dsns: Dsns, on_database: OnDatabase) -> None:
    await door.admin()
    _, ada = await door.learner()
    done = await on_database("users", "role", "ADA@example.org", "admin")
    assert (done.code, done.out) == (0, "ADA@example.org is admin\n")
    assert rows(database_dsns, "select role from users where id = %s", ada) == [("admin",)]
    noted = "select actor_kind, about_id::text, detail->>'after' from audit where act = 'role.changed'"
    assert rows(database_dsns, noted) == [("command", ada, "admin")]
    assert (await on_database("users", "role", "root@example.org", "learner")).code == 0
    last = await on_database("users", "role", "ada@example.org", "learner")
    assert (last.code, "only administrator" in last.err) == (1, True)
    absent = await on_database("users", "role", "nobody@example.org", "learner")
    assert (absent.code, "nobody@example.org" in absent.err) == (1, True)
    assert (await on_database("users", "role", "ada@example.org", "owner")).code == 2
