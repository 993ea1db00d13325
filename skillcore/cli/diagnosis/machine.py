"""The machine and the account: Python, user, encoding, clock, limits."""

from __future__ import annotations

import locale
import os
import platform
import pwd
import resource
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from skillcore.cli.diagnosis.report import Diagnosis, bad, fine, odd
from skillcore.runtime.postgres import ACCOUNT_FOR_ROOT

__all__ = ["account", "clock", "encoding", "open_files", "python", "shared_memory"]

OLDEST_PYTHON = (3, 11)
FILES = 1024
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps it # nosec B108
SHARED_MEMORY_BYTES = 64 * 1024**2
WRITTEN = 2026
"""A clock that shows an earlier year is wrong: this was not written then."""


def python() -> Iterator[Diagnosis]:
    """Check Python's version."""
    found = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield bad("python", found, "make the virtual environment with Python 3.11 or newer")
    else:
        yield fine("python", found)


def account(*, embedded: bool, uid: int | None = None) -> Iterator[Diagnosis]:
    """Check that PostgreSQL can be run as whoever runs this.

    Args:
        embedded: whether it will be.
        uid: of the account; that of the process, if not given.
    """
    uid = os.geteuid() if uid is None else uid
    name = _name_of(uid)
    if name is None:
        found = f"the user id {uid} has no entry in the user database"
        if embedded:
            yield bad("account", f"{found}, and PostgreSQL refuses to run so", _entry(uid))
        else:
            yield odd("account", found, _entry(uid))
    elif uid != 0 or not embedded:
        yield fine("account", f"user {name} ({uid})")
    else:
        yield from _root()


def clock() -> Iterator[Diagnosis]:
    """Check that the clock has been set."""
    moment = datetime.now(UTC)
    found = f"it is {moment:%Y-%m-%d %H:%M:%S} UTC"
    if moment.year < WRITTEN:
        yield bad("clock", found, "set the machine's clock; events and tokens carry its time")
    else:
        yield fine("clock", found)


def encoding() -> Iterator[Diagnosis]:
    """Check that names of files and texts in a terminal may hold any letter."""
    found = {
        "file names": sys.getfilesystemencoding(),
        "texts": locale.getencoding(),
        "output": getattr(sys.stdout, "encoding", None) or "unknown",
    }
    wrong = {what: name for what, name in found.items() if name.lower().replace("-", "") not in {"utf8", "unknown"}}
    if wrong:
        words = ", ".join(f"{what}: {name}" for what, name in wrong.items())
        yield odd("encoding", words, "set LC_ALL=C.UTF-8 (or PYTHONUTF8=1) in the environment of skillcore")
    else:
        yield fine("encoding", "UTF-8")


def open_files() -> Iterator[Diagnosis]:
    """Check how many files and connections a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"a process may open {'any number of' if soft == resource.RLIM_INFINITY else soft} files"
    if soft != resource.RLIM_INFINITY and soft < FILES:
        raised = f"ulimit -n {FILES if hard == resource.RLIM_INFINITY else min(hard, 65_536)}"
        yield odd("open files", found, f"raise the limit to {FILES} or more: {raised}, or LimitNOFILE= of its systemd unit")
    else:
        yield fine("open files", found)


def shared_memory(directory: Path = SHARED_MEMORY) -> Iterator[Diagnosis]:
    """Check that the embedded PostgreSQL has shared memory for the parallel parts of large queries."""
    if sys.platform != "linux":
        return
    remedy = "mount a tmpfs there that everybody may write to; in a container, --shm-size=256m"
    try:
        usage = shutil.disk_usage(directory)
    except OSError as error:
        yield bad("shared memory", f"{directory}: {error.strerror}", remedy)
        return
    if not os.access(directory, os.W_OK | os.X_OK):
        yield bad("shared memory", f"{directory} cannot be written to", remedy)
    elif usage.free < SHARED_MEMORY_BYTES:
        yield odd("shared memory", f"{directory} has {usage.free // 1024**2} MB free, too little for large queries", remedy)
    else:
        yield fine("shared memory", f"{usage.free // 1024**2} MB free in {directory}")


def _root() -> Iterator[Diagnosis]:
    remedy = "run skillcore as an ordinary user, or set database.url to a server elsewhere"
    try:
        pwd.getpwnam(ACCOUNT_FOR_ROOT)
    except KeyError:
        yield bad("account", f"root, and there is no user {ACCOUNT_FOR_ROOT!r} for PostgreSQL to run as", remedy)
        return
    if not Path("/proc/self/cwd").exists():
        yield bad("account", "root, without /proc, which PostgreSQL needs to find its files as another user", remedy)
    else:
        yield fine("account", f"root; PostgreSQL runs as {ACCOUNT_FOR_ROOT}")


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _entry(uid: int) -> str:
    return f"add one to /etc/passwd, such as skillcore:x:{uid}:{uid}::/nonexistent:/bin/false, or run as a user that has one"
