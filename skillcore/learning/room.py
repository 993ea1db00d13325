"""The room `learning`, as processes and commands take it."""

from datetime import timedelta

from skillcore.defaults.definitions import Curriculum, Module
from skillcore.learning import (
    advice,
    check,
    module_routes,
    modules,
    path_routes,
    session_idle,
    session_routes,
    session_standing,
)
from skillcore.runtime.rooms import Job, Retention, Room

__all__ = ["ROOM"]

ROOM = Room(
    name="learning",
    routes=(*path_routes.ROUTES, *module_routes.ROUTES, *session_routes.ROUTES),
    jobs=(Job(name=advice.JOB, queue="verification", by_source=True, run=advice.ask_advisor, retries=10, retry_base=1.0),),
    subscriptions=(session_standing.SUBSCRIPTION,),
    checks={"definitions": check.definitions},
    rebuild=(session_standing.rebuild,),
    services={"worker": (session_idle.service,)},
    retention=(Retention(name="advice on paths", kept=lambda _: timedelta(), forget=advice.forget_expired),),
    definitions={Module: modules.module, Curriculum: modules.curriculum},
)
