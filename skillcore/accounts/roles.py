"""Roles: who is a learner, a mentor or an administrator, of whom there is always one once there was one."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct
from sqlalchemy import select, text

from skillcore.accounts.access import Actor, Role
from skillcore.accounts.audit import note
from skillcore.accounts.authentication import Known
from skillcore.accounts.tables import UserRow
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict, NotFound

__all__ = ["Appointed", "Appointment", "appoint", "is_last_administrator", "keep_an_administrator", "one_at_a_time"]

ONE_AT_A_TIME = 0x736B_6C6C_7365_7475
"""Key of the advisory lock under which the first administrator is made, and administrators are lost."""


class Appointment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role to be given."""

    role: Role


class Appointed(Struct, frozen=True, kw_only=True):
    """A person with their role."""

    id: UUID
    role: Role


async def appoint(tx: Transaction, actor: Actor | None, user_id: UUID, role: Role) -> Appointed:
    """Give a person a role. This process knows it from the next request on, others within `Known.LIFETIME` seconds.

    Args:
        tx: the caller's transaction.
        actor: who decided it; None on the command line.
        user_id: to whom.
        role: which.

    Raises:
        NotFound: there is no such person.
        Conflict: nobody would be an administrator any more.
    """
    row = await tx.session.get(UserRow, user_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("there is no such person, or not for you")
    if row.role == "admin" and role != "admin":
        await keep_an_administrator(tx, but=user_id)
    if row.role != role:
        before, row.role = row.role, role
        await note(tx, "role.changed", actor, user_id, before=before, after=role)
    tx.after_commit(tx.engine.cache(Known).forget)
    return Appointed(id=user_id, role=role)


async def one_at_a_time(tx: Transaction) -> None:
    """Let nobody else make the first administrator, or lose one, until the transaction ends.

    Lock the person first from whom something is taken: then nobody who holds this one waits for anybody.
    """
    await tx.session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})


async def is_last_administrator(tx: Transaction, user_id: UUID) -> bool:
    """Tell whether somebody is the only administrator, which holds until the transaction ends; see `one_at_a_time`."""
    await one_at_a_time(tx)
    return set(await tx.session.scalars(select(UserRow.id).where(UserRow.role == "admin").limit(2))) == {user_id}


async def keep_an_administrator(tx: Transaction, *, but: UUID) -> None:
    """Refuse to lose the last administrator.

    Args:
        tx: the caller's transaction, which takes a role or an account away, and has locked its person.
        but: whose.

    Raises:
        Conflict: there is no other.
    """
    if await is_last_administrator(tx, but):
        raise Conflict("this is the only administrator: make somebody else one first")
