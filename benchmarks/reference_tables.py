"""The ledger's two tables once more without guards, and events as text for COPY: what PostgreSQL can do by itself."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from skillcore.ledger.images import EVENT_COLUMNS, SIGNAL_COLUMNS
from skillcore.ledger.preparation import DerivedSignal, Prepared, Row

__all__ = ["SCHEMA", "CopiedBatch", "Texts", "copy_batch", "make_tables"]

SCHEMA = "reference"
PARTITIONS = 8
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class CopiedBatch(NamedTuple):
    """Rows of one batch as COPY takes them in its text format."""

    events: bytes
    signals: bytes


def make_tables(owner_dsn: str) -> None:
    """Make tables with the columns, checks, indexes and partitions of `events` and `skill_signals`, without triggers."""
    with psycopg.connect(owner_dsn) as connection:
        connection.execute(f"create schema {SCHEMA}")
        for table in ("events", "skill_signals"):
            connection.execute(f"create table {SCHEMA}.{table} (like public.{table} including all) partition by hash (user_id)")
            for remainder in range(PARTITIONS):
                connection.execute(
                    f"create table {SCHEMA}.{table}_{remainder} partition of {SCHEMA}.{table}"
                    f" for values with (modulus {PARTITIONS}, remainder {remainder})"
                )


class Texts:
    """Renders what the ledger would write. Versions count on for each person, as the tables' keys want them."""

    def __init__(self) -> None:
        self._versions: Counter[UUID] = Counter()

    def batch(self, prepared: Prepared) -> CopiedBatch:
        """Return a batch's rows; in the place of the chain's digest stands the leaf, which is as long."""
        return CopiedBatch(
            "".join(map(self._event, prepared.rows.values())).encode(),
            "".join(map(_signal, prepared.signals.values())).encode(),
        )

    def _event(self, row: Row) -> str:
        event = row.event
        self._versions[event.user_id] += 1
        leaf = "\\x" + row.leaf.hex()
        fields: tuple[Any, ...] = (
            event.user_id,
            self._versions[event.user_id],
            row.occurred_at.isoformat(),
            leaf,
            leaf,
            "\\x" + row.salt.hex(),
            row.id,
            row.occurred_at.isoformat(),
            event.kind,
            event.subject_id,
            event.via,
            "{" + ",".join(event.skills) + "}",
            row.data.decode(),
            event.origin,
            event.origin_seq,
        )
        return _line(fields)


def _signal(derived: DerivedSignal) -> str:
    signal = derived.signal
    return _line(
        (
            derived.user_id,
            signal.skill_id,
            signal.source_type,
            signal.source_id,
            signal.signal_type,
            signal.weight,
            derived.event_id,
            derived.rule,
            derived.rule_version,
            derived.created_at.isoformat(),
        )
    )


def _line(fields: tuple[Any, ...]) -> str:
    return "\t".join("\\N" if field is None else str(field).translate(ESCAPES) for field in fields) + "\n"


async def copy_batch(connection: psycopg.AsyncConnection[Any], batch: CopiedBatch) -> None:
    """Write a batch in one transaction."""
    async with connection.transaction():
        async with connection.cursor().copy(f"copy {SCHEMA}.events ({EVENT_COLUMNS}) from stdin") as copy:
            await copy.write(batch.events)
        async with connection.cursor().copy(f"copy {SCHEMA}.skill_signals ({SIGNAL_COLUMNS}) from stdin") as copy:
            await copy.write(batch.signals)
