"""What scrapes say of the outbox."""

from __future__ import annotations

from skillcore.runtime import metrics
from skillcore.runtime.engine import Transaction

__all__ = ["refresh"]

MAILS = metrics.gauge("skillcore_mails", "Mails in the outbox: waiting, refused by the server, or given up.", ("state",))
STATES = ("waiting", "refused", "given_up")
COUNT = "select state, count(*) from mails group by state"


async def refresh(tx: Transaction) -> None:
    """Read them."""
    counted = dict(await (await (await tx.psycopg()).execute(COUNT)).fetchall())
    for state in STATES:
        MAILS.labels(state).set(counted.get(state, 0))
