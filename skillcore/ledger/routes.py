"""The routes of this room: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, admin, user
from skillcore.accounts.routes import PersonInPath
from skillcore.ledger import entries, skills, submission
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES"]

READ_SKILLS = {"access": access(user(), key="skills:read")}
WRITE_SKILLS = {"access": access(admin(), key="skills:write")}
WRITE_EVENTS = {"access": access(user(), key="events:write")}
READ_EVENTS = {"access": access(user(), key="events:read")}

SkillInPath = Annotated[str, PathParameter(max_length=100, description="A skill's id, name or alias.")]
KindAsked = Annotated[str | None, QueryParameter(max_length=100, description="Only events of this kind.")]
CategoryAsked = Annotated[str | None, QueryParameter(max_length=100, description="Only skills of this category.")]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", max_length=255, description="Makes sending the request again harmless."),
]


@post("/api/skills", opt=WRITE_SKILLS, tags=["skills"], summary="Add a skill")
async def create_skill(engine: NamedDependency[Engine], data: JSONBody[skills.NewSkill]) -> skills.Skill:
    """Its id is the normalised name. A name or alias that another skill has is a conflict."""
    async with engine.transaction() as tx:
        return await skills.create(tx, data)


@get("/api/skills", opt=READ_SKILLS, tags=["skills"], summary="List skills")
async def list_skills(
    engine: NamedDependency[Engine], category: CategoryAsked = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[skills.Skill]:
    """The catalogue, by id."""
    async with engine.transaction() as tx:
        return await skills.listing(tx, category=category, limit=limit, cursor=cursor)


@get("/api/skills/{skill:str}", opt=READ_SKILLS, tags=["skills"], summary="Read a skill")
async def read_skill(engine: NamedDependency[Engine], skill: SkillInPath) -> skills.Skill:
    """By its id, its name or one of its aliases."""
    async with engine.transaction() as tx:
        return await skills.get(tx, skill)


@post(
    "/api/events",
    opt=WRITE_EVENTS | {"statuses": {200: "It was there already."}},
    tags=["events"],
    summary="Report an event",
)
async def create_event(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    data: JSONBody[submission.NewEntry],
    idempotency_key: IdempotencyKey = None,
) -> Response[submission.Written]:
    """By a platform of its members, or by a person of themselves. When this answers, the event is durable."""
    written = await submission.submit(engine, actor, data, key=idempotency_key)
    return Response(written, status_code=201 if written.new else 200)


@post("/api/events/batch", status_code=200, opt=WRITE_EVENTS, tags=["events"], summary="Report many events")
async def create_events(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    data: JSONBody[submission.Batch],
    idempotency_key: IdempotencyKey = None,
) -> submission.Outcomes:
    """Each event gets its own outcome, in order; with `atomic` all are recorded or none."""
    return await submission.submit_batch(engine, actor, data, key=idempotency_key)


@get("/api/users/{person:str}/events", opt=READ_EVENTS, tags=["events"], summary="List a person's events")
async def list_events(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    person: PersonInPath,
    kind: KindAsked = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[entries.Entry]:
    """In the order in which they were recorded. A platform does not see what is another platform's business."""
    async with engine.transaction() as tx:
        return await entries.listing(tx, actor, person, kind=kind, limit=limit, cursor=cursor)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    create_skill,
    list_skills,
    read_skill,
    create_event,
    create_events,
    list_events,
)
