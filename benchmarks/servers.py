"""The service's own API process beside the reference server, and a platform whose key may ask what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from benchmarks.ground import Place
from benchmarks.processes import free_port, listening, process
from benchmarks.reference_server import DSN
from skillcore.accounts import platforms
from skillcore.accounts.access import Actor
from skillcore.accounts.tables import MembershipRow
from skillcore.runtime.engine import Engine

__all__ = ["Ports", "platform_key", "servers"]


class Ports(NamedTuple):
    """Where the two servers listen."""

    api: int
    reference: int


@asynccontextmanager
async def servers(place: Place) -> AsyncIterator[Ports]:
    """Run ``skillcore api`` and the reference server on a database for the duration of the block."""
    ports = Ports(free_port(), free_port())
    async with (
        process("skillcore", "api", "--port", str(ports.api), environment=place.environment()) as api,
        process("benchmarks.reference_server", str(ports.reference), environment={DSN: place.owner}) as reference,
    ):
        await asyncio.gather(listening(api, ports.api), listening(reference, ports.reference))
        yield ports


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
