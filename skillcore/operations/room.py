"""The room `operations`, as processes and commands take it."""

from datetime import timedelta

from skillcore.operations.idempotency import forget_bodies, forget_expired
from skillcore.operations.routes import ROUTES
from skillcore.runtime.jobs import forget_ended, forget_person
from skillcore.runtime.rooms import Retention, Room

__all__ = ["ROOM"]

ROOM = Room(
    name="operations",
    routes=ROUTES,
    retention=(
        Retention(name="answers to repeated requests", kept=lambda _: timedelta(), forget=forget_expired),
        Retention(name="jobs", kept=lambda settings: timedelta(days=settings.privacy.job_days), forget=forget_ended),
    ),
    erase=(forget_person, forget_bodies),
)
