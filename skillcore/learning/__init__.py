"""Learning: what people learn along, defined by themselves, by platforms or for everybody, and how they train.

It owns definitions with their versions, and training sessions, which follow from events. Tasks, and how they are verified,
are not here: they are `work`'s, which stands above and asks.
"""

from skillcore.defaults.definitions import Curriculum, Module
from skillcore.learning import module_routes, modules, session_idle, session_routes, session_standing
from skillcore.runtime.rooms import Room

__all__ = ["ROOM"]

ROOM = Room(
    name="learning",
    routes=(*module_routes.ROUTES, *session_routes.ROUTES),
    subscriptions=(session_standing.SUBSCRIPTION,),
    rebuild=(session_standing.rebuild,),
    services={"worker": (session_idle.service,)},
    definitions={Module: modules.module, Curriculum: modules.curriculum},
)
