"""``skillcore serve`` as a person runs it: ready, alone, stopped, killed, and with its children killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from skillcore.runtime.postgres import EmbeddedPostgres

PATIENCE = 60.0


class Served:
    """A running service."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        self.supervisor = psutil.Process(process.pid)

    def child(self, name: str) -> psutil.Process | None:
        """Return the child that runs the API, the worker or PostgreSQL."""
        for child in self.supervisor.children():
            try:
                if name in child.cmdline()[-1] or child.name() == name:
                    return child
            except (psutil.Error, IndexError):
                continue
        return None

    def family(self) -> list[psutil.Process]:
        return [self.supervisor, *self.supervisor.children(recursive=True)]

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/api/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return False
        except OSError:
            return False


def gone(process: psutil.Process) -> bool:
    """Tell whether a process has ended; whoever inherited it may not have noticed yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started(directory: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    directory.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "SKILLCORE__DATA_DIR": "data of mine", **variables}
    command = [sys.executable, "-m", "skillcore", "serve", *options]
    return subprocess.Popen(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@contextmanager
def serving(directory: Path, *options: str) -> Iterator[Served]:
    with started(directory, "--port", "0", *options) as process:
        try:
            assert process.stdout
            said = ""
            while not (found := re.search(r"ready at (http://\S+)\n", said)):
                line = process.stdout.readline()
                assert line, said
                said += line
            yield Served(process, found[1])
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "a path with spaces"


def test_it_serves_alone_and_stops_with_everything_it_started(directory: Path) -> None:
    with serving(directory) as served:
        assert served.address.startswith("http://127.0.0.1:")
        assert served.ready()
        assert all(served.child(name) for name in ("api", "worker", "postgres"))
        with started(directory, "--port", "0") as second:
            said, _ = second.communicate(timeout=PATIENCE)
        assert second.returncode == 1
        assert "serves this data directory already" in said
        assert str(served.process.pid) in said
        assert said.count("\n") == 1
        assert served.ready()
        family = served.family()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=PATIENCE) == 0
        assert all(gone(process) for process in family)
    with serving(directory) as again:
        assert again.ready()


def test_it_names_the_set_up_token_until_there_is_an_administrator(directory: Path) -> None:
    with serving(directory) as served:
        assert served.process.stdout
        while "set-up token" not in (said := served.process.stdout.readline()):
            assert said
        token = directory / "data of mine" / "setup-token"
        assert str(token) in said
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        kept = token.read_text()
        assert kept.strip()
        assert kept.strip() not in said
        with psycopg.connect(EmbeddedPostgres(directory / "data of mine").owner_dsn) as owner:
            owner.execute("insert into users (id, role) values (gen_random_uuid(), 'admin')")
    with serving(directory) as again:
        assert not token.exists()
        again.process.terminate()
        assert again.process.stdout
        assert "set-up token" not in again.process.stdout.read()


def test_no_secret_stands_on_a_command_line(directory: Path) -> None:
    with serving(directory) as served:
        secrets = [path.read_text() for path in (directory / "data of mine").glob("pgpass*")]
        assert len(secrets) == 2
        words = " ".join(" ".join(process.cmdline()) for process in served.family())
        assert not [secret for secret in secrets if secret in words]


def test_killed_it_leaves_nothing_behind_and_starts_again(directory: Path) -> None:
    with serving(directory) as served:
        family = served.family()
        assert len(family) > 4
        served.process.kill()
        until(lambda: all(gone(process) for process in family))
    with serving(directory) as again:
        assert again.ready()


def test_what_dies_is_restarted(directory: Path) -> None:
    with serving(directory) as served:
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


def test_a_taken_port_is_named(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with started(directory, "--port", port) as process:
            said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"port {port}" in said
    assert "server.port" in said
    assert said.count("\n") == 1


def test_a_database_that_does_not_answer_is_named_without_its_password(directory: Path) -> None:
    url = "postgresql://somebody:hunter2@127.0.0.1:1/nowhere"
    with started(directory, "--port", "0", SKILLCORE__DATABASE__URL=url) as process:
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "database.url" in said
    assert "hunter2" not in said
    assert "Traceback" not in said
