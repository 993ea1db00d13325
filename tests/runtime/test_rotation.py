"""A new key takes an old one's place while others write and read; nothing is lost, and nothing goes too early."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select, update

from skillcore.accounts.tables import UserRow
from skillcore.app import tables
from skillcore.runtime import rotation
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine
from skillcore.runtime.keyring import make_key
from skillcore.runtime.rotation import TooEarly, prune, rotate, sealed_columns, states
from skillcore.runtime.sealing import Sealer, SealingKeyRow, Unsealable, key_of, keys_directory
from skillcore.runtime.settings import Settings
from skillcore.verification.tables import LinkAttemptRow
from tests.conftest import Dsns

COLUMNS = (LinkAttemptRow.code, LinkAttemptRow.verifier)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, sealing=msgspec.structs.replace(settings.sealing, key_grace=0.0))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes look for keys at once, so that a new one need not begin later; one test does without."""
    monkeypatch.setattr("skillcore.runtime.keyring.REREAD", 0.0)
    monkeypatch.setattr(rotation, "REREAD", 0.0)
    monkeypatch.setattr(rotation, "AHEAD", 0.0)


@pytest.fixture
async def sealer(engine: Engine) -> AsyncIterator[Sealer]:
    make_key(keys_directory(engine.settings), int(time.time()) - 100)
    async with Sealer.opened(engine) as opened:
        yield opened


async def person(engine: Engine) -> UUID:
    number = new_id()
    async with engine.transaction() as tx:
        tx.session.add(UserRow(id=number))
    return number


def attempt(sealer: Sealer, user_id: UUID, source: str) -> LinkAttemptRow:
    number = new_id()
    return LinkAttemptRow(
        id=number,
        user_id=user_id,
        source=source,
        method="oauth",
        issued_at=now(),
        expires_at=now(),
        state="open",
        code=sealer.seal(LinkAttemptRow.code, number, user_id, f"code of {source}".encode()),
        verifier=sealer.seal(LinkAttemptRow.verifier, number, user_id, f"verifier of {source}".encode()),
    )


async def fill(engine: Engine, sealer: Sealer, many: int) -> UUID:
    ada = await person(engine)
    async with engine.transaction() as tx:
        tx.session.add_all(attempt(sealer, ada, f"s{number}") for number in range(many))
    return ada


async def kept(engine: Engine, sealer: Sealer) -> tuple[dict[str, list[str]], set[bytes]]:
    """Return everything sealed, opened, by source; and the keys in use."""
    found, keys = {}, set()
    async with engine.transaction() as tx:
        for row in await tx.session.scalars(select(LinkAttemptRow)):
            values = [(column, getattr(row, column.key)) for column in COLUMNS]
            found[row.source] = [sealer.open(column, row.id, row.user_id, value).decode() for column, value in values]
            keys |= {key_of(value) for _, value in values}
    return found, keys


async def test_everything_is_sealed_anew_and_opens_as_before(engine: Engine, sealer: Sealer) -> None:
    await fill(engine, sealer, 25)
    before, (old,) = await kept(engine, sealer)
    told: list[str] = []
    done = await rotate(engine, tables(), told.append, batch=10)
    after, (new,) = await kept(engine, sealer)
    assert (after, done.sealed, done.broken, done.key) == (before, 50, {}, new.hex())
    assert done.removed == (old.hex(),)
    assert [line for line in told if line.startswith("link_attempts")] == [
        f"link_attempts: {count} sealed anew" for count in (20, 40, 50)
    ]
    assert [file.stem for file in sealer.keyring.directory.glob("*.key")] == [new.hex()]
    async with engine.transaction() as tx:  # so that a machine without the new key's file does not start
        assert (await tx.session.scalars(select(SealingKeyRow.id))).all() == [new]


async def test_it_finds_every_column_that_declares_itself() -> None:
    assert [column.name for column in sealed_columns(tables())[LinkAttemptRow.__table__]] == ["nonce", "verifier", "code"]  # type: ignore[index]


async def test_rows_that_others_hold_are_waited_for(engine: Engine, sealer: Sealer) -> None:
    await fill(engine, sealer, 3)
    async with engine.transaction() as holding:
        await holding.session.scalars(select(LinkAttemptRow).where(LinkAttemptRow.source == "s1").with_for_update())
        passed = asyncio.Event()
        rotating = asyncio.create_task(rotate(engine, tables(), lambda line: passed.set() if "sealed anew" in line else None))
        await passed.wait()
        async with engine.transaction() as tx:
            held = (await tx.session.scalars(select(LinkAttemptRow.code).where(LinkAttemptRow.source == "s1"))).one()
        assert key_of(held or b"") != sealer.keyring.keys[-1].id
    assert (await rotating).sealed == 6
    assert len((await kept(engine, sealer))[1]) == 1


