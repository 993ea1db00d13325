"""The ledger: events, signals, scores, the feed and the catalogue of skills. The truth that everything else is read from.

It owns those tables, and nobody else writes them. Facts come in by two doors to one writer: `record` joins a caller's
transaction, `ingest` returns when the facts are durable. What an event means to a task or a person is not known here.
"""

from skillcore.ledger import checks, gauges, intake, maintenance
from skillcore.ledger.intake import ingest
from skillcore.ledger.recording import Recorded, SignalContext, emit_skill_signals, record
from skillcore.ledger.routes import ROUTES
from skillcore.runtime.rooms import Room

__all__ = ["ROOM", "Recorded", "SignalContext", "emit_skill_signals", "ingest", "record"]

ROOM = Room(
    name="ledger",
    routes=ROUTES,
    checks=checks.CHECKS,
    rebuild=(maintenance.rebuild,),
    gauges=(gauges.refresh,),
    services={"api": (intake.open_intake,)},
)
