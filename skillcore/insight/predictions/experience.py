"""The forecasts of everybody's past, from a service's own ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.insight.predictions.facts import Measure, done_by_day, today_of
from skillcore.insight.predictions.hindsight import Look, looks
from skillcore.runtime.engine import Engine

__all__ = ["MEASURES", "looked_back"]

MEASURES: tuple[Measure, ...] = get_args(Measure)
OFTEN = 50
"""After so many people it is told how far it is."""


async def looked_back(
    engine: Engine, actor: Actor, most: int, report: Callable[[str], None] = lambda line: None
) -> Mapping[Measure, list[Look]]:
    """Return forecasts of the past and what came of them, by what is counted; nothing in them tells whose they were.

    Args:
        engine: an open engine.
        actor: with whose eyes; it is one who sees everybody.
        most: people at most: a sample of all, the same each time.
        report: told how far it is.
    """
    async with engine.transaction() as tx:
        chosen = await people.sample(tx, most)
    found: Mapping[Measure, list[Look]] = {measure: [] for measure in MEASURES}
    for number, person in enumerate(chosen):
        today = today_of(person, None)
        async with engine.transaction() as tx:  # whoever was erased meanwhile has no history
            histories = [await done_by_day(tx, actor, person, measure, skill=None, today=today) for measure in MEASURES]
        for place, (measure, history) in enumerate(zip(MEASURES, histories, strict=True)):
            found[measure].extend(looks(history, today, number * len(MEASURES) + place))
        if (number + 1) % OFTEN == 0 or number + 1 == len(chosen):
            report(f"{number + 1} of {len(chosen)} people, {sum(map(len, found.values()))} forecasts")
    return found
