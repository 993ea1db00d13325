"""What is sealed opens where it was sealed and nowhere else; keys are made once, found by all, and never by chance."""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, text

from skillcore.accounts.tables import UserRow
from skillcore.runtime.database import nature
from skillcore.runtime.engine import Engine
from skillcore.runtime.keyring import KeyFileDamaged, Keyring, make_key, read_key
from skillcore.runtime.sealing import DIRECTORY, KeysMissing, Sealer, Unsealable, key_of, keys_directory
from skillcore.runtime.settings import Settings
from skillcore.verification.tables import LinkAttemptRow

ROW, OTHER_ROW = UUID(int=1), UUID(int=2)
ADA, EVE = UUID(int=3), UUID(int=4)
CODE = LinkAttemptRow.code
SECRET = b"a code that nobody may see"
TWO_KEYS = Table(
    "pairs",
    MetaData(),
    Column("a", Text, primary_key=True),
    Column("b", Text, primary_key=True),
    Column("body", LargeBinary, info={"sealed": True}),
    **nature("record", person=None, erase="keep"),
)


@pytest.fixture(scope="module")
def sealer(tmp_path_factory: pytest.TempPathFactory) -> Sealer:
    directory = tmp_path_factory.mktemp("keys")
    make_key(directory, int(time.time()) - 10)
    return Sealer(Keyring(directory))


# --- round trips


@given(plain=st.binary(max_size=300), row=st.uuids(), person=st.one_of(st.uuids(), st.none()))
def test_what_was_sealed_opens_in_its_place(sealer: Sealer, plain: bytes, row: UUID, person: UUID | None) -> None:
    sealed = sealer.seal(CODE, row, person, plain)
    assert sealer.open(CODE, row, person, sealed) == plain
    assert sealer.open(CODE, str(row), str(person or ""), sealed) == plain
    assert len(sealed) == len(plain) + 37
    assert sealer.seal(CODE, row, person, plain) != sealed


def test_the_form_is_as_it_is_said_to_be(sealer: Sealer) -> None:
    """Opened by hand: from the key's file, and from nothing but the description."""
    (file,) = sealer.keyring.directory.iterdir()
    sealed = sealer.seal(CODE, ROW, ADA, SECRET)
    version, key_id, nonce, body = sealed[:1], sealed[1:9], sealed[9:21], sealed[21:]
    assert (version, f"{key_id.hex()}.key") == (b"\x01", file.name)
    row, person = str(ROW).encode(), str(ADA).encode()
    parts = (b"link_attempts", b"code", len(row).to_bytes(4, "big") + row, person)
    bound = version + key_id + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert AESGCM(bytes.fromhex(file.read_text())).decrypt(nonce, body, bound) == SECRET
    by_hand = version + key_id + bytes(12) + AESGCM(bytes.fromhex(file.read_text())).encrypt(bytes(12), b"by hand", bound)
    assert sealer.open(CODE, ROW, ADA, by_hand) == b"by hand"


def test_keys_of_several_columns_do_not_run_together(sealer: Sealer) -> None:
    column = TWO_KEYS.columns.body
    sealed = sealer.seal(column, ("ab", "c"), None, SECRET)
    assert sealer.open(column, ("ab", "c"), "", sealed) == SECRET
    for other in (("a", "bc"), ("abc", ""), ("abc",), ("c", "ab")):
        with pytest.raises(Unsealable):
            sealer.open(column, other, None, sealed)


# --- what must not open


@pytest.mark.parametrize(
    ("column", "row", "person"),
    [
        (CODE, OTHER_ROW, ADA),
        (LinkAttemptRow.verifier, ROW, ADA),
        (CODE, ROW, EVE),
        (CODE, ROW, None),
        (TWO_KEYS.columns.body, ROW, None),
    ],
)
def test_what_was_moved_does_not_open(sealer: Sealer, column: Any, row: UUID, person: UUID | None) -> None:
    sealed = sealer.seal(CODE, ROW, ADA, SECRET)
    with pytest.raises(Unsealable):
        sealer.open(column, row, person, sealed)


def test_the_same_place_in_another_table_is_another_one(sealer: Sealer) -> None:
    twin = Table(
        "others",
        MetaData(),
        Column("id", Text, primary_key=True),
        Column("user_id", Text),
        Column("code", LargeBinary, info={"sealed": True}),
        **nature("record", person="user_id", erase="keep"),
    )
    sealed = sealer.seal(CODE, ROW, ADA, SECRET)
    with pytest.raises(Unsealable):
        sealer.open(twin.columns.code, ROW, ADA, sealed)


