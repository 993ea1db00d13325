"""The embedded server itself: where it may lie, who may enter, and what a killed one leaves."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from skillcore.runtime import postgres
from skillcore.runtime.postgres import EmbeddedPostgres, PostgresFailed

HOLD = """
import signal, sys
from pathlib import Path
from skillcore.runtime.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory that only its owner may enter, with a space in a name too long for a socket's path."""
    directory = tmp_path / "only mine" / ("long " * 24)
    directory.mkdir(parents=True)
    (tmp_path / "only mine").chmod(0o700)
    return directory


@pytest.fixture
def server(closed: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(closed / "data", parameters={"fsync": "off"})
    server.start()
    yield server
    server.stop()


def one(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
        assert row
        return row[0]


def gone(process: psutil.Process) -> bool:
    """Tell whether a process has ended; whoever inherited it may not have noticed yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_starts_below_a_closed_directory_with_spaces_and_opens_nothing(server: EmbeddedPostgres, closed: Path) -> None:
    assert one(server.owner_dsn, "show server_version_num") >= "180000"  # type: ignore[operator]
    assert mode(closed.parent) == 0o700
    assert mode(server.data_dir) == 0o700
    assert mode(server.cluster) == 0o700
    assert {mode(path) for path in server.data_dir.glob("pgpass*")} == {0o600}


def test_logins_need_their_own_passwords_and_the_service_owns_nothing(server: EmbeddedPostgres) -> None:
    owner, service = conninfo_to_dict(server.owner_dsn), conninfo_to_dict(server.service_dsn)
    assert owner["password"] != service["password"]
    for wrong in ({"password": "wrong"}, {"password": owner["password"]}):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(server.service_dsn, **wrong))
    assert (
        one(server.service_dsn, "select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = user") is False
    )
    assert one(server.service_dsn, "select pg_has_role('skillcore_service', 'member')") is True
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        one(server.service_dsn, "create table mine ()")


def test_listens_on_a_private_socket_only(server: EmbeddedPostgres) -> None:
    assert one(server.owner_dsn, "show listen_addresses") == ""
    assert one(server.owner_dsn, "show data_checksums") == "on"
    assert server.pid
    assert not [c for c in psutil.Process(server.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    sockets = Path(str(conninfo_to_dict(server.owner_dsn)["host"]))
    assert mode(sockets) == 0o700


def test_stop_leaves_no_process_and_no_socket_and_start_finds_the_data(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.owner_dsn) as connection:
        connection.execute("create table kept as select 42 as answer")
    pid, sockets = server.pid, Path(str(conninfo_to_dict(server.owner_dsn)["host"]))
    assert pid
    server.stop()
    assert not psutil.pid_exists(pid)
    assert not sockets.parent.exists()
    server.start()
    assert one(server.owner_dsn, "select answer from kept") == 42


def test_a_directory_that_somebody_else_prepared_is_not_used(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", parameters={"fsync": "off"})
    prepared = tmp_path / "prepared"
    prepared.mkdir(mode=0o777)
    prepared.chmod(0o777)
    server.data_dir.mkdir(mode=0o700)
    (server.data_dir / "run-directory").write_text(str(prepared))
    server.start()
    try:
        assert not str(conninfo_to_dict(server.owner_dsn)["host"]).startswith(str(prepared))
    finally:
        server.stop()
    assert prepared.exists()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_starter(tmp_path: Path, signum: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "data")], stdout=subprocess.PIPE) as starter:
        assert starter.stdout
        server = psutil.Process(int(starter.stdout.readline()))
        family = [server, *server.children(recursive=True)]
        starter.send_signal(signum)
        starter.wait()
    deadline = time.monotonic() + 20
    while not all(gone(process) for process in family):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    left = Path((tmp_path / "data" / "run-directory").read_text())
    EmbeddedPostgres(tmp_path / "data").stop()
    assert not left.exists()


def test_starts_over_a_killed_server_and_a_lock_file_with_a_living_number(tmp_path: Path) -> None:
    first = EmbeddedPostgres(tmp_path / "data", parameters={"fsync": "off"})
    first.start()
    with psycopg.connect(first.owner_dsn) as connection:
        connection.execute("create table kept as select 42 as answer")
    assert first.process
    first.process.kill()
    first.process.wait()
    lock = first.cluster / "postmaster.pid"
    lines = lock.read_text().splitlines()
    second = EmbeddedPostgres(tmp_path / "data", parameters={"fsync": "off"})
    with (tmp_path / "output").open("wb") as output, second._spawn(["sleep", "600"], output) as stranger:  # the account's own
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        try:
            second.start()
            assert one(second.owner_dsn, "select answer from kept") == 42
            assert stranger.poll() is None
        finally:
            second.stop()
            stranger.kill()


def test_says_why_it_did_not_start(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", parameters={"no_such_parameter": "1"})
    with pytest.raises(PostgresFailed, match="no_such_parameter"):
        server.start()
    assert server.pid is None


def test_programs_are_not_copied_to_where_none_may_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def statvfs(place: str) -> SimpleNamespace:
        asked.append(str(place))
        return SimpleNamespace(f_flag=os.ST_NOEXEC if str(place) != "/var/tmp" else 0)

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    assert postgres.short_directory(public=False) == "/tmp"
    assert asked == []
    assert postgres.short_directory(public=False, programs=True) == "/var/tmp"
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_NOEXEC))
    with pytest.raises(PostgresFailed, match="from which programs may run: set TMPDIR"):
        postgres.short_directory(public=False, programs=True)


def test_a_user_without_a_name_reads_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "has_name", lambda _: False)
    server = EmbeddedPostgres(tmp_path / "data")
    server._account = None  # as if root had not started it
    with pytest.raises(PostgresFailed, match="PostgreSQL needs a user with a name"):
        server.start()


def test_users_have_a_name_if_the_machine_lists_them() -> None:
    assert postgres.has_name(0)
    assert not postgres.has_name(2_111_222_333)
