"""The service's own API process beside the reference server, and a platform whose key may ask what is measured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from benchmarks.ground import Place
from benchmarks.load import request
from benchmarks.processes import free_port, listening, process
from benchmarks.reference_server import DSN
from skillcore.accounts import platforms
from skillcore.accounts.access import Actor
from skillcore.accounts.tables import MembershipRow
from skillcore.runtime.engine import Engine

__all__ = ["Ports", "api", "levels", "platform_key", "servers"]


class Ports(NamedTuple):
    """Where the two servers listen."""

    api: int
    reference: int


@asynccontextmanager
async def api(place: Place, variables: Mapping[str, str] = {}) -> AsyncIterator[int]:
    """Run ``skillcore api`` on a database for the duration of the block; returns its port.

    Args:
        place: the database.
        variables: settings beside those by which it comes there.
    """
    port = free_port()
    async with process("skillcore", "api", "--port", str(port), environment={**place.environment(), **variables}) as child:
        await listening(child, port)
        yield port


@asynccontextmanager
async def servers(place: Place) -> AsyncIterator[Ports]:
    """Run ``skillcore api`` and the reference server on a database for the duration of the block."""
    port = free_port()
    reference = process("benchmarks.reference_server", str(port), environment={DSN: place.owner})
    async with api(place) as own, reference as child:
        await listening(child, port)
        yield Ports(own, port)


def levels(people: Sequence[UUID], key: str, count: int) -> list[bytes]:
    """Return so many requests with a platform's key, each for somebody's level in turn."""
    return [request("GET", f"/api/users/{people[number % len(people)]}/level", key=key) for number in range(count)]


async def platform_key(engine: Engine, people: Sequence[UUID]) -> str:
    """Make a platform with these people as its members; returns a key of it."""
    async with engine.transaction() as tx:
        admin = Actor(kind="user", role="admin")
        platform = await platforms.create(tx, admin, platforms.NewPlatform(name="Evening school"))
        new = platforms.NewApiKey(name="app", scopes=("events:write", "scores:read"))
        shown = await platforms.create_key(tx, admin, platform.id, new)
        tx.session.add_all(
            [
                MembershipRow(platform_id=platform.id, external_id=f"member-{place}", user_id=id_)
                for place, id_ in enumerate(people)
            ]
        )
    return shown.key
