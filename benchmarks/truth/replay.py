"""Replay: every number of generated learners is the same after a rebuild, in another process, and however events arrived.

The same events go into two databases: into one in the order in which they were made, in large batches, into the other
shuffled, in batches of drawn sizes, with readings between them that leave snapshots. Then every score of every subject, today
and as of former days, and every prediction is read: before and after ``skillcore rebuild``, and in a process of its own with
another hash seed. All of it has to be equal to the last bit.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
import uvloop

from benchmarks.facts import SKILLS, Author
from benchmarks.ground import Place, ground
from benchmarks.truth.reports import Report, share
from skillcore.accounts.access import Actor
from skillcore.accounts.tables import UserRow
from skillcore.defaults.kinds import SessionActivity
from skillcore.insight import forecasts
from skillcore.ledger import ingest, scores, skills
from skillcore.ledger.maintenance import rebuild
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.settings import Settings

__all__ = ["Numbers", "compared", "run"]

PEOPLE, EVENTS = 3, 120
DAYS_BACK = (0, 30, 200)

Numbers = dict[str, str]
"""What was read, by person, and by what it is."""


def run(seed: int, *, people: int = PEOPLE, events: int = EVENTS) -> Report:
    """Hold the numbers of replayed histories against those of the history as it was written."""
    with ground() as found:
        return uvloop.run(compared(seed, found.place("straight"), found.place("shuffled"), people, events))


async def compared(seed: int, straight: Place, shuffled: Place, people: int, events: int) -> Report:
    """Compare the numbers of two fresh databases into which the same events come, each in its own order."""
    drawn = random.Random(seed)
    ids = [new_id() for _ in range(people)]
    made = _events(seed, drawn, ids, events)
    at = now()
    async with straight.engine() as engine:
        await _opened(engine, ids)
        for start in range(0, len(made), 500):
            await ingest(engine, made[start : start + 500])
        written = await numbers(engine, ids, at)
        await rebuild(engine, lambda line: None)
        rebuilt = await numbers(engine, ids, at)
    elsewhere = await asyncio.to_thread(_elsewhere, straight, ids, at)
    async with shuffled.engine() as engine:
        await _opened(engine, ids)
        await _scattered(engine, drawn, made, ids, at)
        arrived = await numbers(engine, ids, at)
    checks = tuple(
        share(name, *_equal(written, other), bar=1.0)
        for name, other in (
            ("after a rebuild", rebuilt),
            ("in another process, with another hash seed", elsewhere),
            ("with events in another order, in other batches", arrived),
        )
    )
    return Report(
        name="replay",
        seed=seed,
        measured=f"numbers of {people} people with {events} events each that are equal to the last bit",
        checks=checks,
        met=all(check.met for check in checks),
    )


def _events(seed: int, drawn: random.Random, ids: Sequence[UUID], count: int) -> list[NewEvent]:
    """Return events of everybody; every fourth is a scored attempt."""
    author = Author(seed)
    made = []
    for person in ids:
        for number in range(count):
            event = author.event(person)
            if number % 4 == 0:
                data = SessionActivity(type="quiz", score=drawn.randrange(101), module="basics")
                event = msgspec.structs.replace(
                    event, kind="session.activity", data=data, skills=tuple(drawn.sample(SKILLS[:8], 2)), id=new_id()
                )
            made.append(event)
    return made


async def _opened(engine: Engine, ids: Sequence[UUID]) -> None:
    async with engine.transaction() as tx:
        missing = set(SKILLS) - await skills.known(tx, SKILLS)
        for name in sorted(missing):
            await skills.create(tx, skills.NewSkill(name=name))
        tx.session.add_all([UserRow(id=id_) for id_ in ids])


async def _scattered(engine: Engine, drawn: random.Random, made: Sequence[NewEvent], ids: Sequence[UUID], at: datetime) -> None:
    """Let events arrive in another order and in batches of drawn sizes, with readings between them."""
    left = list(made)
    drawn.shuffle(left)
    while left:
        size = drawn.choice((1, 2, 7, 40, 300))
        await ingest(engine, left[:size])
        left = left[size:]
        if drawn.random() < 0.05:
            await numbers(engine, ids[:1], at)


async def numbers(engine: Engine, ids: Sequence[UUID], at: datetime) -> Numbers:
    """Return every number of some people at a moment and at the ends of former days."""
    found: Numbers = {}
    for place, id_ in enumerate(ids):
        for back in DAYS_BACK:
            moment = at - timedelta(days=back)
            async with engine.transaction() as tx:
                for formula in sorted(engine.plugins.formulas):
                    values = await scores.read_all(tx, id_, formula, as_of=moment)
                    for subject, value in values.items():
                        found[f"{place} {back} {formula} {subject}"] = _written(value.score)
            day = moment.date() - timedelta(days=1)
            found |= {f"{place} {back} {name}": value for name, value in (await _predicted(engine, id_, day)).items()}
    return found


async def _predicted(engine: Engine, id_: UUID, day: Any) -> Numbers:
    actor = Actor(kind="user", user_id=id_)
    async with engine.transaction() as tx:
        answers = {
            "completion": await forecasts.completed(
                tx, actor, user="me", measure="works", remaining=20, skill=None, level=0.8, as_of=day
            ),
            "score": await forecasts.score_ahead(
                tx, actor, formula="level", user="me", skill=None, subject=None, days=30, level=0.8, as_of=day
            ),
            "mastery": await forecasts.mastered(tx, actor, user="me", skill=SKILLS[0], target=80.0, level=0.8, as_of=day),
            "attempt": await forecasts.attempt(tx, actor, user="me", skill=SKILLS[0], item="", difficulty=None, as_of=day),
            "areas": await forecasts.judged(tx, actor, user="me", as_of=day),
        }
    return {name: _written(answer) for name, answer in answers.items()}


def _equal(one: Numbers, other: Numbers) -> tuple[int, int]:
    """Return how many numbers are equal, and of how many."""
    names = one.keys() | other.keys()
    return sum(name in one and name in other and one[name] == other[name] for name in names), len(names)


def _elsewhere(place: Place, ids: Sequence[UUID], at: datetime) -> Numbers:
    """Return the numbers as another process reads them."""
    asked = msgspec.json.encode([place.owner, place.service, place.settings.data_dir, ids, at]).decode()
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    with TemporaryDirectory() as directory:
        told = Path(directory) / "numbers.json"
        subprocess.run(
            [sys.executable, "-m", "benchmarks.truth.replay", asked, str(told)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return msgspec.json.decode(told.read_bytes(), type=Numbers)


def _written(answer: object) -> str:
    """Return an answer as text, sets in order."""
    return msgspec.json.encode(answer, order="sorted").decode()


async def _read(owner: str, service: str, directory: str, ids: Sequence[UUID], at: datetime) -> Numbers:
    async with Place(owner, service, Settings(data_dir=directory)).engine() as engine:
        return await numbers(engine, ids, at)


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.argv[1], type=tuple[str, str, str, list[UUID], datetime])
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(uvloop.run(_read(*asked))))
