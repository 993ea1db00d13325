"""What erasing a person asks of this room beyond what its tables declare."""

from __future__ import annotations

from uuid import UUID

from skillcore.runtime.engine import Transaction

__all__ = ["strip_audit"]

STRIP = "select erase_audit(%s)"


async def strip_audit(tx: Transaction, person: UUID) -> None:
    """Strip the audit's entries by and about a person of their content. The chain still verifies."""
    await (await tx.psycopg()).execute(STRIP, (person,))
