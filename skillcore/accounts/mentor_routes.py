"""The routes of mentors and their learners: invitations, consent, and its end."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from skillcore.accounts import mentors
from skillcore.accounts.access import Actor, access, mentor, user
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES"]

MENTOR = {"access": access(mentor())}


@post("/api/mentors/invitations", opt={**MENTOR, "secret": True}, tags=["mentors"], summary="Invite learners whom you mentor")
async def invite_learners(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[mentors.NewInvitation]
) -> mentors.ShownInvitation:
    """The answer shows the code that a learner accepts with, once and never again."""
    async with engine.transaction() as tx:
        return await mentors.invite(tx, actor, data)


@get("/api/mentors/invitations", opt=MENTOR, tags=["mentors"], summary="List your invitations")
async def list_mentor_invitations(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], limit: Limit = 50, cursor: Cursor = None
) -> Page[mentors.Invitation]:
    """Those that still hold, without their codes."""
    async with engine.transaction() as tx:
        return await mentors.invitations(tx, actor, limit=limit, cursor=cursor)


@delete("/api/mentors/invitations/{invitation_id:uuid}", opt=MENTOR, tags=["mentors"], summary="Withdraw an invitation")
async def withdraw(engine: NamedDependency[Engine], actor: NamedDependency[Actor], invitation_id: FromPath[UUID]) -> None:
    """Nobody accepts with its code any more; whoever has accepted stays."""
    async with engine.transaction() as tx:
        await mentors.withdraw(tx, actor, invitation_id)


@post(
    "/api/mentors",
    opt={"access": access(user()), "statuses": {200: "You had accepted this mentor before."}},
    tags=["mentors"],
    summary="Accept a mentor",
)
async def accept(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[mentors.Acceptance]
) -> Response[mentors.Companion]:
    """From now on, until either of you ends it, whoever made the code may read what is yours, and change nothing."""
    async with engine.transaction() as tx:
        accepted, new = await mentors.accept(tx, actor, data)
    return Response(accepted, status_code=201 if new else 200)


@get("/api/mentors", opt={"access": access(user())}, tags=["mentors"], summary="See who mentors you")
async def list_mentors(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], limit: Limit = 50, cursor: Cursor = None
) -> Page[mentors.Companion]:
    """The mentors whom you have accepted."""
    async with engine.transaction() as tx:
        return await mentors.mentors(tx, actor, limit=limit, cursor=cursor)


@delete("/api/mentors/{mentor_id:uuid}", opt={"access": access(user())}, tags=["mentors"], summary="End being mentored")
async def leave_mentor(engine: NamedDependency[Engine], actor: NamedDependency[Actor], mentor_id: FromPath[UUID]) -> None:
    """The mentor sees you no more, from now on."""
    async with engine.transaction() as tx:
        await mentors.leave(tx, actor, mentor_id)


@get("/api/learners", opt=MENTOR, tags=["mentors"], summary="List your learners")
async def list_learners(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], limit: Limit = 50, cursor: Cursor = None
) -> Page[mentors.Companion]:
    """The learners who accepted you."""
    async with engine.transaction() as tx:
        return await mentors.learners(tx, actor, limit=limit, cursor=cursor)


@delete("/api/learners/{learner_id:uuid}", opt=MENTOR, tags=["mentors"], summary="End mentoring")
async def leave_learner(engine: NamedDependency[Engine], actor: NamedDependency[Actor], learner_id: FromPath[UUID]) -> None:
    """You see the learner no more, from now on."""
    async with engine.transaction() as tx:
        await mentors.dismiss(tx, actor, learner_id)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    invite_learners,
    list_mentor_invitations,
    withdraw,
    accept,
    list_mentors,
    leave_mentor,
    list_learners,
    leave_learner,
)
