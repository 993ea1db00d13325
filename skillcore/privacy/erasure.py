"""Erasing a person: in one transaction, so that a process that dies in between leaves all or nothing.

Events keep their leaves, so the chain of digests still verifies; everything else that the tables declare of the person goes.
Nothing comes back: rows that name a person refer to ``users``, and the stream of an erased person takes no event. What a
request that was under way wrote to tables without such a reference is swept up later (`sweep`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from psycopg import errors, sql
from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note
from skillcore.accounts.authentication import Known
from skillcore.accounts.roles import keep_an_administrator
from skillcore.privacy.duties import Duties
from skillcore.runtime.database import Base
from skillcore.runtime.engine import Engine, Transaction

__all__ = ["Busy", "Reason", "erase", "erase_again", "sweep"]

log = structlog.get_logger(__name__)

Reason = str
"""``asked``, ``administrator``, ``command`` or ``again``: never words of anybody's."""

ATTEMPTS = 6
PAUSE = 0.2
"""Seconds before the second attempt; twice as long before each further one."""

SWEPT_FOR = timedelta(hours=25)
"""How long after an erasure is looked for what came late: answers to repeated requests are kept for a day."""

HELD = "select role from users where id = %s for update"
HELD_DUE = """select u.role from users u join erasure_requests r on r.user_id = u.id and r.due_at <= now()
  where u.id = %s for update"""
ERASE = "select erase(%s, %s)"
ERASED_LATELY = "select distinct user_id from erasures where erased_at > now() - %s order by user_id"


class Busy(Exception):
    """A person could not be erased now, since others hold what is theirs; it can be tried again."""


async def erase(engine: Engine, user_id: UUID, reason: Reason, by: Actor | None = None, *, due: bool = False) -> bool:
    """Erase a person.

    Args:
        engine: of this process.
        user_id: whom.
        reason: kept with the erasure.
        by: who decided it, if not the person.
        due: only if their own request, or an administrator's, still stands and is due.

    Returns:
        Whether there was anybody to erase.

    Raises:
        Busy: others held what is theirs, again and again.
        Conflict: nobody would be an administrator any more; who was erased before a restore is erased all the same.
    """
    for attempt in range(ATTEMPTS):
        try:
            async with engine.transaction() as tx:
                held = await (await tx.psycopg()).execute(HELD_DUE if due else HELD, (user_id,))
                row = await held.fetchone()
                if row is None:
                    return False
                if row[0] == "admin" and reason != "again":
                    await keep_an_administrator(tx, but=user_id)
                await _erase(tx, user_id, reason)
                await note(tx, "person.erased", by, reason=reason)
                tx.after_commit(engine.cache(Known).forget)
            break
        except (DBAPIError, errors.DeadlockDetected, errors.ForeignKeyViolation) as error:
            if not _in_the_way(error):
                raise
            log.info("an erasure met somebody else's work, and is tried again", attempt=attempt + 1)
            await asyncio.sleep(PAUSE * 2**attempt)
    else:
        raise Busy("others hold what belongs to this person: try again in a minute")
    log.info("a person was erased", reason=reason)
    return True


async def erase_again(engine: Engine, user_ids: Sequence[UUID]) -> int:
    """Erase people anew who had been erased, such as after a backup of an earlier day was restored; returns how many.

    Those of whom nothing is left are counted too: the second time does nothing.
    """
    for user_id in user_ids:
        if not await erase(engine, user_id, "again"):
            async with engine.transaction() as tx:
                await _erase(tx, user_id, "again")
    return len(user_ids)


async def sweep(engine: Engine) -> int:
    """Erase what was written late about people who have just been erased; returns how many were looked at."""
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        lately = [row[0] for row in await (await connection.execute(ERASED_LATELY, (SWEPT_FOR,))).fetchall()]
    return await erase_again(engine, lately)


async def _erase(tx: Transaction, user_id: UUID, reason: Reason) -> None:
    for room in tx.engine.service(Duties).erase:
        await room(tx, user_id)
    connection = await tx.psycopg()
    await connection.execute(ERASE, (user_id, reason))
    for statement in _statements(user_id):
        await connection.execute(statement)


def _statements(user_id: UUID) -> Iterator[sql.Composed]:
    """Yield what the tables declare, from those that refer to others to those that are referred to.

    Facts are left to the functions that own them: nobody else may change any.
    """
    for table in reversed(Base.metadata.sorted_tables):
        if table.info["nature"] == "fact":
            continue
        for column, what in _declared(table):
            names = {"table": sql.Identifier(table.name), "column": sql.Identifier(column), "id": sql.Literal(user_id)}
            if what == "delete":
                yield sql.SQL("delete from {table} where {column} = {id}").format(**names)
            elif what == "clear":
                yield sql.SQL("update {table} set {column} = null where {column} = {id}").format(**names)


def _declared(table: Table) -> Iterator[tuple[str, str]]:
    if table.info["person"] is not None:
        yield table.info["person"], table.info["erase"]
    for column, also in table.info["also"].items():
        yield column, also.erase


def _in_the_way(error: Exception) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, errors.DeadlockDetected | errors.ForeignKeyViolation | errors.SerializationFailure)
