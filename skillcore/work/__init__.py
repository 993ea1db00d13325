"""Work: projects with their members and updates, mentorship sessions, and tasks with the job that verifies them.

It owns those tables. What a source says, and whose account it is, is `verification`'s; what follows for skills and levels is
derived by the ledger from the events recorded here.
"""

from skillcore.runtime.rooms import Job, Room
from skillcore.work import check, sweep
from skillcore.work.completion import complete_task
from skillcore.work.leaving import hand_over
from skillcore.work.routes import ROUTES

__all__ = ["ROOM"]

ROOM = Room(
    name="work",
    routes=ROUTES,
    # Long enough that a job outlives a database that is away for some minutes.
    jobs=(Job(name="work.complete_task", queue="verification", by_source=True, run=complete_task, retries=10, retry_base=1.0),),
    checks={"tasks": check.tasks},
    services={"worker": (sweep.service,)},
    erase=(hand_over,),
)