@given(where=st.integers(min_value=0), bit=st.integers(0, 7))
def test_no_bit_may_change(sealer: Sealer, where: int, bit: int) -> None:
    sealed = bytearray(sealer.seal(CODE, ROW, ADA, SECRET))
    sealed[where % len(sealed)] ^= 1 << bit
    with pytest.raises(Unsealable):
        sealer.open(CODE, ROW, ADA, bytes(sealed))


@given(cut=st.integers(0, 62), more=st.binary(max_size=20))
def test_no_byte_may_be_missing_or_added(sealer: Sealer, cut: int, more: bytes) -> None:
    sealed = sealer.seal(CODE, ROW, ADA, SECRET)
    changed = sealed[:cut] + more
    for wrong in (changed, more + sealed[cut + 1 :], sealed + (more or b"x")):
        with pytest.raises(Unsealable):
            sealer.open(CODE, ROW, ADA, wrong)


def test_another_s_key_does_not_open(sealer: Sealer, tmp_path: Path) -> None:
    make_key(tmp_path, 1)
    foreign = Sealer(Keyring(tmp_path)).seal(CODE, ROW, ADA, SECRET)
    with pytest.raises(Unsealable):
        sealer.open(CODE, ROW, ADA, foreign)
    renamed = foreign[:1] + sealer.keyring.keys[0].id + foreign[9:]
    with pytest.raises(Unsealable):
        sealer.open(CODE, ROW, ADA, renamed)


def test_what_goes_wrong_is_told_without_what_is_secret(sealer: Sealer) -> None:
    sealed = sealer.seal(CODE, ROW, ADA, SECRET)
    key = sealer.keyring.directory.joinpath(f"{sealer.keyring.keys[0].name}.key").read_text().strip()
    said = []
    for wrong in (sealed[:-1], b"", sealed[:1] + b"12345678" + sealed[9:]):
        with pytest.raises(Unsealable) as caught:
            sealer.open(CODE, ROW, ADA, wrong)
        said.append("".join(traceback.format_exception(caught.value)))
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert str(caught.value).startswith("link_attempts.code: ")
    shown = "".join(said) + repr(sealer) + repr(sealer.keyring) + repr(sealer.keyring.keys)
    for secret in (SECRET.decode(), key, bytes.fromhex(key).decode("latin-1"), str(ADA), str(ROW), sealed.hex()):
        assert secret not in shown
    assert sealer.keyring.keys[0].name in shown


def test_a_column_that_rotation_would_not_find_takes_no_secret(sealer: Sealer) -> None:
    with pytest.raises(ValueError, match="rotation would not find it"):
        sealer.seal(UserRow.email, ADA, ADA, SECRET)
    with pytest.raises(ValueError, match="names a person"):
        sealer.seal(TWO_KEYS.columns.body, ("a", "b"), ADA, SECRET)


# --- keys


