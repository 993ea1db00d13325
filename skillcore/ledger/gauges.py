"""What scrapes say of the feed: how far subscriptions are behind, and what was given up."""

from __future__ import annotations

from skillcore.ledger import feed
from skillcore.runtime import metrics
from skillcore.runtime.engine import Transaction

__all__ = ["refresh"]

LAG = metrics.gauge("skillcore_feed_lag_commits", "Commits that a subscription has yet to look at.", ("subscription",))
PARKED = metrics.gauge(
    "skillcore_parked_events", "Events that a subscription or a rule failed on and that wait for an operator.", ("consumer",)
)

COUNT = "select consumer, count(*) from parked_events where parked group by consumer"


async def refresh(tx: Transaction) -> None:
    """Read them."""
    LAG.clear()
    PARKED.clear()
    for subscription, commits in (await feed.lag(tx)).items():
        LAG.labels(subscription).set(commits)
    for consumer, number in await (await (await tx.psycopg()).execute(COUNT)).fetchall():
        PARKED.labels(consumer).set(number)