async def test_what_does_not_open_stays_and_keeps_its_key(engine: Engine, sealer: Sealer) -> None:
    await fill(engine, sealer, 3)
    async with engine.transaction() as tx:  # one row's code is put into another one
        code = (await tx.session.scalars(select(LinkAttemptRow.code).where(LinkAttemptRow.source == "s0"))).one()
        await tx.session.execute(update(LinkAttemptRow).where(LinkAttemptRow.source == "s1").values(code=code))
    done = await rotate(engine, tables(), lambda _: None)
    assert (done.sealed, done.broken, done.removed) == (5, {"link_attempts.code": 1}, ())
    assert [state.values for state in await states(engine, tables())] == [1, 5]
    with pytest.raises(Unsealable):
        await kept(engine, sealer)


async def test_one_that_was_interrupted_is_gone_on_with(engine: Engine, sealer: Sealer) -> None:
    await fill(engine, sealer, 30)

    def stop(line: str) -> None:
        if "10 sealed" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rotate(engine, tables(), stop, batch=5)
    found, keys = await kept(engine, sealer)
    assert (len(found), len(keys)) == (30, 2)
    told: list[str] = []
    done = await rotate(engine, tables(), told.append, batch=5)
    assert "interrupted" in told[0]
    assert (done.sealed, len((await kept(engine, sealer))[1])) == (50, 1)
    assert (await rotate(engine, tables(), told.append)).key != done.key  # that one is over


async def test_keys_stay_for_their_grace_and_while_anything_needs_them(engine: Engine, sealer: Sealer) -> None:
    await fill(engine, sealer, 1)
    directory = keys_directory(engine.settings)
    (old,) = sealer.keyring.keys
    new = make_key(directory, int(time.time()) - 50)
    assert await prune(engine, tables()) == ()  # something is sealed with it
    async with engine.transaction() as tx:
        await tx.session.execute(update(LinkAttemptRow).values(code=None, verifier=None))
    patient = msgspec.structs.replace(engine.settings, sealing=msgspec.structs.replace(engine.settings.sealing, key_grace=60.0))
    engine.settings = patient
    assert await prune(engine, tables()) == ()  # another one has sealed for 50 seconds only
    state, latest = await states(engine, tables())
    assert (state.name, state.values, state.here, latest.removable_from) == (old.name, 0, True, None)
    assert state.removable_from is not None
    assert timedelta(seconds=5) < state.removable_from - now() < timedelta(seconds=11)
    engine.settings = msgspec.structs.replace(patient, sealing=msgspec.structs.replace(patient.sealing, key_grace=40.0))
    assert await prune(engine, tables()) == (old.name,)
    assert [key.id for key in sealer.keyring.keys] == [new.id]
    elsewhere = Engine(engine.settings, engine.plugins, engine.database)
    async with Sealer.opened(elsewhere) as again:  # the database misses none
        assert [key.id for key in again.keyring.keys] == [new.id]


async def test_a_key_that_begins_much_later_is_not_followed_by_another(engine: Engine, sealer: Sealer) -> None:
    make_key(keys_directory(engine.settings), int(time.time()) + 1000)
    with pytest.raises(TooEarly, match="clock"):
        await rotate(engine, tables(), lambda _: None)


WRITE = """
import asyncio
import sys
from pathlib import Path
from uuid import UUID
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.settings import Settings
from tests.runtime.test_rotation import attempt

async def main(dsn, data_dir, person, stop, mark):
    settings = Settings(data_dir=data_dir)
    engine = Engine(settings, Plugins.load(allow=("defaults",)), Database(dsn, settings.database))
    written = 0
    async with Sealer.opened(engine) as sealer:
        while not Path(stop).exists():
            async with engine.transaction() as tx:
                row = attempt(sealer, UUID(person), f"{mark}{written}")
                await asyncio.sleep(0.02)  # sealed some time before it is committed
                tx.session.add(row)
            written += 1
            if written == 5:
                print("writing", flush=True)
    print(written)
    await engine.database.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_other_processes_write_on_and_nothing_is_lost(
    engine: Engine, sealer: Sealer, database_dsns: Dsns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the true times: others look for keys every two seconds, so the new one begins some seconds later."""
    monkeypatch.undo()
    ada = await fill(engine, sealer, 40)
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", WRITE, database_dsns.service_dsn, engine.settings.data_dir, str(ada), str(stop)]
    writers = [
        await asyncio.create_subprocess_exec(*command, mark, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        for mark in ("x", "y")
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert await writer.stdout.readline() == b"writing\n"
        done = await rotate(engine, tables(), lambda _: None, batch=7)
        written = await count(engine)
        while await count(engine) < written + 20:  # they go on afterwards, with the new key
            pass
        stop.touch()
        wrote = [int((await writer.communicate())[0]) for writer in writers]
    finally:
        for writer in writers:
            with suppress(ProcessLookupError):
                writer.kill()
    found, keys = await kept(engine, sealer)
    assert len(found) == 40 + sum(wrote)
    assert found == {source: [f"code of {source}", f"verifier of {source}"] for source in found}
    assert {key.hex() for key in keys} == {done.key}


async def count(engine: Engine) -> int:
    async with engine.transaction() as tx:
        return len((await tx.session.scalars(select(LinkAttemptRow.id))).all())
