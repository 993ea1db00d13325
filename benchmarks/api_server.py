"""The service's own API process, and a platform whose key may ask it everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from benchmarks.ground import Place, free_port, process
from skillcore.accounts import platforms
from skillcore.accounts.access import Actor
from skillcore.accounts.tables import MembershipRow
from skillcore.runtime.engine import Engine

__all__ = ["api_server", "platform_key"]


@asynccontextmanager
async def api_server(place: Place) -> AsyncIterator[int]:
    """Run ``skillcore api`` on a database for the duration of the block; yields its port."""
    port = free_port()
    async with process("skillcore", "api", "--port", str(port), environment=place.environment(), port=port):
        yield port


async def platform_key(engine: Engine, people: Sequence[UUID]) -> str:
    """Make a platform with these people as its members; returns a key of it."""
    async with engine.transaction() as tx:
        platform = await platforms.create(tx, platforms.NewPlatform(name="Evening school"))
        new = platforms.NewApiKey(name="app", scopes=("events:write", "scores:read"))
        shown = await platforms.create_key(tx, Actor(kind="user", role="admin"), platform.id, new)
        tx.session.add_all(
            [
                MembershipRow(platform_id=platform.id, external_id=f"member-{place}", user_id=id_)
                for place, id_ in enumerate(people)
            ]
        )
    return shown.key
