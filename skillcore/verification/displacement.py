"""What becomes of accounts, and of the evidence that they brought, when one takes another's place.

An account is displaced by another of the same person, or a vouched one by somebody else's proof. Its evidence no longer
counts, which a fact says (``evidence.withdrawn``); none is ever deleted. A displacement lasts as long as what displaced it
counts. Once an administrator undoes that, everything that it displaced counts again, as if it had never been; once another
account takes its place, so does what it displaced of others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, or_, select, update

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import Act, note
from skillcore.defaults.kinds import AccountLinked, AccountUnlinked, EvidenceWithdrawn
from skillcore.ledger import record
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.verification.handles import account_name
from skillcore.verification.tables import SourceAccountRow
from skillcore.verification.tokens import let_go_unlinked

__all__ = ["REPLACED", "Change", "name_of", "record_all", "same_account"]

REPLACED = "the account does not stand for this person any more"
"""Why evidence is withdrawn when an account is displaced, whatever displaced it. The fact is shown to the platform that vouched
for the account, and to every platform if it was proved: if it said more, they could tell by it that another one vouches."""

ACTS: dict[str, Act] = {
    "account.linked": "account.linked",
    "account.unlinked": "account.unlinked",
    "evidence.withdrawn": "account.withdrawn",
}
"""What is noted of each kind of event."""


def name_of(row: SourceAccountRow) -> str:
    """Return the name under which the ledger knows an account."""
    return account_name(row.source, row.external_id)


def same_account(handle_key: str, external_id: str | None) -> ColumnElement[bool]:
    """Return the condition under which a row may be about an account: it has its id, or its handle."""
    named = SourceAccountRow.handle_key == handle_key
    if external_id is None:
        return named
    return or_(named, and_(SourceAccountRow.by_id, SourceAccountRow.external_id == external_id))


class Change:
    """A change of accounts at one source: rows change at once, and what happened is recorded together at the end.

    Args:
        tx: the caller's transaction.
        source: where.
        actor: who asks for it; None where skillcore found a proof.

    Attributes:
        moment: when. The events follow each other by a microsecond, since the last one about an account decides.
        events: what happened.
        platforms: for each event, the platform whose business it is.
    """

    def __init__(self, tx: Transaction, source: str, actor: Actor | None = None) -> None:
        self.tx = tx
        self.source = source
        self.actor = actor
        self.moment = now()
        self.events: list[NewEvent] = []
        self.platforms: list[UUID | None] = []

    async def record(self) -> None:
        """Record what happened, and note it; the last thing that the transaction does."""
        await record_all(self.tx, [self])

    def linked(self, row: SourceAccountRow) -> None:
        """Say that an account is a person's, which also ends a withdrawal of its evidence."""
        vouched_by = str(row.platform_id) if row.platform_id else None
        data = AccountLinked(account=name_of(row), handle=row.handle, method=row.method, vouched_by=vouched_by)  # type: ignore[arg-type]
        self._add(row, "account.linked", data)

    def unlinked(self, row: SourceAccountRow, *, reason: str = "", by: str | None = None) -> None:
        """Let an account bring no more evidence."""
        row.unlinked_at = self.moment
        self._add(row, "account.unlinked", AccountUnlinked(account=name_of(row), reason=reason, by=by))

    async def withdraw(self, rows: Sequence[SourceAccountRow], reason: str, by: SourceAccountRow | None = None) -> None:
        """Let the evidence of a person's account count no more, and what it displaced count again.

        Args:
            rows: all of the person's rows at this source that are not withdrawn; they are of one account.
            reason: for the person.
            by: the row that displaces it. What it displaced of the same person stays where it is: were it given back now, it
                would stand in the way once that row counts no more. Without one the link was wrong, and had never been.
        """
        if not rows:
            return
        newest = rows[0]
        newest.displaced_by = None if by is None else by.id
        for row in rows:
            row.withdrawn_at = self.moment
            row.unlinked_at = row.unlinked_at or self.moment
        self._add(newest, "evidence.withdrawn", EvidenceWithdrawn(account=name_of(newest), reason=reason))
        await self._give_back([row.id for row in rows], but_of=None if by is None else newest.user_id)

    async def displace_vouches(self, proof: SourceAccountRow) -> None:
        """Take a proved account from those for whom platforms vouch for it, whether it is linked still or not.

        A proof that was unlinked stands against earlier vouches only.
        """
        conditions = [same_account(proof.handle_key, proof.external_id if proof.by_id else None)]
        if proof.unlinked_at is not None:
            conditions.append(SourceAccountRow.created_at < proof.created_at)
        rows = await self.rows(SourceAccountRow.user_id != proof.user_id, *conditions)
        for user_id in dict.fromkeys(row.user_id for row in rows if row.platform_id is not None):
            own = await self.rows(SourceAccountRow.user_id == user_id)
            await self.withdraw(own, REPLACED, proof)

    async def forget(self, row: SourceAccountRow) -> None:
        """Let earlier rows of a person's account not be given back any more: a newer one stands for it."""
        named = and_(SourceAccountRow.external_id == row.external_id, SourceAccountRow.by_id.is_(row.by_id))
        whose = and_(SourceAccountRow.user_id == row.user_id, SourceAccountRow.source == row.source)
        await self.tx.session.execute(update(SourceAccountRow).where(whose, named).values(displaced_by=None))

    async def hand_over(self, ids: Collection[UUID], to: SourceAccountRow) -> None:
        """Let a row stand for earlier ones of the same account, also in what they displaced."""
        displaced = SourceAccountRow.displaced_by.in_(ids)
        await self.tx.session.execute(update(SourceAccountRow).where(displaced).values(displaced_by=to.id))

    async def rows(self, *conditions: ColumnElement[bool]) -> list[SourceAccountRow]:
        """Return rows of this source whose evidence counts or could: linked ones first, then the newest."""
        await self.tx.session.flush()
        query = (
            select(SourceAccountRow)
            .where(SourceAccountRow.source == self.source, SourceAccountRow.withdrawn_at.is_(None), *conditions)
            .order_by(
                SourceAccountRow.unlinked_at.is_(None).desc(), SourceAccountRow.created_at.desc(), SourceAccountRow.id.desc()
            )
            .with_for_update()
        )
        return list(await self.tx.session.scalars(query))

    async def _give_back(self, ids: Collection[UUID], *, but_of: UUID | None) -> None:
        """Let what was displaced by rows that no longer count do so again, unless something else stands in its place."""
        await self.tx.session.flush()
        query = select(SourceAccountRow).where(SourceAccountRow.displaced_by.in_(ids)).order_by(SourceAccountRow.id)
        for row in await self.tx.session.scalars(query.with_for_update()):
            if row.user_id == but_of:
                continue
            obstacle = await self._obstacle(row)
            row.displaced_by = None
            if obstacle is None:
                await self._restore(row)
            elif obstacle.user_id != row.user_id or name_of(obstacle) != name_of(row):
                row.displaced_by = obstacle.id

    async def _restore(self, row: SourceAccountRow) -> None:
        was_linked = row.unlinked_at == row.withdrawn_at
        row.withdrawn_at = None
        if was_linked:
            row.unlinked_at = None
        self.linked(row)
        if not was_linked:  # its evidence counts again, and it brings no more
            unlinked_at = row.unlinked_at
            self.unlinked(row, reason="it had been unlinked before")
            row.unlinked_at = unlinked_at
        if row.platform_id is None:
            await self.displace_vouches(row)

    async def _obstacle(self, row: SourceAccountRow) -> SourceAccountRow | None:
        """Return what would have displaced an account meanwhile, or keep it from its person, if it had counted all along."""
        own = await self.rows(SourceAccountRow.user_id == row.user_id)
        if own:
            return own[0]
        external_id = row.external_id if row.by_id else None
        others = await self.rows(same_account(row.handle_key, external_id), SourceAccountRow.user_id != row.user_id)
        return next((other for other in others if _stands_before(other, row)), None)

    def _add(self, row: SourceAccountRow, kind: str, data: Struct) -> None:
        self.platforms.append(row.platform_id)
        self.events.append(
            NewEvent(
                user_id=row.user_id,
                kind=kind,
                subject_id=name_of(row),
                occurred_at=self.moment + timedelta(microseconds=len(self.events)),
                data=data,
                origin=of_platform(row.platform_id),
            )
        )


async def record_all(tx: Transaction, changes: Sequence[Change]) -> None:
    """Record what happened at several sources, and note it; the last thing that the transaction does.

    Tokens of accounts that are linked no more go with it.
    """
    events = [event for change in changes for event in change.events]
    await let_go_unlinked(tx, {event.user_id for event in events})
    await record(tx, events)
    for change in changes:
        for event, platform_id in zip(change.events, change.platforms, strict=True):
            await note(tx, ACTS[event.kind], change.actor, event.user_id, platform_id, source=change.source)


def _stands_before(other: SourceAccountRow, row: SourceAccountRow) -> bool:
    """Say whether another person's claim on an account keeps a displaced one from being given back."""
    if other.platform_id is None:
        if row.by_id and other.by_id and row.external_id != other.external_id:
            return False  # another account that came to bear the same name
        return other.unlinked_at is None or (row.platform_id is not None and other.created_at > row.created_at)
    return row.platform_id == other.platform_id and other.unlinked_at is None