def test_keys_are_their_owner_s_alone_and_hold_32_bytes(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    key = make_key(directory, 1_800_000_000)
    (file,) = directory.iterdir()
    assert (directory.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert len(bytes.fromhex(file.read_text())) == 32
    assert (key.seals_from, file.name) == (1_800_000_000, f"{key.name}.key")


def test_the_newest_key_whose_time_has_come_seals(tmp_path: Path) -> None:
    moment = int(time.time())
    old, new, coming = (make_key(tmp_path, moment + seconds) for seconds in (-100, -10, 100))
    keyring = Keyring(tmp_path)
    assert [key.id for key in keyring.keys] == [old.id, new.id, coming.id]
    assert keyring.sealing().id == new.id
    assert None not in [keyring.get(key.id) for key in (old, new, coming)]


def test_a_clock_that_was_wrong_once_does_not_leave_an_installation_without_a_key(tmp_path: Path) -> None:
    first = make_key(tmp_path, int(time.time()) + 10_000_000)
    assert Keyring(tmp_path).sealing().id == first.id


def test_a_key_that_came_later_opens_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_key(tmp_path, 1)
    early, late = Sealer(Keyring(tmp_path)), Sealer(Keyring(tmp_path))
    new = make_key(tmp_path, int(time.time()) - 1)
    passes(monkeypatch, 5)
    sealed = late.seal(CODE, ROW, ADA, SECRET)
    assert key_of(sealed) == new.id
    assert early.open(CODE, ROW, ADA, sealed) == SECRET


def test_a_key_that_went_opens_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = make_key(tmp_path, 1)
    sealer = Sealer(Keyring(tmp_path))
    sealed = sealer.seal(CODE, ROW, ADA, SECRET)
    make_key(tmp_path, 2)
    (tmp_path / f"{old.name}.key").unlink()
    passes(monkeypatch, 5)
    sealer.seal(CODE, ROW, ADA, SECRET)
    with pytest.raises(Unsealable):
        sealer.open(CODE, ROW, ADA, sealed)


@pytest.mark.parametrize("content", ["", "00" * 32, "zz", "00" * 31, "é" * 32])
def test_a_file_that_was_damaged_is_no_key(tmp_path: Path, content: str) -> None:
    key = make_key(tmp_path, 1)
    file = tmp_path / f"{key.name}.key"
    file.write_text(content)
    with pytest.raises(KeyFileDamaged, match="restore it from a backup"):
        read_key(file)
    with pytest.raises(KeyFileDamaged):
        Keyring(tmp_path)


def test_nothing_is_sealed_without_keys(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no keys"):
        Sealer(Keyring(tmp_path / "nowhere")).seal(CODE, ROW, ADA, SECRET)


def passes(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let some time pass for whoever looks at the clock that only goes forward."""
    real = time.monotonic
    monkeypatch.setattr("skillcore.runtime.keyring.time.monotonic", lambda: real() + seconds)


# --- the first start


async def test_the_first_start_makes_a_key_and_later_ones_find_it(engine: Engine) -> None:
    async with Sealer.opened(engine) as first:
        sealed = first.seal(CODE, ROW, ADA, SECRET)
        assert engine.service(Sealer) is first
    async with Sealer.opened(engine) as second:
        assert second.open(CODE, ROW, ADA, sealed) == SECRET
    assert len(list((Path(engine.settings.data_dir) / DIRECTORY).glob("*.key"))) == 1


MAKE = """
import asyncio
import sys
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.settings import SealingSettings, Settings

async def main():
    settings = Settings(sealing=SealingSettings(keys_dir=sys.argv[2]))
    engine = Engine(settings, Plugins.load(allow=("defaults",)), Database(sys.argv[1], settings.database))
    print("ready", flush=True)
    sys.stdin.readline()
    async with Sealer.opened(engine) as sealer:
        print(sealer.keyring.sealing().name)
    await engine.database.close()

asyncio.run(main())
"""


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path, database_dsns: Any) -> None:
    command = [sys.executable, "-c", MAKE, database_dsns.service_dsn, str(tmp_path / "keys")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    names = {process.communicate("go\n")[0].strip() for process in processes}
    (file,) = (tmp_path / "keys").iterdir()
    assert names == {file.stem}
    assert [process.returncode for process in processes] == [0, 0, 0]


@pytest.fixture
def on_another_machine(engine: Engine, tmp_path: Path) -> Callable[..., Engine]:
    def machine(**more: Any) -> Engine:
        settings = msgspec.structs.replace(engine.settings, data_dir=str(tmp_path / "another machine"), **more)
        return Engine(settings, engine.plugins, engine.database)

    return machine


async def test_a_machine_without_the_keys_does_not_start(engine: Engine, on_another_machine: Callable[..., Engine]) -> None:
    async with Sealer.opened(engine) as sealer:
        name = sealer.keyring.sealing().name
    other = on_another_machine()
    with pytest.raises(KeysMissing, match=name) as caught:
        async with Sealer.opened(other):
            pass
    assert "sealing.keys_dir" in str(caught.value)
    assert not keys_directory(other.settings).exists()


async def test_machines_that_share_the_directory_open_each_other_s(
    engine: Engine, on_another_machine: Callable[..., Engine]
) -> None:
    async with Sealer.opened(engine) as sealer:
        sealed = sealer.seal(CODE, ROW, ADA, SECRET)
    shared = msgspec.structs.replace(engine.settings.sealing, keys_dir=str(keys_directory(engine.settings)))
    async with Sealer.opened(on_another_machine(sealing=shared)) as sealer:
        assert sealer.open(CODE, ROW, ADA, sealed) == SECRET


async def test_a_restored_directory_is_made_known_to_a_new_database(engine: Engine) -> None:
    make_key(keys_directory(engine.settings), int(time.time()) - 5)
    async with Sealer.opened(engine) as sealer, engine.transaction() as tx:
        known = (await tx.session.execute(text("select id from sealing_keys"))).scalars().all()
        assert known == [sealer.keyring.sealing().id]


async def test_a_database_that_is_away_is_asked_later(settings: Settings, engine: Engine) -> None:
    make_key(keys_directory(settings), int(time.time()) - 5)
    await engine.database.close()
    nowhere = type(engine.database)("host=127.0.0.1 port=9 dbname=x", settings.database)
    away = Engine(settings, engine.plugins, nowhere)
    async with Sealer.opened(away) as sealer:
        assert sealer.open(CODE, ROW, ADA, sealer.seal(CODE, ROW, ADA, SECRET)) == SECRET
    await nowhere.close()
