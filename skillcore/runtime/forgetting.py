"""Deleting what is kept no longer: some rows at a time, and none that somebody is at work on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from skillcore.runtime.engine import Transaction

__all__ = ["delete_some"]


async def delete_some(tx: Transaction, key: InstrumentedAttribute[Any], over: ColumnElement[bool], limit: int) -> int:
    """Delete rows, and return how many. Those that somebody has locked are left to another time.

    Args:
        tx: an open transaction.
        key: the primary key of their table.
        over: says of a row that its time is over.
        limit: how many at most.
    """
    some = select(key).where(over).limit(limit).with_for_update(skip_locked=True)
    return len((await tx.session.execute(delete(key.class_).where(key.in_(some)).returning(key))).all())
