"""Memberships of people who have accounts: a platform invites, the person looks at what it would see, and decides.

An invitation is for one external id of one platform, works once, and says nothing of who may have it: whoever is signed in
and holds the code can answer it. A platform learns who somebody is only when they accept. Streams are never merged: an
external id under which a platform has brought a person already is theirs, and cannot be given to another.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note
from skillcore.accounts.departures import Departures
from skillcore.accounts.membership_tables import InvitationRow
from skillcore.accounts.people import ExternalId
from skillcore.accounts.tables import MembershipRow, PlatformRow
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict, Forbidden, NotFound

__all__ = [
    "CONSENT",
    "SHOWN",
    "Code",
    "Disclosure",
    "InvitationCode",
    "Membership",
    "MembershipConsent",
    "MembershipOffer",
    "NewPlatformInvitation",
    "PlatformInvitation",
    "ShownPlatformInvitation",
    "accept",
    "invitations",
    "invite",
    "leave",
    "listing",
    "preview",
    "refuse",
    "withdraw",
]

SHOWN: Mapping[str, str] = {
    "profile": "the name that you show, your time zone and your role here; not your e-mail address",
    "events": "what you report of yourself, and what was recorded of your own tasks and accounts, past and to come",
    "accounts": "the accounts at other places that you have proved, and the work that was accepted from them",
    "scores": "your level and other scores, which count all of your work, wherever it comes from",
    "work": "your own tasks; and it may set you tasks, have these checked, and record what you do there",
}
"""What a platform sees of a member and does in their name, as they are told before they decide."""

CONSENT = hashlib.sha256("\n".join(f"{name}: {text}" for name, text in SHOWN.items()).encode()).hexdigest()[:16]
"""Names what is consented to."""

NO_INVITATION = "there is no such invitation, or it holds no more: ask the platform for another one"


class NewPlatformInvitation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invitation to be.

    Attributes:
        hours: for which it can be answered.
    """

    external_id: ExternalId
    hours: Annotated[int, Meta(ge=1, le=2160, examples=[168])] = 168


class PlatformInvitation(Struct, frozen=True, kw_only=True):
    """An invitation, as its platform sees it.

    Attributes:
        state: ``open`` ones may have expired.
        settled_at: when it was answered or withdrawn.
    """

    id: UUID
    external_id: str
    state: Literal["open", "accepted", "refused", "withdrawn"]
    expires_at: datetime
    settled_at: datetime | None
    created_at: datetime


class ShownPlatformInvitation(PlatformInvitation, Veiled, frozen=True, kw_only=True):
    """An invitation just made.

    Attributes:
        code: for the person. It is not kept, and never shown again.
    """

    code: str


Code = Annotated[str, Meta(min_length=1, max_length=100, examples=["mfzwizltoq5dk3dbnrxw4zlumvzgs3th"])]


