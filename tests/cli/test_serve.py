"""``skillcore serve`` as a person runs it: ready, alone, stopped, killed, and with its children killed."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from skillcore.runtime.postgres import EmbeddedPostgres
from tests.services import PATIENCE, Served, gone, serving, started, until

DATA = {"SKILLCORE__DATA_DIR": "data of mine"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "a path with spaces"


# A start costs more than what is looked at in it, so that the first two tests look at several things.
def test_it_serves_alone_keeps_its_secrets_and_stops_with_everything_it_started(directory: Path) -> None:
    token = directory / "data of mine" / "setup-token"
    with serving(directory, variables=DATA) as served:
        assert served.address.startswith("http://127.0.0.1:")
        assert served.ready()
        assert all(served.child(name) for name in ("api", "worker", "postgres"))
        check_alone(served, directory)
        check_secrets(served, directory)
        until(lambda: "set-up token" in served.said)
        assert str(token) in served.said
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        kept = token.read_text()
        assert kept.strip()
        assert kept.strip() not in served.said
        with psycopg.connect(EmbeddedPostgres(directory / "data of mine").owner_dsn) as owner:
            owner.execute("insert into users (id, role) values (gen_random_uuid(), 'admin')")
        family = served.family()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=PATIENCE) == 0
        assert all(gone(process) for process in family)
    with serving(directory, variables=DATA) as again:
        assert again.ready()
        assert not token.exists()
    assert "set-up token" not in again.said


def check_alone(served: Served, directory: Path) -> None:
    """Check that a second one on the same data says in a line who was first, and ends."""
    with started(directory, "--port", "0", variables=DATA) as second:
        assert second.process.wait(timeout=PATIENCE) == 1
    assert "serves this data directory already" in second.said
    assert str(served.process.pid) in second.said
    assert second.said.count("\n") == 1
    assert served.ready()


def check_secrets(served: Served, directory: Path) -> None:
    """Check that no secret stands on a command line."""
    secrets = [path.read_text() for path in (directory / "data of mine").glob("pgpass*")]
    assert len(secrets) == 2
    words = " ".join(" ".join(process.cmdline()) for process in served.family())
    assert not [secret for secret in secrets if secret in words]


def test_what_dies_is_restarted_and_killed_it_leaves_nothing_behind(directory: Path) -> None:
    with serving(directory, variables=DATA) as served:
        for name in ("worker", "api", "postgres"):
            victim = served.child(name)
            assert victim
            victim.kill()

            def replaced(name: str = name, former: int = victim.pid) -> bool:
                child = served.child(name)
                return child is not None and child.pid != former

            until(replaced)
            until(served.ready)
        assert all(served.child(name) for name in ("api", "worker", "postgres"))
        family = served.family()
        assert len(family) > 4
        served.process.kill()
        until(lambda: all(gone(process) for process in family))
    with serving(directory, variables=DATA) as again:
        assert again.ready()


def test_a_taken_port_is_named(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with started(directory, "--port", port, variables=DATA) as served:
            assert served.process.wait(timeout=PATIENCE) == 1
    assert f"port {port}" in served.said
    assert "server.port" in served.said
    assert served.said.count("\n") == 1


def test_a_database_that_does_not_answer_is_named_without_its_password(directory: Path) -> None:
    url = "postgresql://somebody:hunter2@127.0.0.1:1/nowhere"
    with started(directory, "--port", "0", variables=DATA | {"SKILLCORE__DATABASE__URL": url}) as served:
        assert served.process.wait(timeout=PATIENCE) == 1
    assert "database.url" in served.said
    assert "hunter2" not in served.said
    assert "Traceback" not in served.said


def test_it_outlives_whoever_read_its_words(directory: Path) -> None:
    directory.mkdir()
    command = [sys.executable, "-m", "skillcore", "serve", "--port", "0"]
    reader, writer = os.pipe()
    with subprocess.Popen(command, cwd=directory, env=os.environ | DATA, stdout=writer, stderr=writer) as process:
        os.close(writer)
        words = b""
        while b"ready at" not in words:
            words += os.read(reader, 1000)
        os.close(reader)
        served = Served(process, directory / "nothing")
        served.address = words.split(b"ready at ")[1].split(b"\n")[0].decode()
        worker = served.child("worker")
        assert worker
        worker.kill()
        until(lambda: (child := served.child("worker")) is not None and child.pid != worker.pid)
        assert served.ready()
        family = served.family()
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
    assert all(gone(one) for one in family)
