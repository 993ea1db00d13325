"""The routes of memberships and invitations: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from skillcore.accounts import memberships
from skillcore.accounts.access import Actor, access, user
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES"]

INVITES = {"access": access(key="users:write")}
OWN = {"access": access(user())}


@post(
    "/api/memberships/invitations",
    opt=INVITES | {"secret": True},
    tags=["memberships"],
    summary="Invite somebody with an account",
)
async def create_invitation(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[memberships.NewPlatformInvitation]
) -> memberships.ShownPlatformInvitation:
    """For one external id of the key's platform. The answer shows the code, once; an earlier invitation holds no more."""
    async with engine.transaction() as tx:
        return await memberships.invite(tx, actor, data)


@get("/api/memberships/invitations", opt=INVITES, tags=["memberships"], summary="List invitations")
async def list_membership_invitations(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], limit: Limit = 50, cursor: Cursor = None
) -> Page[memberships.PlatformInvitation]:
    """Those of the key's platform, oldest first, without their codes."""
    async with engine.transaction() as tx:
        return await memberships.invitations(tx, actor, limit=limit, cursor=cursor)


@delete(
    "/api/memberships/invitations/{invitation_id:uuid}", opt=INVITES, tags=["memberships"], summary="Withdraw an invitation"
)
async def withdraw_invitation(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], invitation_id: FromPath[UUID]
) -> None:
    """Its code stops working."""
    async with engine.transaction() as tx:
        await memberships.withdraw(tx, actor, invitation_id)


@post("/api/memberships/preview", status_code=200, opt=OWN, tags=["memberships"], summary="Look at an invitation")
async def preview_membership(
    engine: NamedDependency[Engine], data: JSONBody[memberships.InvitationCode]
) -> memberships.MembershipOffer:
    """Who invites, and what they will see of you if you accept."""
    async with engine.transaction() as tx:
        return await memberships.preview(tx, data)


@post("/api/memberships", opt=OWN, tags=["memberships"], summary="Accept an invitation")
async def accept_membership(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[memberships.MembershipConsent]
) -> memberships.Membership:
    """Makes you a member of the platform, with your consent to what the invitation showed."""
    async with engine.transaction() as tx:
        return await memberships.accept(tx, actor, data)


@post("/api/memberships/refuse", status_code=204, opt=OWN, tags=["memberships"], summary="Refuse an invitation")
async def refuse_membership(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[memberships.InvitationCode]
) -> None:
    """Its code stops working. The platform is not told who refused."""
    async with engine.transaction() as tx:
        await memberships.refuse(tx, actor, data)


@get("/api/memberships", opt=OWN, tags=["memberships"], summary="List your memberships")
async def list_memberships(engine: NamedDependency[Engine], actor: NamedDependency[Actor]) -> list[memberships.Membership]:
    """The platforms that you belong to, what they see of you, and when you consented to that."""
    async with engine.transaction() as tx:
        return await memberships.listing(tx, actor)


@delete("/api/memberships/{platform_id:uuid}", opt=OWN, tags=["memberships"], summary="Leave a platform")
async def leave_platform(engine: NamedDependency[Engine], actor: NamedDependency[Actor], platform_id: FromPath[UUID]) -> None:
    """It knows nobody of your name any more, and accounts for which it vouched are unlinked. What it recorded stays yours."""
    async with engine.transaction() as tx:
        await memberships.leave(tx, actor, platform_id)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    create_invitation,
    list_membership_invitations,
    withdraw_invitation,
    preview_membership,
    accept_membership,
    refuse_membership,
    list_memberships,
    leave_platform,
)
