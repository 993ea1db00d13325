"""The room `privacy`, as processes and commands take it."""

from skillcore.privacy import retention
from skillcore.privacy.routes import ROUTES
from skillcore.runtime.rooms import Room

__all__ = ["ROOM"]

ROOM = Room(name="privacy", routes=ROUTES, services={"worker": (retention.service,)}, gauges=(retention.refresh,))
