"""The room `work`, as processes and commands take it."""

from skillcore.defaults.definitions import Goal, Space
from skillcore.runtime.rooms import Job, Room
from skillcore.work import check, goals, review_routes, space_routes, spaces, sweep
from skillcore.work.completion import complete_task
from skillcore.work.leaving import hand_over
from skillcore.work.reviews import forget_words
from skillcore.work.routes import ROUTES

__all__ = ["ROOM"]

ROOM = Room(
    name="work",
    routes=(*ROUTES, *space_routes.ROUTES, *review_routes.ROUTES),
    # Long enough that a job outlives a database that is away for some minutes.
    jobs=(Job(name="work.complete_task", queue="verification", by_source=True, run=complete_task, retries=10, retry_base=1.0),),
    checks={"tasks": check.tasks},
    services={"worker": (sweep.service,)},
    erase=(hand_over, forget_words),
    definitions={Space: spaces.definition_of, Goal: goals.definition_of},
)
