"""``skillcore secrets``: keys are listed, changed and removed, and the database says which ones there must be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from skillcore.app import tables
from tests.conftest import Dsns

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillcore.runtime.rotation.AHEAD", 0.0)
    monkeypatch.setattr("skillcore.runtime.rotation.REREAD", 0.0)


async def test_a_key_is_listed_changed_and_removed(
    on_database: Run, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = (await on_database("secrets", "list", "--json")).json["keys"]
    assert (first["here"], first["values"], first["removable_from"]) == (True, 0, None)
    done = await on_database("secrets", "rotate")
    assert (done.code, "0 values anew" in done.out) == (0, True)
    listed = (await on_database("secrets", "list")).out.splitlines()
    assert listed[0].split()[0] == first["name"]
    assert "can go from" in listed[0]
    assert "can go" not in listed[1]
    kept = await on_database("secrets", "prune")
    assert (kept.code, "no key can go yet" in kept.out) == (0, True)
    monkeypatch.setenv("SKILLCORE__SEALING__KEY_GRACE", "0")
    gone = await on_database("secrets", "prune")
    assert (gone.code, gone.out) == (0, f"removed key {first['name']}: nothing is sealed with it any more\n")
    assert [state["name"] for state in (await on_database("secrets", "list", "--json")).json["keys"]] == [listed[1].split()[0]]
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        (noted,) = owner.execute("select actor_kind, detail->>'key' from audit where act = 'secrets.rotated'").fetchall()
    assert noted == ("command", listed[1].split()[0])


async def test_without_the_keys_nothing_is_done(on_database: Run, tmp_path: Path) -> None:
    (only,) = (await on_database("secrets", "list", "--json")).json["keys"]
    shutil.rmtree(tmp_path / "data of mine" / "sealing-keys")
    for what in ("list", "rotate", "prune"):
        done = await on_database("secrets", what)
        assert (done.code, only["name"] in done.err, done.out) == (2, True, "")


def test_a_process_of_the_command_alone_knows_everything_sealed() -> None:
    """All tables are loaded in this process, whoever needs them: what a command itself loads shows in one of its own."""
    look = "from skillcore.cli import secrets; from skillcore.runtime.database import Base; print(*Base.metadata.tables)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    known = set(done.stdout.split())
    assert known >= {"mails", "one_time_tokens", "second_factors", "sign_ins"}
    assert known >= {"link_attempts", "source_tokens", "token_revocations"}  # with whose keys people's accounts are read
    assert known == {table.name for table in tables()}
