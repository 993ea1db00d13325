"""The plainest table that an event could lie in, and its rows: the reference of single writes and of reads."""

from __future__ import annotations

from uuid import UUID

import msgspec
import psycopg

from skillcore.runtime.clock import new_id
from skillcore.runtime.events import NewEvent

__all__ = ["INSERT", "SELECT", "PlainRow", "make_table", "plain_row"]

PlainRow = tuple[UUID, UUID, str, str]

INSERT = "insert into plain (id, user_id, kind, data) values (%s, %s, %s, %s::json)"
SELECT = "select value from plain_values where user_id = %s"


def make_table(owner_dsn: str) -> None:
    """Make the tables."""
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("create table plain (id uuid primary key, user_id uuid, kind text, data json)")
        connection.execute("create table plain_values (user_id uuid primary key, value float8)")


def plain_row(event: NewEvent) -> PlainRow:
    """Return an event's row."""
    return (event.id or new_id(), event.user_id, event.kind, msgspec.json.encode(event.data).decode())
