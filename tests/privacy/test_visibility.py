"""What others see: nothing until it is chosen, each choice alone, and nobody learns who shares nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree

import httpx
import psycopg
import pytest

from skillcore.defaults.kinds import EvidenceAccepted
from skillcore.ledger import record
from skillcore.runtime.events import NewEvent
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


def words(svg: str) -> list[str]:
    """Return all that a picture says: texts, titles and its description."""
    root = ElementTree.fromstring(svg)
    found = ["".join(one.itertext()) for one in root.iter() if one.tag.rpartition("}")[2] in {"text", "title", "desc"}]
    return [re.sub("[\u2066-\u2069]", "", text) for text in found]


async def worked(door: Door, person: str) -> None:
    """Record works for a level of (4 + 8.5) / 10."""
    works = [
        NewEvent(
            user_id=UUID(person),
            kind="evidence.accepted",
            subject_id=f"gym:ada:{name}",
            data=EvidenceAccepted(source="gym", account="gym:ada", work=name, strength="judged", difficulty=difficulty),
        )
        for name, difficulty in (("a", 4.0), ("b", 8.5))
    ]
    async with door.engine.transaction() as tx:
        await record(tx, works)


async def test_a_card_shows_what_is_shared_and_nothing_else(named: tuple[Visitor, str], door: Door) -> None:
    ada, ada_id = named
    await worked(door, ada_id)
    path = f"/api/profiles/{ada_id}/card.svg"
    day = datetime.now(UTC).strftime("%-d %b %Y")
    await ada.send("PUT", "/api/auth/visibility", json={"public_profile": True})
    plain = await door.anyone.get(path)
    assert plain.headers["content-type"] == "image/svg+xml"
    assert words(plain.text) == ["Ada", f"{day}.", "Ada", day, "skillcore"]
    await ada.send("PUT", "/api/auth/visibility", json={"public_level": True})
    whole = words((await door.anyone.get(path)).text)
    assert whole == ["Ada", f"Level 1.25; {day}. Level: 1.25.", "Ada", "Level: 1.25", "1.25", "level", day, "skillcore"]
    assert (await door.anyone.get(f"/api/profiles/{ada_id}")).json()["level"] == 1.25


async def test_a_level_that_is_shared_before_there_is_one_says_so(named: tuple[Visitor, str], door: Door) -> None:
    ada, ada_id = named
    await ada.send("PUT", "/api/auth/visibility", json={"public_profile": True, "public_level": True})
    assert "Level: 0" in words((await door.anyone.get(f"/api/profiles/{ada_id}/card.svg")).text)


async def test_a_hidden_card_is_answered_for_like_one_that_is_not_there(named: tuple[Visitor, str], door: Door) -> None:
    ada, ada_id = named
    path = f"/api/profiles/{ada_id}/card.svg"
    absent = await door.anyone.get(f"/api/profiles/{UUID(int=5)}/card.svg")
    answers = [await door.anyone.get(path)]
    await ada.send("PUT", "/api/auth/visibility", json={"public_level": True})
    answers.append(await door.anyone.get(path))
    await ada.send("PUT", "/api/auth/visibility", json={"public_profile": True})
    shown = await door.anyone.get(path)
    assert shown.status_code == 200
    assert (await ada.send("DELETE", "/api/auth/profile", json={"password": PASSWORD})).status_code == 202
    answers.append(await door.anyone.get(path, headers={"If-None-Match": shown.headers["etag"]}))

    def told(answer: httpx.Response) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name != "x-request-id"}

    for answer in answers:
        assert (answer.status_code, answer.json(), told(answer)) == (404, absent.json(), told(absent))


async def test_a_card_may_be_kept_and_shown_elsewhere(named: tuple[Visitor, str], door: Door) -> None:
    ada, ada_id = named
    path = f"/api/profiles/{ada_id}/card.svg"
    await ada.send("PUT", "/api/auth/visibility", json={"public_profile": True, "public_level": True})
    answer = await door.anyone.get(path)
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    tag = answer.headers["etag"]
    again = await door.anyone.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "public, max-age=300"
    await worked(door, ada_id)
    assert (await door.anyone.get(path, headers={"If-None-Match": tag})).status_code == 200
