"""The commands on the ledger: they find what was tampered with, bring back what is derived, and repair signals."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest

from skillcore.app import ROOMS
from skillcore.ledger import record, scores
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.cli.conftest import Commands, Done, url_of
from tests.conftest import Dsns
from tests.ledger.facts import catalogue, evidence, joined, note, rows

OnDatabase = Callable[..., Awaitable[Done]]

UNRELIABLE = """
from skillcore.plugin import PluginInfo, SignalRule, SkillSignal, hookimpl

class Unreliable(SignalRule):
    name, version, kinds = "unreliable", 1, frozenset({"x.note"})
    works = False

    def derive(self, event):
        if not self.works:
            raise ValueError("not today")
        return [SkillSignal(skill, "platform", event.subject_id, "joined") for skill in event.skills]

@hookimpl
def skillcore_plugin():
    return PluginInfo(contract=">=1.1,<2")

@hookimpl
def skillcore_signal_rules(settings):
    return [Unreliable()]
"""


async def recorded(engine: Engine, *events: NewEvent) -> None:
    async with engine.transaction() as tx:
        await record(tx, events)


def tamper(dsns: Dsns, statement: str, *arguments: object) -> None:
    """Do as the owner what triggers forbid even the owner, who can switch them off."""
    with psycopg.connect(dsns.owner_dsn) as connection:
        partitions = connection.execute("select inhrelid::regclass::text from pg_inherits where inhparent = 'events'::regclass")
        for table in ["events", "skill_signals", *(name for (name,) in partitions.fetchall())]:
            connection.execute(f"alter table {table} disable trigger user".encode())
        assert connection.execute(statement.encode(), arguments).rowcount == 1


async def test_a_sound_ledger_is_clean(engine: Engine, on_database: OnDatabase) -> None:
    skills = await catalogue(engine, "python")
    await recorded(engine, joined(new_id(), *skills), evidence(new_id(), skills=skills))
    done = await on_database("verify-ledger")
    assert (done.code, done.err) == (0, "")
    names = [name for room in ROOMS for name in room.checks]
    assert {"streams", "signals", "tasks"} <= set(names)
    assert [re.sub(r"[\d.]+ s", "… s", line) for line in done.out.splitlines()] == [f"{name}: fine (… s)" for name in names]


async def test_an_event_changed_behind_the_ledgers_back_is_found(
    engine: Engine, on_database: OnDatabase, database_dsns: Dsns
) -> None:
    ada = new_id()
    await recorded(engine, note(ada, 1), note(ada, 2), note(new_id(), 1))
    tamper(database_dsns, "update events set subject_id = 'another' where user_id = %s and version = 2", ada)
    done = await on_database("verify-ledger")
    assert done.code == 1
    assert f"streams: user {ada}, version 2: the content does not match its leaf\n" in done.out
    assert re.search(r"^streams: 1 finding \([\d.]+ s\)$", done.out, re.MULTILINE)
    assert re.search(r"^signals: fine ", done.out, re.MULTILINE)


async def test_only_the_checks_asked_for_run_and_json_says_the_same(
    engine: Engine, on_database: OnDatabase, database_dsns: Dsns
) -> None:
    ada = new_id()
    (python,) = await catalogue(engine, "python")
    await recorded(engine, joined(ada, python))
    tamper(database_dsns, "delete from skill_signals where user_id = %s", ada)
    elsewhere = await on_database("verify-ledger", "--json", "--check", "streams", "tasks")
    assert elsewhere.code == 0
    assert [check["check"] for check in elsewhere.json["checks"]] == ["streams", "tasks"]
    done = await on_database("verify-ledger", "--json", "--check", "signals")
    assert done.code == 1
    assert [(check["check"], check["findings"]) for check in done.json["checks"]] == [("signals", 1)]
    (finding,) = done.json["findings"]
    assert (finding["check"], finding["user_id"]) == ("signals", str(ada))
    assert finding["subject"] == f"{python}/project/p-1/joined"
    assert "skillcore signals backfill" in finding["message"]
    assert (await on_database("signals", "backfill")).out == "1 person, 1 signal added\n"
    assert (await on_database("verify-ledger", "--check", "signals")).code == 0


async def test_an_event_that_no_code_can_read_is_a_finding_and_no_crash(
    engine: Engine, on_database: OnDatabase, database_dsns: Dsns
) -> None:
    ada = new_id()
    await recorded(engine, evidence(ada))
    tamper(database_dsns, "update events set data = '{\"source\": 5}' where user_id = %s", ada)
    done = await on_database("verify-ledger", "--json")
    assert done.code == 1
    assert {finding["check"] for finding in done.json["findings"]} == {"streams", "signals"}
    (broken,) = [finding for finding in done.json["findings"] if finding["check"] == "signals"]
    assert broken["message"] == "the event cannot be read: Expected `str`, got `int` - at `$.source`"


def test_an_unknown_check_is_named(command: Commands) -> None:
    done = command("verify-ledger", "--check", "streems")
    assert (done.code, done.out) == (2, "")
    assert "streems" in done.err
    assert "streams" in done.err


async def test_rebuild_brings_back_what_was_changed(engine: Engine, on_database: OnDatabase, database_dsns: Dsns) -> None:
    ada = new_id()
    await recorded(engine, evidence(ada, difficulty=3.0), evidence(ada, "1501/B", difficulty=5.0))
    async with engine.transaction() as tx:
        assert (await scores.read(tx, ada, "level")).score.value == pytest.approx(0.8)
    query = "select user_id, version, digest from streams"
    before = rows(database_dsns, query)
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        owner.execute("update streams set digest = '\\x00'")
    assert (await on_database("verify-ledger", "--check", "streams")).code == 1
    done = await on_database("rebuild")
    assert (done.code, done.err) == (0, "")
    steps = [
        "ledger: heads: 1 corrected",
        "ledger: scores: 1 people, done",
        "verification: topics: 0",
        "learning: sessions: 0 of 0 people, done",
    ]
    assert done.out.splitlines() == [*steps, "rebuilt"]
    assert rows(database_dsns, query) == before
    again = await on_database("rebuild")
    assert again.out.splitlines()[0] == "ledger: heads: 0 corrected"
    assert (await on_database("verify-ledger")).code == 0


async def test_backfill_says_what_still_fails_and_adds_what_is_mended(
    engine: Engine, on_database: OnDatabase, database_dsns: Dsns, install: Callable[[str, str], None], tmp_path: Path
) -> None:
    ada = new_id()
    skills = await catalogue(engine, "python", "sql")
    await recorded(engine, note(ada, 1, skills=skills), note(ada, 2, skills=skills[:1]))
    install("rules", UNRELIABLE)
    assert (await on_database("signals", "backfill", "--rule", "joined", "completed")).code == 0
    failing = await on_database("signals", "backfill", "--rule", "unreliable")
    assert failing.code == 1
    assert "1 person, 0 signals added\n" in failing.out
    assert "still failing: 2 derivations" in failing.out
    assert rows(database_dsns, "select consumer from parked_events") == [("rule:unreliable",)] * 2
    sys.modules["acme_rules"].Unreliable.works = True
    mended = await on_database("signals", "backfill")
    assert (mended.code, mended.out) == (0, "1 person, 3 signals added\n")
    assert rows(database_dsns, "select consumer from parked_events") == []
    assert (await on_database("verify-ledger")).code == 0


async def test_an_unknown_rule_is_named(on_database: OnDatabase) -> None:
    done = await on_database("signals", "backfill", "--rule", "joinde")
    assert (done.code, done.out) == (2, "")
    assert "joinde" in done.err
    assert "joined" in done.err


@pytest.mark.parametrize("arguments", [("verify-ledger",), ("rebuild",), ("signals", "backfill")])
def test_a_database_out_of_reach_is_one_line_without_its_password(
    command: Commands, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    monkeypatch.setenv("SKILLCORE__DATABASE__URL", f"postgresql://ada:hunter2@127.0.0.1:{port}/nowhere")
    done = command(*arguments)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("the database does not answer: ")
    assert done.err.count("\n") == 1
    assert "hunter2" not in done.err


def test_a_database_that_says_nothing_is_not_waited_for(command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ada:hunter2@127.0.0.1:{silent.getsockname()[1]}/nowhere"
        monkeypatch.setenv("SKILLCORE__DATABASE__URL", url)
        monkeypatch.setenv("SKILLCORE__DATABASE__CONNECT_TIMEOUT", "1")
        done = command("verify-ledger")
    assert done.code == 3
    assert "does not answer" in done.err


def test_a_directory_without_a_database_gets_none(command: Commands, tmp_path: Path) -> None:
    done = command("verify-ledger")
    assert done.code == 3
    assert "skillcore serve" in done.err
    assert not (tmp_path / "data of mine").exists()


def test_a_database_at_another_revision_is_named(
    command: Commands, empty_database_dsns: Dsns, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLCORE__DATABASE__URL", url_of(empty_database_dsns.service_dsn))
    done = command("verify-ledger")
    assert done.code == 3
    assert "the database is empty" in done.err
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        owner.execute("update schema_version set version_num = '0003'")
    monkeypatch.setenv("SKILLCORE__DATABASE__URL", url_of(database_dsns.service_dsn))
    done = command("rebuild")
    assert done.code == 3
    assert "revision 0003" in done.err


def test_an_embedded_server_is_started_for_the_command_and_stopped_after_it(tmp_path: Path) -> None:
    data = tmp_path / "data of mine"
    environment = {**os.environ, "SKILLCORE__DATA_DIR": str(data)}
    made = "from skillcore.runtime.logins import reachable; from skillcore.runtime.settings import Settings; import sys\n"
    made += "from skillcore.runtime.migrations import migrate\n"
    made += "with reachable(Settings(data_dir=sys.argv[1])) as logins: migrate(logins.owner)\n"
    subprocess.run([sys.executable, "-c", made, str(data)], check=True, timeout=60)
    asked = [sys.executable, "-m", "skillcore", "verify-ledger", "--json"]
    done = subprocess.run(asked, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["findings"] == []
    assert not (data / "pg" / "postmaster.pid").exists()
