"""An import survives the death of its worker at any moment, and its memory does not grow with the history."""

from __future__ import annotations

import asyncio
import gc
import random
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, overload

import pytest
from sqlalchemy import select

from skillcore.ledger import checks
from skillcore.ledger.tables import EventRow, SignalRow
from skillcore.runtime.settings import Settings
from skillcore.verification.imports import Import
from tests.conftest import Dsns
from tests.verification.archive import Archive, Work, made
from tests.verification.importers import Member, joined, patient, shelved, world_of
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
WORKS = 203
PATIENCE = 60.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return patient(settings)


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings) -> AsyncIterator[World]:
    with shelved(WORKS):
        async with world_of(database_dsns, settings, Archive()) as world:
            yield world


@contextmanager
def worker(dsns: Dsns, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker, and kill it at the end."""
    command = [sys.executable, "-m", "tests.verification.importing_worker", dsns.service_dsn, str(WORKS)]
    with said.open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
        assert process.poll() is None, said.read_text()
    finally:
        process.kill()
        process.wait()


async def until(member: Member, pages: int, said: Path) -> Import:
    """Wait until so many pages are kept, or the import has ended."""
    async with asyncio.timeout(PATIENCE):
        while True:
            state = await member.state()
            if state.pages >= pages or state.state in {"done", "failed"}:
                return state
            await asyncio.sleep(0.05)


async def ledger(member: Member) -> dict[str, Any]:
    """Return what a person's import recorded, but for who vouches."""
    async with member.world.engine.transaction() as tx:
        events = select(EventRow).where(EventRow.user_id == member.person.user_id, EventRow.kind == "evidence.accepted")
        signals = select(SignalRow).where(SignalRow.user_id == member.person.user_id)
        return {
            "events": [
                (row.version, row.id, row.subject_id, row.skills, row.occurred_at, {**row.data, "vouched_by": None})
                for row in await tx.session.scalars(events.order_by(EventRow.version))
            ],
            "signals": {(row.id, row.source_id, row.event_id, row.created_at) for row in await tx.session.scalars(signals)},
        }


def counts(state: Import) -> tuple[object, ...]:
    return (state.state, state.pages, state.seen, state.new, state.done, state.total, state.unmapped)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [20261121, pytest.param(None, marks=pytest.mark.soak)])
async def test_an_import_that_is_killed_three_times_is_as_one_that_was_not(
    world: World, database_dsns: Dsns, tmp_path: Path, seed: int | None
) -> None:
    undisturbed, disturbed = [await joined(world) for _ in range(2)]
    await undisturbed.run()
    async with world.engine.transaction() as tx:
        await (await tx.psycopg()).execute(
            "update procrastinate_jobs set status = 'succeeded' where args ->> 'account' = %s",
            (str(await undisturbed.account()),),
        )
    said = tmp_path / "said.log"
    kept = []
    for pages in sorted(random.Random(seed).sample(range(1, 20), 3)):
        with worker(database_dsns, said):
            kept.append((await until(disturbed, pages, said)).pages)
    assert all(0 < pages < 21 for pages in kept), kept
    with worker(database_dsns, said):
        done = await until(disturbed, 1000, said)
        assert counts(done) == counts(await undisturbed.state()), said.read_text()
        first = await ledger(disturbed)
        assert first == await ledger(undisturbed)
        assert [event[2] for event in first["events"]] == [f"archive:ada:w-{number}" for number in range(WORKS)]
        await disturbed.start()
        again = await until(disturbed, 1000, said)
        assert (again.state, again.pages, again.seen, again.new) == ("done", 1, 0, 0)
    assert await ledger(disturbed) == first
    assert [finding async for finding in checks.streams(world.engine)] == []


class Numbered(list[Work]):
    """So many works, each made when somebody looks at it."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def __len__(self) -> int:
        return self.count

    @overload
    def __getitem__(self, place: Any) -> Work: ...

    @overload
    def __getitem__(self, place: slice) -> list[Work]: ...

    def __getitem__(self, place: Any) -> Any:
        return [made(number) for number in range(*place.indices(self.count))]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("works", [12_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_memory_does_not_grow_with_the_history(database_dsns: Dsns, settings: Settings, works: int) -> None:
    held: list[int] = []
    peaks: list[int] = []

    def look(behind: int) -> None:
        shelves.forget()
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()

    with shelved(0) as shelves:
        shelves.works = Numbered(works)
        shelves.before = look
        async with world_of(database_dsns, settings, Archive(part=1000, leaf=1000)) as world:
            member = await joined(world)
            tracemalloc.start()
            try:
                await member.run()
            finally:
                tracemalloc.stop()
            assert counts(await member.state())[:4] == ("done", works // 1000, works, works)
    warm, last = held[3], held[-1]
    print(f"{works} works: {warm:,} bytes held after 3 pages, {last:,} at the end, {max(peaks[3:]):,} at most between")
    assert last - warm < 500_000
    assert max(peaks[3:]) < 40_000_000
