"""The room `ledger`, as processes and commands take it."""

from skillcore.ledger import checks, gauges, intake, maintenance
from skillcore.ledger.routes import ROUTES
from skillcore.runtime.rooms import Room

__all__ = ["ROOM"]

ROOM = Room(
    name="ledger",
    routes=ROUTES,
    checks=checks.CHECKS,
    rebuild=(maintenance.rebuild,),
    gauges=(gauges.refresh,),
    services={"api": (intake.open_intake,)},
)