class InvitationCode(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invitation's code, from whoever has it."""

    code: Code


class MembershipConsent(InvitationCode, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Consent to become a platform's member.

    Attributes:
        consent: what `POST /api/memberships/preview` named it: what the person was shown, and agrees to.
    """

    consent: Annotated[str, Meta(min_length=1, max_length=100, examples=[CONSENT])]


class Disclosure(Struct, frozen=True, kw_only=True):
    """Something that a platform sees of its members."""

    what: str
    text: str


class MembershipOffer(Struct, frozen=True, kw_only=True):
    """What accepting an invitation means.

    Attributes:
        external_id: by which the platform will know the person.
        shows: what it will see and may do.
        consent: names these, to be sent back with the acceptance.
    """

    platform_id: UUID
    platform: str
    external_id: str
    shows: list[Disclosure]
    consent: str
    expires_at: datetime


class Membership(Struct, frozen=True, kw_only=True):
    """That a person belongs to a platform.

    Attributes:
        external_id: by which the platform knows them.
        consent: what they consented to; null for those whom the platform itself made known here.
        shows: what the platform sees of them.
    """

    platform_id: UUID
    platform: str
    external_id: str
    consent: str | None
    consented_at: datetime | None
    shows: list[Disclosure]
    created_at: datetime


async def invite(tx: Transaction, actor: Actor, data: NewPlatformInvitation) -> ShownPlatformInvitation:
    """Make an invitation for an external id of the key's platform; an earlier one for it holds no more.

    Raises:
        Conflict: the external id is a member's.
    """
    if actor.platform_id is None:
        raise Forbidden("only platforms invite, with a key that has the scope users:write")
    taken = select(MembershipRow.user_id).where(
        MembershipRow.platform_id == actor.platform_id, MembershipRow.external_id == data.external_id
    )
    if await tx.session.scalar(taken) is not None:
        raise Conflict(
            "external_id: this is a member already: invite under an external id that is nobody's", field="external_id"
        )
    code = b32encode(secrets.token_bytes(20)).decode().lower()
    moment = now()
    await _settle(tx, InvitationRow.external_id == data.external_id, InvitationRow.platform_id == actor.platform_id)
    row = InvitationRow(
        id=new_id(),
        platform_id=actor.platform_id,
        external_id=data.external_id,
        code_sha256=_hashed(code),
        state="open",
        expires_at=moment + timedelta(hours=data.hours),
        created_at=moment,
    )
    try:
        async with tx.session.begin_nested():
            tx.session.add(row)
    except IntegrityError as error:
        raise Conflict("another invitation for this external id was made at the same time", field="external_id") from error
    return ShownPlatformInvitation(**_fields(row), code=code)


async def invitations(tx: Transaction, actor: Actor, *, limit: int, cursor: str | None) -> Page[PlatformInvitation]:
    """Return the invitations of the key's platform, oldest first."""
    query = select(InvitationRow).where(InvitationRow.platform_id == actor.platform_id)
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(InvitationRow.id > after)
    rows = (await tx.session.scalars(query.order_by(InvitationRow.id).limit(limit + 1))).all()
    return page(rows, limit, lambda row: PlatformInvitation(**_fields(row)), lambda row: row.id)


async def withdraw(tx: Transaction, actor: Actor, invitation_id: UUID) -> None:
    """Let an open invitation hold no more.

    Raises:
        NotFound: the platform has no such invitation that is open.
    """
    if not await _settle(tx, InvitationRow.id == invitation_id, InvitationRow.platform_id == actor.platform_id):
        raise NotFound("there is no such invitation that is open")


async def preview(tx: Transaction, answer: InvitationCode) -> MembershipOffer:
    """Return what accepting an invitation means.

    Raises:
        NotFound: there is none of this code, or it holds no more.
    """
    row, platform = await _open(tx, answer.code)
    return MembershipOffer(
        platform_id=row.platform_id,
        platform=platform,
        external_id=row.external_id,
        shows=disclosures(),
        consent=CONSENT,
        expires_at=row.expires_at,
    )


async def accept(tx: Transaction, actor: Actor, answer: MembershipConsent) -> Membership:
    """Become a platform's member, with consent to what was shown.

    Raises:
        NotFound: there is no invitation of this code, or it holds no more.
        Conflict: what was shown is not what the platform would see; or the person is a member already.
    """
    row, platform = await _open(tx, answer.code, lock=True)
    if answer.consent != CONSENT:
        raise Conflict("consent: this is not what the platform would see now: look at the invitation again", field="consent")
    moment = now()
    member = MembershipRow(
        platform_id=row.platform_id,
        external_id=row.external_id,
        user_id=actor.user_id,
        consent=CONSENT,
        consented_at=moment,
        created_at=moment,
    )
    try:
        async with tx.session.begin_nested():
            tx.session.add(member)
    except IntegrityError as error:
        raise Conflict("you are a member of this platform already, or somebody else is under this external id") from error
    row.state, row.user_id, row.settled_at = "accepted", actor.user_id, moment
    await note(
        tx, "membership.joined", actor, about=actor.user_id, platform_id=row.platform_id, consent=CONSENT, shows=[*SHOWN]
    )
    return _membership(member, platform)


async def refuse(tx: Transaction, actor: Actor, answer: InvitationCode) -> None:
    """Decline an invitation, for good; the platform is told that it was refused, and not by whom.

    Raises:
        NotFound: there is no invitation of this code, or it holds no more.
    """
    row, _ = await _open(tx, answer.code, lock=True)
    row.state, row.user_id, row.settled_at = "refused", actor.user_id, now()


async def listing(tx: Transaction, actor: Actor) -> list[Membership]:
    """Return one's own memberships, oldest first."""
    query = select(MembershipRow, PlatformRow.name).join(PlatformRow, PlatformRow.id == MembershipRow.platform_id)
    query = query.where(MembershipRow.user_id == actor.user_id)
    rows = await tx.session.execute(query.order_by(MembershipRow.created_at, MembershipRow.platform_id))
    return [_membership(row, name) for row, name in rows]


async def leave(tx: Transaction, actor: Actor, platform_id: UUID) -> None:
    """Leave a platform: it knows nobody of this name any more, what it recorded stays, and what it vouched for is unlinked.

    Raises:
        NotFound: the person is no member of it.
    """
    query = select(MembershipRow).where(MembershipRow.user_id == actor.user_id, MembershipRow.platform_id == platform_id)
    row = await tx.session.scalar(query.with_for_update())
    if row is None:
        raise NotFound("you are no member of such a platform")
    await tx.session.delete(row)
    await note(tx, "membership.left", actor, about=actor.user_id, platform_id=platform_id)
    for room in tx.engine.service(Departures).leave:
        await room(tx, row.user_id, platform_id)


def disclosures() -> list[Disclosure]:
    """Return what a platform sees of its members."""
    return [Disclosure(what=what, text=text) for what, text in SHOWN.items()]


async def _open(tx: Transaction, code: str, *, lock: bool = False) -> tuple[InvitationRow, str]:
    """Return an invitation that can be answered, and the platform's name."""
    query = select(InvitationRow, PlatformRow.name).join(PlatformRow, PlatformRow.id == InvitationRow.platform_id)
    query = query.where(
        InvitationRow.code_sha256 == _hashed(code), InvitationRow.state == "open", InvitationRow.expires_at > now()
    )
    found = (await tx.session.execute(query.with_for_update(of=InvitationRow) if lock else query)).one_or_none()
    if found is None:
        raise NotFound(NO_INVITATION)
    return found[0], found[1]


async def _settle(tx: Transaction, *which: ColumnElement[bool]) -> bool:
    """Withdraw an open invitation; says whether there was one."""
    change = update(InvitationRow).where(InvitationRow.state == "open", *which)
    done = await tx.session.scalars(change.values(state="withdrawn", settled_at=now()).returning(InvitationRow.id))
    return bool(done.all())


def _hashed(code: str) -> bytes:
    return hashlib.sha256(code.strip().lower().encode()).digest()


def _fields(row: InvitationRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PlatformInvitation.__struct_fields__}


def _membership(row: MembershipRow, platform: str) -> Membership:
    return Membership(
        platform_id=row.platform_id,
        platform=platform,
        external_id=row.external_id,
        consent=row.consent,
        consented_at=row.consented_at,
        shows=disclosures(),
        created_at=row.created_at,
    )
