"""``skillcore models train --ledger``: what a model names of the service's own people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from skillcore.defaults.attempts.model import read_model
from skillcore.defaults.kinds import EvidenceAccepted
from skillcore.ledger import record
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.cli.conftest import Done
from tests.ledger.facts import NOON
from tests.world import World

EVERYBODY_S, ALONE = ("1/A", "1/B"), 18


async def test_what_fewer_than_five_people_tried_is_not_named_unless_that_is_asked_for(
    engine: Engine, on_database: Callable[..., Awaitable[Done]], tmp_path: Path
) -> None:
    world = World(engine)
    for number in range(5):
        person = (await world.person()).user_id
        works = [*EVERYBODY_S, *(f"{number}/{own}" for own in range(ALONE))]
        async with engine.transaction() as tx:
            await record(
                tx,
                [
                    NewEvent(
                        user_id=person,
                        kind="evidence.accepted",
                        data=EvidenceAccepted(source="gym", account=f"gym:{number}", work=work, strength="judged"),
                        subject_id=f"gym:{number}:{work}",
                        occurred_at=NOON + timedelta(minutes=place),
                        via="engine",
                    )
                    for place, work in enumerate(works)
                ],
            )
    out = tmp_path / "model.json"
    done = await on_database("models", "train", "--ledger", "--out", str(out))
    assert done.code == 0, done.err
    assert set(read_model(out).items) == {f"gym:{work}" for work in EVERYBODY_S}
    assert "names 2 of 92 items and 0 of 0 skills: those that 5 learners tried at least" in done.out
    assert (await on_database("models", "train", "--ledger", "--out", str(out), "--least-learners", "1")).code == 0
    assert len(read_model(out).items) == 2 + 5 * ALONE
