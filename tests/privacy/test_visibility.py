"""What others see: nothing until it is chosen, each choice alone, and nobody learns who shares nothing."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from tests.conftest import Dsns
from tests.visitors import PASSWORD, Door, Visitor


@pytest.fixture
async def named(door: Door, database_dsns: Dsns) -> tuple[Visitor, str]:
    ada, ada_id = await door.learner()
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("update users set display_name = 'Ada' where id = %s", (ada_id,))
    return ada, ada_id


async def test_a_profile_is_private_until_something_is_shared(named: tuple[Visitor, str], door: Door) -> None:
    ada, ada_id = named
    assert (await ada.get("/api/auth/visibility")).json() == {"public_profile": None, "public_level": None}
    absent = await door.anyone.get(f"/api/profiles/{UUID(int=5)}")
    private = await door.anyone.get(f"/api/profiles/{ada_id}")
    assert absent.status_code == private.status_code == 404
    assert absent.json() == private.json()


@pytest.mark.parametrize(
    ("choices", "seen"),
    [
        ({"public_profile": True}, {"display_name": "Ada"}),
        ({"public_level": True}, {"level": 0.0}),
        ({"public_profile": True, "public_level": True}, {"display_name": "Ada", "level": 0.0}),
    ],
)
async def test_no_share_is_implied_by_another(
    choices: dict[str, bool], seen: dict[str, object], named: tuple[Visitor, str], door: Door
) -> None:
    ada, ada_id = named
    chosen = (await ada.send("PUT", "/api/auth/visibility", json=choices)).json()
    assert {name for name, share in chosen.items() if share} == set(choices)
    assert all(share["granted_at"] for share in chosen.values() if share)
    assert (await door.anyone.get(f"/api/profiles/{ada_id}")).json() == {"id": ada_id, **seen}


async def test_a_share_holds_since_it_was_given_and_ends_when_it_is_taken_back(
    named: tuple[Visitor, str], door: Door, database_dsns: Dsns
) -> None:
    ada, ada_id = named
    first = (await ada.send("PUT", "/api/auth/visibility", json={"public_profile": True})).json()
    again = (await ada.send("PUT", "/api/auth/visibility", json={"public_profile": True})).json()
    other = (await ada.send("PUT", "/api/auth/visibility", json={"public_level": True})).json()
    assert first["public_profile"] == again["public_profile"] == other["public_profile"]
    await ada.send("PUT", "/api/auth/visibility", json={"public_profile": False, "public_level": False})
    assert (await door.anyone.get(f"/api/profiles/{ada_id}")).status_code == 404
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        noted = owner.execute("select detail::text from audit where act = 'visibility.changed' order by position").fetchall()
    assert len(noted) == 4  # what was so already is no change


async def test_who_has_asked_to_be_erased_is_hidden_at_once(named: tuple[Visitor, str], door: Door) -> None:
    ada, ada_id = named
    await ada.send("PUT", "/api/auth/visibility", json={"public_profile": True})
    assert (await ada.send("DELETE", "/api/auth/profile", json={"password": PASSWORD})).status_code == 202
    assert (await door.anyone.get(f"/api/profiles/{ada_id}")).status_code == 404
