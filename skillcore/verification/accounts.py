"""What people and platforms do with accounts at sources: vouch for them, look at them, unlink them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.operations.sources import states
from skillcore.runtime.engine import Transaction
from skillcore.runtime.portable import portable
from skillcore.runtime.problems import Forbidden, NotFound
from skillcore.verification import imports, stats
from skillcore.verification.handles import LONGEST_NAME, parse_handle
from skillcore.verification.identities import page_for
from skillcore.verification.linking import Claim, LinkedAccount, Method, link, linked_accounts, newest_account
from skillcore.verification.linking import unlink as unlink_account
from skillcore.verification.proving import offered
from skillcore.verification.tokens import kept_for

__all__ = ["SourceAccount", "SourceOffer", "Vouch", "get", "listing", "offers", "unlink", "vouch"]


class Vouch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A platform's word that an account is its member's.

    Attributes:
        handle: the name under which the source knows the account.
    """

    handle: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]


class SourceAccount(Struct, frozen=True, kw_only=True):
    """A person's account at a source.

    Attributes:
        account: the name under which the ledger knows it.
        proved: whether its user has proved it; otherwise it rests on a platform's word.
        followed: whether a new name there is noticed by itself, by the token of the person's sign-in, which is kept for that;
            if not, signing in again notes it. Null where an account has no id that outlives its name, and for platforms.
    """

    source: str
    handle: str
    account: str
    method: Method
    proved: bool
    linked_at: datetime
    followed: bool | None = None


class SourceOffer(Struct, frozen=True, kw_only=True):
    """A source that tasks can be set at.

    Attributes:
        requirement: JSON schema of its requirements.
        state: as the workers found it lately; unknown where none has said so.
        plugin: the plugin that offers it.
        proofs: ways in which people can prove an account there, the best one first.
    """

    name: str
    state: Literal["available", "unavailable", "unknown"]
    plugin: str
    proofs: tuple[str, ...]
    requirement: Mapping[str, Any]


async def offers(tx: Transaction) -> list[SourceOffer]:
    """Return the sources by name, without asking any of them."""
    plugins = tx.engine.plugins
    found: dict[str, list[str]] = {}
    for one in await states(tx):
        found.setdefault(one.source, []).append(one.state)
    return [
        SourceOffer(
            name=name,
            state=_state(found.get(name, [])),
            plugin=plugins.owner(name),
            proofs=tuple(offered(source, page_for(tx.engine.settings, name))),
            requirement=portable(msgspec.json.schema(source.requirement)),
        )
        for name, source in sorted(plugins.sources.items())
    ]


def _state(breakers: Sequence[str]) -> Literal["available", "unavailable", "unknown"]:
    if not breakers:
        return "unknown"
    return "unavailable" if all(breaker == "open" for breaker in breakers) else "available"


async def vouch(tx: Transaction, actor: Actor, person: str, source: str, given: Vouch) -> SourceAccount:
    """Link an account to a member on the word of the caller's platform. Doing it again changes nothing.

    Raises:
        NotFound: no such member.
        InvalidField: no such source, or a handle that it cannot have.
        Conflict: the account is another person's, or the person has proved another one.
    """
    if actor.platform_id is None:
        raise Forbidden("only a platform can vouch for an account, with a key that has the scope sources:vouch")
    user_id = await people.resolve(tx, actor, person, write=True)
    handle = parse_handle(tx.engine.plugins, source, given.handle)
    claim = Claim(
        user_id=user_id,
        source=source,
        handle=handle.written,
        handle_key=handle.key,
        method="vouched",
        platform_id=actor.platform_id,
    )
    linked = await link(tx, claim, actor)
    await imports.begin(tx, linked)
    await stats.begin(tx, linked)
    return _shown(linked, actor)


async def listing(tx: Transaction, actor: Actor, person: str) -> list[SourceAccount]:
    """Return the accounts of a person that the caller may know of, by source.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, person)
    kept = await kept_for(tx, user_id)
    return [_shown(linked, actor, kept) for linked in await linked_accounts(tx, user_id) if _may_know(actor, linked)]


async def get(tx: Transaction, actor: Actor, person: str, source: str) -> SourceAccount:
    """Return a person's account at a source.

    Raises:
        NotFound: no such person, or no account that this caller may know of.
    """
    user_id = await people.resolve(tx, actor, person)
    return _shown(await _found(tx, actor, user_id, source), actor, await kept_for(tx, user_id))


async def unlink(tx: Transaction, actor: Actor, person: str, source: str, *, withdraw: bool = False) -> None:
    """Unlink a person's account. The evidence that it brought stays, unless an administrator undoes a wrong link.

    A wrong link can be undone after it was unlinked, too. Who decided is recorded, unless it was the person.

    Raises:
        NotFound: no such person, or no account that this caller may know of.
        Forbidden: a platform cannot unlink what its user proved; only administrators withdraw.
    """
    user_id = await people.resolve(tx, actor, person, write=True)
    if withdraw and actor.is_admin:
        account = await newest_account(tx, user_id, source)
        if account is None:
            raise NotFound(f"no {source} account has evidence that counts")
    else:
        account = await _found(tx, actor, user_id, source)
    if withdraw and not actor.is_admin:
        raise Forbidden("only an administrator can withdraw the evidence of a wrong link")
    if actor.platform_id is not None and account.vouched_by is None:
        raise Forbidden("this account was proved by its user, who alone can unlink it")
    await unlink_account(tx, account.id, withdraw=withdraw, actor=actor)


async def _found(tx: Transaction, actor: Actor, user_id: UUID, source: str) -> LinkedAccount:
    for linked in await linked_accounts(tx, user_id):
        if linked.source == source and _may_know(actor, linked):
            return linked
    raise NotFound(f"no {source} account is linked")


def _may_know(actor: Actor, linked: LinkedAccount) -> bool:
    """Say whether the caller may know of an account: a platform never learns what another one vouches for."""
    return actor.platform_id is None or linked.vouched_by in {None, actor.platform_id}


def _shown(linked: LinkedAccount, actor: Actor, kept: Collection[UUID] = ()) -> SourceAccount:
    return SourceAccount(
        source=linked.source,
        handle=linked.handle,
        account=linked.account,
        method=linked.method,
        proved=linked.vouched_by is None,
        linked_at=linked.linked_at,
        followed=linked.id in kept if linked.by_id and actor.platform_id is None else None,
    )
