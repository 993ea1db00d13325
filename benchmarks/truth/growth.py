"""Growth: how much longer it takes to read what a dashboard shows with 100,000 events of history than with 1,000.

Both people have lived the same number of days, so the long history is a hundred times as dense, also within the days that are
charted. Everything is read once before the clock starts, as it is on any day after the first. The two take turns.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from uuid import UUID

import uvloop

from benchmarks.facts import Author, populate
from benchmarks.ground import Ground, ground
from benchmarks.truth.reports import Check, Report
from skillcore.accounts.access import Actor
from skillcore.insight import charts, dashboard, forecasts, levels, readings
from skillcore.ledger import ingest, scores
from skillcore.runtime.engine import Engine, Transaction

__all__ = ["READS", "measured", "run"]

SHORT, LONG = 1_000, 100_000
ROUNDS = 9
MOST = 1.3

Read = Callable[[Transaction, Actor, str], Awaitable[object]]


async def _series(tx: Transaction, actor: Actor, skill: str) -> object:
    return await readings.series(
        tx, actor, "mastery", user="me", skill=skill, subject=None, bucket="day", since=None, until=None
    )


DASHBOARD = "the dashboard"
READS: Mapping[str, Read] = {
    DASHBOARD: lambda tx, actor, skill: dashboard.read(tx, actor, user="me"),
    "level": lambda tx, actor, skill: levels.read(tx, actor, "me", skill=None),
    "mastery of all skills": lambda tx, actor, skill: charts.radar(tx, actor, formula="mastery", user="me", as_of=None),
    "mastery over 30 days": _series,
    "activity over 13 weeks": lambda tx, actor, skill: charts.activity(tx, actor, user="me", weeks=13),
    "completion": lambda tx, actor, skill: forecasts.completed(
        tx, actor, user="me", measure="works", remaining=20.0, skill=None, level=0.8, as_of=None
    ),
    "level in 30 days": lambda tx, actor, skill: forecasts.score_ahead(
        tx, actor, formula="level", user="me", skill=None, subject=None, days=30, level=0.8, as_of=None
    ),
    "next attempt": lambda tx, actor, skill: forecasts.attempt(
        tx, actor, user="me", skill=skill, item="", difficulty=None, as_of=None
    ),
    "areas": lambda tx, actor, skill: forecasts.judged(tx, actor, user="me", as_of=None),
}
"""What is read. The bar is that of the dashboard; the others open where it leads to, and are told for comparison."""


def run(seed: int, *, short: int = SHORT, long: int = LONG, rounds: int = ROUNDS) -> Report:
    """Measure each read, and all of them together as one dashboard."""
    with ground() as found:
        return uvloop.run(measured(found, seed, short, long, rounds))


async def measured(ground: Ground, seed: int, short: int, long: int, rounds: int) -> Report:
    """Measure each read for two people who have so many events, on a database of its own."""
    async with ground.place("growth").engine() as engine:
        people = await populate(engine, 2)
        author = Author(seed)
        for person, count in zip(people, (short, long), strict=True):
            for start in range(0, count, 1000):
                await ingest(engine, author.events(min(1000, count - start), [person]))
        async with engine.transaction() as tx:
            skill = max(await scores.read_all(tx, people[0], "mastery"))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in READS}
        for turn in range(rounds + 2):
            for name, read in READS.items():
                order = people if turn % 2 else people[::-1]
                took = {person: await _timed(engine, person, read, skill) for person in order}
                if turn > 1:
                    times[name].append((took[people[0]], took[people[1]]))
    checks = [_check(name, times[name], bar=MOST if name == DASHBOARD else None) for name in READS]
    return Report(
        name="growth",
        seed=seed,
        measured=f"time with {long:,} events of history as a share of that with {short:,}: the median of {rounds} rounds",
        checks=tuple(checks),
        met=all(check.met for check in checks),
    )


async def _timed(engine: Engine, person: UUID, read: Read, skill: str) -> float:
    start = time.perf_counter()
    async with engine.transaction() as tx:
        await read(tx, Actor(kind="user", user_id=person), skill)
    return time.perf_counter() - start


def _check(name: str, times: list[tuple[float, ...]] | list[tuple[float, float]], bar: float | None = None) -> Check:
    ratios = sorted(long / short for short, long in times)
    found = median(ratios)
    shown = f"{name} ({1000 * median(one for one, _ in times):.0f} and {1000 * median(one for _, one in times):.0f} ms)"
    error = (ratios[-1] - ratios[0]) / 2
    return Check(name=shown, share=found, of=len(ratios), error=error, bar=bar, at_most=True, met=bar is None or found <= bar)
