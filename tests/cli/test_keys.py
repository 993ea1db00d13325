"""``skillcore keys rotate``: what it makes, says and notes."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from skillcore.accounts.signing_keys import FIRST, Keys
from tests.cli.conftest import Commands, Done
from tests.conftest import Dsns

Run = Callable[..., Awaitable[Done]]


@pytest.fixture
def keys_dir(tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "keys"
    directory.mkdir(mode=0o700)
    shutil.copy(key_file, directory / FIRST)
    monkeypatch.setenv("SKILLCORE__AUTH__KEYS_DIR", str(directory))
    return directory


def noted(dsns: Dsns) -> list[tuple[object, ...]]:
    with psycopg.connect(dsns.owner_dsn) as connection:
        query = "select actor_kind, detail->>'key', detail->>'dropped' from audit where act = 'keys.rotated' order by position"
        return connection.execute(query).fetchall()


async def test_it_makes_the_next_key_once(on_database: Run, keys_dir: Path, database_dsns: Dsns) -> None:
    first = await on_database("keys", "rotate")
    assert first.code == 0, first.err
    keys = Keys(keys_dir, timedelta(minutes=15))
    old, new = keys.verifying(datetime.now(UTC))
    assert keys.signing(datetime.now(UTC)) == old
    assert new.id in first.out
    assert f"{new.signs_from:%Y-%m-%d %H:%M:%S}" in first.out
    second = await on_database("keys", "rotate")
    assert (second.code, new.id in second.err) == (1, True)
    assert noted(database_dsns) == [("command", new.id, "false")]


async def test_it_drops_the_others(on_database: Run, keys_dir: Path, database_dsns: Dsns) -> None:
    done = await on_database("keys", "rotate", "--drop-old")
    assert done.code == 0, done.err
    (key,) = Keys(keys_dir, timedelta(minutes=15)).verifying(datetime.now(UTC))
    assert key.path.name != FIRST
    assert noted(database_dsns) == [("command", key.id, "true")]


async def test_a_key_that_is_none_is_named(on_database: Run, keys_dir: Path) -> None:
    (keys_dir / FIRST).write_text("no key")
    done = await on_database("keys", "rotate")
    assert done.code == 1
    assert done.err


def test_without_the_database_nothing_is_rotated(command: Commands, keys_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLCORE__DATABASE__URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("SKILLCORE__DATABASE__CONNECT_TIMEOUT", "2")
    assert command("keys", "rotate").code == 3
    assert [file.name for file in keys_dir.iterdir()] == [FIRST]
