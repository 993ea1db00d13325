"""The ledger: events, signals, scores, the feed and the catalogue of skills. The truth that everything else is read from.

It owns those tables, and nobody else writes them. Facts come in by two doors to one writer: `record` joins a caller's
transaction, `ingest` returns when the facts are durable. What an event means to a task or a person is not known here.
"""

from skillcore.ledger.intake import ingest
from skillcore.ledger.recording import Recorded, SignalContext, emit_skill_signals, record

__all__ = ["Recorded", "SignalContext", "emit_skill_signals", "ingest", "record"]
