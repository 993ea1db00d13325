"""``skillcore doctor``: each thing that a self-hoster gets wrong is found, with its remedy, and nothing makes it hang."""

from __future__ import annotations

import http.server
import json
import locale
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import psycopg
import pytest

from skillcore.cli.diagnosis import machine, programs
from skillcore.cli.diagnosis.report import bad, fine, side_by_side
from skillcore.runtime.keyring import make_key
from skillcore.runtime.logins import reachable
from skillcore.runtime.migrations import migrate
from skillcore.runtime.postgres import EmbeddedPostgres
from skillcore.runtime.settings import Settings
from tests.cli.conftest import Commands, url_of
from tests.conftest import Dsns


class Doctor:
    """The command's word on each thing."""

    def __init__(self, command: Commands) -> None:
        self.command = command
        self.code = -1

    def __call__(self, *options: str) -> dict[str, list[tuple[str, str, str]]]:
        """Return status, finding and remedy by what was looked at."""
        done = self.command("doctor", "--json", *options)
        assert done.err == ""
        self.code = done.code
        said: dict[str, list[tuple[str, str, str]]] = {}
        for one in done.json["checks"]:
            said.setdefault(one["check"], []).append((one["status"], one["found"], one["remedy"]))
        assert self.code == (1 if any(status == "fail" for all_ in said.values() for status, _, _ in all_) else 0)
        assert all(bool(remedy) == (status != "ok") for all_ in said.values() for status, _, remedy in all_)
        return said


