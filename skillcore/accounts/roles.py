"""Roles: who is a learner, a mentor or an administrator."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct
from sqlalchemy import select

from skillcore.accounts.access import Actor, Role
from skillcore.accounts.audit import note
from skillcore.accounts.authentication import Known
from skillcore.accounts.tables import UserRow
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict, NotFound

__all__ = ["Appointed", "Appointment", "appoint", "keep_an_administrator"]


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
    if role != "admin":
        await keep_an_administrator(tx, but=user_id)
    row = await tx.session.get(UserRow, user_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("there is no such person, or not for you")
    if row.role != role:
        before, row.role = row.role, role
        await note(tx, "role.changed", actor, user_id, before=before, after=role)
    tx.after_commit(tx.engine.cache(Known).forget)
    return Appointed(id=user_id, role=role)


async def keep_an_administrator(tx: Transaction, *, but: UUID) -> None:
    """Refuse to lose the last administrator. All of them stay as they are until the transaction ends.

    Args:
        tx: the caller's transaction, which takes a role or an account away.
        but: whose.

    Raises:
        Conflict: there is no other.
    """
    query = select(UserRow.id).where(UserRow.role == "admin").order_by(UserRow.id).with_for_update()
    administrators = set((await tx.session.scalars(query)).all())
    if administrators == {but}:
        raise Conflict("this is the only administrator: make somebody else one first")
