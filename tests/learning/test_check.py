"""The check of definitions finds versions that are gone."""

from __future__ import annotations

from msgspec import Struct

from skillcore.learning import check, definitions
from tests.world import World


class Note(Struct, frozen=True):
    text: str


async def test_a_version_that_is_gone_is_found(world: World) -> None:
    ada = await world.person()
    async with world.engine.transaction() as tx:
        whole, broken, empty = [await definitions.define(tx, ada, "note", name, Note("a")) for name in "abc"]
    for number in range(2):
        async with world.engine.transaction() as tx:
            for one in (whole, broken):
                await definitions.edit(tx, ada, "note", str(one.id), Note(f"b{number}"))
    assert [finding async for finding in check.definitions(world.engine)] == []
    async with world.engine.transaction() as tx:
        connection = await tx.psycopg()
        query = "delete from definition_versions where (definition_id, version) in ((%s, 2), (%s, 1))"
        await connection.execute(query, (broken.id, empty.id))
    found = [(finding.user_id, finding.subject, finding.message) async for finding in check.definitions(world.engine)]
    assert found == [
        (ada.user_id, str(broken.id), "the definition stands at version 3; 2 are kept, the last of them 3"),
        (ada.user_id, str(empty.id), "the definition stands at version 1; 0 are kept, the last of them None"),
    ]
