"""Learning: what people learn along, defined by themselves, by platforms or for everybody.

It owns definitions and their versions, and who follows which learning path. Tasks, and how they are verified, are not here:
they are `work`'s, which stands above and asks whether a topic is locked.
"""

from datetime import timedelta

from skillcore.learning import advice, check
from skillcore.learning.path_routes import ROUTES as PATH_ROUTES
from skillcore.runtime.rooms import Job, Retention, Room

__all__ = ["ROOM"]

ROOM = Room(
    name="learning",
    routes=PATH_ROUTES,
    jobs=(Job(name=advice.JOB, queue="verification", by_source=True, run=advice.ask_advisor, retries=10, retry_base=1.0),),
    checks={"definitions": check.definitions},
    retention=(Retention(name="advice on paths", kept=lambda _: timedelta(), forget=advice.forget_expired),),
)
