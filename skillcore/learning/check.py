"""What ``skillcore verify-ledger`` checks of definitions: that every version that scores were read by is still there."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import and_, func, select

from skillcore.learning.tables import DefinitionRow, DefinitionVersionRow
from skillcore.runtime.engine import Engine
from skillcore.runtime.rooms import Finding

__all__ = ["definitions"]

AT_ONCE = 1000


async def definitions(engine: Engine) -> AsyncIterator[Finding]:
    """Check that the versions of each definition go from 1 to the last one without gaps."""
    kept = func.count(DefinitionVersionRow.version)
    last = func.max(DefinitionVersionRow.version)
    query = (
        select(DefinitionRow.id, DefinitionRow.owner_id, DefinitionRow.version, kept, last)
        .join(DefinitionVersionRow, DefinitionVersionRow.definition_id == DefinitionRow.id, isouter=True)
        .group_by(DefinitionRow.id)
        .having(~and_(kept == DefinitionRow.version, last == DefinitionRow.version))
        .order_by(DefinitionRow.id)
    )
    async with engine.transaction() as tx:
        async for row in (await tx.session.stream(query)).yield_per(AT_ONCE):
            message = f"the definition stands at version {row[2]}; {row[3]} are kept, the last of them {row[4]}"
            yield Finding("definitions", message, row[1], str(row[0]))
