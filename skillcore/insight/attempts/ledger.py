"""The attempts in a service's own ledger, as answers to train on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skillcore.defaults.attempts.formula import attempted
from skillcore.defaults.counted import KINDS
from skillcore.insight.attempts.answers import Answer, Answers, gathered
from skillcore.ledger.streams import NEWEST, in_time_order
from skillcore.plugin import Event
from skillcore.runtime.engine import Engine

__all__ = ["answers_of_ledger", "as_answer"]

EVERYBODY = "select user_id from streams order by user_id"
PASSED = 0.5
"""An attempt in part counts as right from here on: training knows right and wrong only."""


async def answers_of_ledger(engine: Engine, report: Callable[[str], None] = lambda line: None) -> Answers:
    """Return everybody's attempts that count, withdrawn evidence left out; people appear as numbers only."""
    rows: list[Answer] = []
    async with engine.transaction() as tx:
        connection: Any = await tx.psycopg()
        people = [row[0] for row in await (await connection.execute(EVERYBODY)).fetchall()]
        for number, person in enumerate(people):
            async for stored in in_time_order(connection, engine.plugins, person, KINDS, head=NEWEST):
                answer = as_answer(stored.event, str(number), str(len(rows)))
                if answer is not None:
                    rows.append(answer)
    report(f"{len(rows)} attempts of {len(people)} people read")
    return gathered(rows)


def as_answer(event: Event, learner: str, nameless: str) -> Answer | None:
    """Return the attempt of an event as an answer; None if none counts.

    Args:
        event: of one of the formula's kinds.
        learner: whose it is.
        nameless: what to call an item that has no name: nothing else bears it.
    """
    attempt = attempted(event)
    if attempt is None:
        return None
    item = attempt.item or f"nameless {nameless}"
    return Answer(learner, item, attempt.skills, event.occurred_at.timestamp(), float(attempt.outcome >= PASSED))
