"""Child processes that end when their parent does, and the lock that makes a data directory one process's own."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

__all__ = ["SUPERVISED", "InUse", "Lock", "dying_with_parent", "end_with_parent"]

SUPERVISED = "SKILLCORE_SUPERVISED"
"""The variable by which ``skillcore serve`` tells its children that they are its children."""

PR_SET_PDEATHSIG = 1


class InUse(Exception):
    """Another process holds the lock; the message says which, where it is known."""


class Lock:
    """An exclusive lock on a file, held for as long as this process lives and never inherited by its children."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            InUse: another process has it.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise InUse(f"process {holder or 'unknown'} holds {self.path}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; the file stays, since removing it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def dying_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """Return what a child runs before its program, so that the kernel signals it when its parent dies; None off Linux.

    The kernel watches the thread that starts the child: start it from one that lives as long as the process.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)

    return prepare


def end_with_parent(grace: float, interval: float = 0.5) -> None:
    """Stop this process when its parent is gone, and end it after the grace period: what children do for themselves.

    Where the kernel tells them first, this sees to it that a stop that hangs has an end.
    """
    parent = os.getppid()

    def watch() -> None:
        never = threading.Event()
        while not never.wait(interval):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                never.wait(grace)
                os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