@pytest.fixture
def doctor(command: Commands, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    monkeypatch.setenv("SKILLCORE__SERVER__PORT", "0")
    monkeypatch.setenv("SKILLCORE__PLUGINS__ALLOW", '["practice", "acme", "broken", "sleepy"]')
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__ENABLED", "true")
    return Doctor(command)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "kept"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("SKILLCORE__DATA_DIR", str(directory))
    return directory


@pytest.fixture
def database(database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch) -> Dsns:
    """A migrated database for ``database.url``, with its owner for ``database.owner_url``."""
    monkeypatch.setenv("SKILLCORE__DATABASE__URL", url_of(database_dsns.service_dsn))
    monkeypatch.setenv("SKILLCORE__DATABASE__OWNER_URL", url_of(database_dsns.owner_dsn))
    return database_dsns


def failing(said: dict[str, list[tuple[str, str, str]]], check: str) -> str:
    """Return the one failing finding of a check, with its remedy."""
    (one,) = [f"{found} -> {remedy}" for status, found, remedy in said[check] if status == "fail"]
    return one


def warned(said: dict[str, list[tuple[str, str, str]]], check: str) -> str:
    (one,) = [f"{found} -> {remedy}" for status, found, remedy in said[check] if status == "warn"]
    return one


def test_a_machine_before_the_first_start_is_well(doctor: Doctor, tmp_path: Path) -> None:
    said = doctor()
    assert doctor.code == 0
    assert "made at the first start" in said["data_dir"][0][1]
    assert said["embedded PostgreSQL"][0][1].startswith("postgres (PostgreSQL) 18")
    assert said["servers"] == [("ok", f"practice: {sys.executable}", "")]
    assert not (tmp_path / "data of mine").exists()
    text = doctor.command("doctor")
    assert text.code == 0
    assert text.out.splitlines()[-1] in {"all is well", *(f"0 to mend, {n} to consider" for n in range(9))}


def test_a_running_and_a_stopped_embedded_database_are_well(doctor: Doctor, data_dir: Path) -> None:
    with reachable(Settings(data_dir=str(data_dir))) as logins:
        migrate(logins.owner)
        said = doctor()
        assert doctor.code == 0
        assert {status for status, _, _ in [*said["database"], *said["role"], *said["migrations"], *said["clocks"]]} == {"ok"}
        assert said["cluster"][0][1].startswith("a server runs on")
        assert len(said["secrets"]) == 2
    said = doctor()
    assert doctor.code == 0
    assert "shut down properly" in said["cluster"][0][1]


def test_what_a_killed_server_left_is_named(doctor: Doctor, data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    assert server.process
    family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    server.process.kill()
    server.process.wait()
    psutil.wait_procs(family, timeout=30)
    try:
        found = warned(doctor(), "cluster")
        assert "postmaster.pid was left behind" in found
        assert doctor.code == 0
    finally:
        server.stop()


def test_a_configuration_that_does_not_fit_leaves_the_machine_to_be_looked_at(doctor: Doctor) -> None:
    Path("skillcore.toml").write_text("[server]\nprot = 1\n")
    said = doctor()
    assert "did you mean port?" in failing(said, "configuration")
    assert said["python"][0][0] == "ok"
    assert "database" not in said


def test_a_plugin_that_does_not_load_is_a_warning_or_strictly_a_failure(
    doctor: Doctor, install: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("broken", "raise ImportError('gone')\n")
    said = doctor()
    assert doctor.code == 0
    assert "broken (acme-broken 1.0) does not load" in warned(said, "plugins")
    monkeypatch.setenv("SKILLCORE__PLUGINS__STRICT", "true")
    assert "plugins.block" in failing(doctor(), "plugins")


def test_a_plugin_that_hangs_is_given_up(
    doctor: Doctor, install: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skillcore.cli.doctor.PATIENCE", 3.0)
    install("sleepy", "import acme_gate\nacme_gate.gate.wait()\nraise ImportError('late')\n")
    gate = threading.Event()
    monkeypatch.setitem(sys.modules, "acme_gate", SimpleNamespace(gate=gate))  # type: ignore[arg-type]
    try:
        assert "did not load within 3 s" in failing(doctor(), "plugins")
    finally:
        gate.set()


def test_files_that_hold_secrets_must_be_their_owners_alone(
    doctor: Doctor, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, mode in (("pgpass", 0o644), ("pgpass-service", 0o600), ("setup-token", 0o640)):
        (data_dir / name).write_text("secret")
        (data_dir / name).chmod(mode)
    said = doctor()
    assert f"{data_dir}/pgpass is open to everybody (mode 644) -> chmod 600" in failing(said, "secrets")
    assert "setup-token is open to its group (mode 640)" in warned(said, "secrets")
    (data_dir / "pgpass").chmod(0o600)
    (data_dir / "setup-token").chmod(0o600)
    assert {status for status, _, _ in doctor()["secrets"]} == {"ok"}
    headers = tmp_path / "headers.json"
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__URL", "https://mcp.example.org/mcp")
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__HEADERS_FILE", str(headers))
    assert "headers.json' (No such file or directory)" in failing(doctor(), "configuration")
    headers.write_text('{"Authorization": "Bearer x"}')
    headers.chmod(0o604)
    assert "plugins.practice.server.headers_file" in failing(doctor(), "secrets")
    headers.chmod(0o600)
    (tmp_path / "smtp-password").write_text("hunter2")
    (tmp_path / "smtp-password").chmod(0o604)
    monkeypatch.setenv("SKILLCORE__MAIL__PASSWORD_FILE", str(tmp_path / "smtp-password"))
    assert "mail.password_file" in failing(doctor(), "secrets")


NAMED = {
    "database.url_file": "[database]\nurl_file = '{file}'\nowner_url = 'postgresql://ada@127.0.0.1:1/nowhere'\n",
    "database.owner_url_file": "[database]\nowner_url_file = '{file}'\nurl = 'postgresql://ada@127.0.0.1:1/nowhere'\n",
    "mail.password_file": "[mail]\npassword_file = '{file}'\nhost = '127.0.0.1'\nuser = 'ada'\nsender = 'ada@example.org'\n",
    "server.tls_key_file": "[server]\ntls_certificate_file = 'own.pem'\ntls_key_file = '{file}'\n",
    "oidc.school.client_secret_file": "[oidc.school]\nissuer = 'https://school.test'\nclient_id = 'us'\n"
    "client_secret_file = '{file}'\n",
}
"""Settings that name a file which holds a secret, in a configuration file."""


@pytest.mark.parametrize("setting", NAMED)
def test_each_file_that_a_setting_names_must_be_its_owners_alone(doctor: Doctor, tmp_path: Path, setting: str) -> None:
    file = tmp_path / "secret"
    file.write_text("postgresql://ada@127.0.0.1:1/nowhere")
    Path("skillcore.toml").write_text(NAMED[setting].format(file=file))
    Path("skillcore.toml").chmod(0o600)
    seen = {}
    for mode in (0o604, 0o640, 0o600):
        file.chmod(mode)
        seen[mode] = [status for status, found, _ in doctor()["secrets"] if found.startswith(f"{setting} {file} is ")]
    assert seen == {0o604: ["fail"], 0o640: ["warn"], 0o600: ["ok"]}


def test_a_secrets_file_that_is_not_there_or_none_is_named(doctor: Doctor, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    Path("skillcore.toml").write_text(NAMED["server.tls_key_file"].format(file=file))
    assert f"server.tls_key_file {file} does not exist" in failing(doctor(), "secrets")
    file.mkdir()
    assert f"server.tls_key_file {file} cannot be read" in failing(doctor(), "secrets")


def test_keys_that_cannot_be_read_are_named(doctor: Doctor, data_dir: Path, key_file: Path) -> None:
    signing, sealing = data_dir / "signing-keys" / key_file.name, data_dir / "sealing-keys"
    signing.mkdir(parents=True)
    assert f"{signing}: Is a directory -> chown" in failing(doctor(), "signing keys")
    key = sealing / f"{make_key(sealing, 1).name}.key"
    key.unlink()
    key.mkdir()
    assert f"{key} cannot be read: Is a directory -> chown" in failing(doctor(), "sealing keys")


@pytest.mark.parametrize("keys", ["signing", "sealing"])
def test_a_directory_of_keys_that_cannot_be_listed_is_not_one_without_keys(doctor: Doctor, data_dir: Path, keys: str) -> None:
    (data_dir / f"{keys}-keys").touch()
    assert f"{keys}-keys cannot be read: Not a directory -> chown" in failing(doctor(), f"{keys} keys")


def test_a_password_in_a_configuration_file_that_others_may_read_is_odd(doctor: Doctor) -> None:
    file = Path("skillcore.toml")
    file.write_text('[database]\nurl = "postgresql://ada:hunter2@127.0.0.1:1/nowhere"\n')
    file.chmod(0o644)
    said = doctor()
    assert "which holds a secret" in warned(said, "secrets")
    assert "does not answer" in failing(said, "database")
    assert "hunter2" not in json.dumps(said)
    file.chmod(0o600)
    assert {status for status, _, _ in doctor()["secrets"]} == {"ok"}


def test_a_data_directory_that_cannot_be_used_is_named(doctor: Doctor, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {status for status, _, _ in doctor()["data_dir"]} == {"ok"}
    data_dir.chmod(0o755)
    assert "chmod 700" in warned(doctor(), "data_dir")
    data_dir.chmod(0o777)
    assert "others may write" in failing(doctor(), "data_dir")
    file = data_dir / "file"
    file.touch()
    monkeypatch.setenv("SKILLCORE__DATA_DIR", str(file))
    assert "is no directory" in failing(doctor(), "data_dir")
    monkeypatch.setenv("SKILLCORE__DATA_DIR", str(file / "data"))
    assert "cannot be made" in failing(doctor(), "data_dir")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_data_directory_of_somebody_else_is_named(doctor: Doctor, data_dir: Path) -> None:
    os.chown(data_dir, 12345, 12345)
    assert "belongs to user 12345" in failing(doctor(), "data_dir")
    os.chown(data_dir, 0, 0)
    (data_dir / "pg").mkdir()
    assert "PostgreSQL would run as" in failing(doctor(), "cluster")


@pytest.mark.parametrize(("free", "status"), [(150 * 1024**2, "fail"), (1024**3, "warn"), (9 * 1024**3, "ok")])
def test_a_disk_that_is_nearly_full_is_named(
    doctor: Doctor, data_dir: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(total=free, used=0, free=free))
    assert doctor()["disk space"][0][0] == status


def test_a_signing_key_that_is_none_is_named(doctor: Doctor, data_dir: Path, key_file: Path) -> None:
    keys = data_dir / "signing-keys"
    keys.mkdir(mode=0o700)
    key = keys / key_file.name
    key.write_text("no key")
    key.chmod(0o600)
    assert "openssl genrsa" in failing(doctor(), "signing keys")
    key.write_bytes(key_file.read_bytes())
    assert doctor()["signing keys"][0][0] == "ok"
    key.chmod(0o644)
    assert "open to everybody" in failing(doctor(), "secrets")
    key.chmod(0o600)
    key.rename(keys / "mine.pem")
    assert "must be named after the moment" in failing(doctor(), "signing keys")


def test_sealing_keys_that_are_none_or_open_to_others_are_named(doctor: Doctor, data_dir: Path) -> None:
    (first,) = doctor()["sealing keys"]
    assert (first[0], "is made in" in first[1]) == ("ok", True)
    directory = data_dir / "sealing-keys"
    key = directory / f"{make_key(directory, 1).name}.key"
    assert doctor()["sealing keys"][0][0] == "ok"
    key.chmod(0o644)
    assert str(key) in failing(doctor(), "sealing keys")
    key.chmod(0o600)
    key.write_text("00" * 32)
    assert "restore it from a backup" in failing(doctor(), "sealing keys")
    key.unlink()
    make_key(directory, 2)
    directory.chmod(0o755)
    assert "chmod 700" in warned(doctor(), "sealing keys")


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers as skillcore, or as something else."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Answering]]:
    """An HTTP server on the port of the settings."""
    handler = type("Handler", (Answering,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("SKILLCORE__SERVER__PORT", str(server.server_port))
        yield handler
        server.shutdown()
        thread.join()


def test_a_port_that_something_else_has_is_named(
    doctor: Doctor, listening: type[Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = os.environ["SKILLCORE__SERVER__PORT"]
    listening.body = b"<html>"
    assert f"cannot listen on 127.0.0.1 port {port} (Address already in use)" in failing(doctor(), "port")
    listening.body = b'[{"name": "defaults", "distribution": "another"}, 5]'
    assert f"port {port}" in failing(doctor(), "port")
    listening.body = b'[{"name": "defaults", "distribution": "skillcore"}]'
    assert doctor()["port"] == [("ok", f"skillcore serves on 127.0.0.1 port {port}", "")]


def test_a_port_whose_owner_says_nothing_is_not_waited_for(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillcore.cli.diagnosis.network.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SKILLCORE__SERVER__PORT", str(silent.getsockname()[1]))
        assert "stop what listens there" in failing(doctor(), "port")


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1", "ok"), ("localhost", "ok"), ("0.0.0.0", "warn"), ("no.such.host.invalid", "fail")]
)
def test_an_address_that_others_reach_is_odd_without_tls(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, host: str, status: str
) -> None:
    monkeypatch.setenv("SKILLCORE__SERVER__HOST", host)
    assert [one for one, _, _ in doctor()["bind"]] == [status]


def test_a_server_whose_program_is_missing_is_odd(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__COMMAND", "npx")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install Node.js 20 or newer" in warned(doctor(), "servers")
    for name, says in (("npx", ""), ("node", "echo v18.19.1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / name).chmod(0o755)
    said = doctor()
    assert said["servers"] == [("ok", f"practice: {tmp_path}/npx", "")]
    assert "says v18.19.1 -> install Node.js 20" in warned(said, "node")
    (tmp_path / "node").write_text("#!/bin/sh\necho v22.1.0\n")
    assert doctor()["node"] == [("ok", f"v22.1.0 at {tmp_path}/node", "")]


def test_a_program_that_hangs_is_given_up(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "PATIENCE", 0.3)
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__COMMAND", str(tmp_path / "node"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "node").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "node").chmod(0o755)
    assert "does not run" in warned(doctor(), "node")


@pytest.mark.parametrize(
    ("url", "allowed", "status"),
    [
        ("http://mcp.example.org/mcp", "[]", "fail"),
        ("http://127.0.0.1:9/mcp", '["127.0.0.0/8"]', "ok"),
        ("http://127.0.0.1:9/mcp", "[]", "fail"),
        ("https://10.0.0.1/mcp", '["127.0.0.0/8"]', "fail"),
        ("https://mcp.example.org/mcp", "[]", "ok"),
    ],
)
def test_a_server_elsewhere_must_be_reachable_and_gets_secrets_by_tls_only(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, url: str, allowed: str, status: str
) -> None:
    monkeypatch.setenv("SKILLCORE__OUTBOUND__ALLOW", allowed)
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__URL", url)
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__HEADERS", '{"Authorization": "Bearer hunter2"}')
    said = doctor()
    assert [one for one, _, _ in said["servers"]] == [status]
    assert "hunter2" not in json.dumps(said)


def test_a_database_as_it_should_be(doctor: Doctor, database: Dsns) -> None:
    said = doctor()
    # The tests' own server does not wait for the disk, which is as wrong as can be anywhere else.
    assert {found for status, found, _ in said["database"] if status != "ok"} <= {
        "fsync is off: what was acknowledged is lost when the machine fails"
    }
    for check in ("migrations", "role", "database owner", "clocks"):
        assert [status for status, _, _ in said[check]] == ["ok"], check
    assert "embedded PostgreSQL" not in said


def test_a_role_that_may_change_facts_is_named(doctor: Doctor, database: Dsns) -> None:
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute("grant update on events to skillcore_service")
        assert "UPDATE on events: facts could be changed" in failing(doctor(), "role")
        owner.execute("revoke update on events from skillcore_service")
        owner.execute("revoke insert on skill_signals from skillcore_service")
        assert "lacks INSERT on skill_signals" in failing(doctor(), "role")


def test_a_service_that_logs_in_as_the_owner_is_odd(doctor: Doctor, database: Dsns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLCORE__DATABASE__URL", url_of(database.owner_dsn))
    assert "can undo facts" in warned(doctor(), "role")


def test_a_login_that_cannot_act_as_the_service_is_named(
    doctor: Doctor, database: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        login = f"stranger_{os.getpid()}"
        owner.execute(f"create role {login} login password 'stranger'".encode())
        owner.execute(f"grant select on schema_version to {login}".encode())
        try:
            dsn = psycopg.conninfo.make_conninfo(database.service_dsn, user=login, password="stranger", options="")
            monkeypatch.setenv("SKILLCORE__DATABASE__URL", url_of(dsn))
            monkeypatch.setenv("SKILLCORE__DATABASE__OWNER_URL", url_of(dsn))
            said = doctor()
            assert "grant skillcore_service to the login" in failing(said, "role")
            assert "CREATEROLE" in failing(said, "database owner")
        finally:
            owner.execute(f"drop owned by {login}".encode())
            owner.execute(f"drop role {login}".encode())


def test_a_schema_that_is_not_this_codes_is_named(doctor: Doctor, database: Dsns) -> None:
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute("update schema_version set version_num = '0003'")
        assert "0004" in warned(doctor(), "migrations")
        owner.execute("update schema_version set version_num = '9999'")
        assert "later version" in failing(doctor(), "migrations")


def test_clocks_that_differ_are_named(doctor: Doctor, database: Dsns, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr("skillcore.cli.diagnosis.databases.time", SimpleNamespace(time=lambda: real() - 60))
    assert "60.0 s apart -> let NTP" in warned(doctor(), "clocks")
    monkeypatch.setattr("skillcore.cli.diagnosis.databases.time", SimpleNamespace(time=lambda: real() + 3600))
    assert "in the future" in failing(doctor(), "clocks")


def test_a_database_that_says_nothing_is_not_waited_for(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillcore.cli.diagnosis.databases.PATIENCE", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ada:hunter2@127.0.0.1:{silent.getsockname()[1]}/nowhere"
        monkeypatch.setenv("SKILLCORE__DATABASE__URL", url)
        said = doctor()
    assert "does not answer" in failing(said, "database")
    assert "hunter2" not in json.dumps(said)


def test_a_frozen_database_is_given_up_in_time(tmp_path: Path) -> None:
    """In a process of its own: it ends although what hangs in it does not."""
    server = EmbeddedPostgres(tmp_path)
    server.start()
    try:
        migrate(server.owner_dsn)
        assert server.process
        server.process.send_signal(signal.SIGSTOP)
        environment = {**os.environ, "SKILLCORE__DATA_DIR": str(tmp_path), "SKILLCORE__PLUGINS__ALLOW": '["defaults"]'}
        asked = [sys.executable, "-m", "skillcore", "doctor", "--json"]
        done = subprocess.run(asked, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        found = {one["check"]: one for one in json.loads(done.stdout)["checks"] if one["status"] == "fail"}
        assert "does not answer" in found["cluster"]["found"]
    finally:
        assert server.process
        server.process.send_signal(signal.SIGCONT)
        server.stop()


def test_a_user_id_without_an_entry_is_named() -> None:
    (found,) = machine.account(embedded=True, uid=54321)
    assert (found.status, "54321" in found.remedy) == ("fail", True)
    (found,) = machine.account(embedded=False, uid=54321)
    assert found.status == "warn"
    assert [one.status for one in machine.account(embedded=True)] == ["ok"]


def test_limits_encoding_and_clock_are_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert [(one.status, "ulimit -n 4096" in one.remedy) for one in machine.open_files()] == [("warn", True)]
    monkeypatch.setattr(locale, "getencoding", lambda: "ISO-8859-1")
    assert [(one.status, one.found) for one in machine.encoding()] == [("warn", "texts: ISO-8859-1")]
    assert [one.status for one in machine.clock()] == ["ok"]
    assert [one.status for one in machine.shared_memory(tmp_path / "none")] == ["fail"]
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1024**2))
    assert [(one.status, "--shm-size" in one.remedy) for one in machine.shared_memory(tmp_path)] == [("warn", True)]


def test_checks_can_neither_hang_nor_take_others_down() -> None:
    gate = threading.Event()

    def hangs() -> Iterator[Any]:
        yield fine("slow", "so far")
        gate.wait()

    def breaks() -> Iterator[Any]:
        yield fine("broken", "at first")
        raise ValueError("postgresql://ada:hunter2@db/name is no good")

    try:
        said = side_by_side([("slow", hangs), ("broken", breaks), ("well", lambda: [bad("well", "it", "do")])], 0.5)
    finally:
        gate.set()
    assert [(one.check, one.status) for one in said] == [
        ("slow", "ok"),
        ("slow", "fail"),
        ("broken", "ok"),
        ("broken", "fail"),
        ("well", "fail"),
    ]
    assert "no answer within 0.5 s" in said[1].found
    assert "hunter2" not in said[3].found
