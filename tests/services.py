"""The real service as a person runs it: ``skillcore serve`` in a process and a directory of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from skillcore.runtime.settings import LimitsSettings

PATIENCE = 180.0
LIFTED = {f"SKILLCORE__LIMITS__{field.name.upper()}__REQUESTS": "0" for field in msgspec.structs.fields(LimitsSettings)}
"""Variables that let everybody ask as often as they like."""

DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Whatever proxy the environment names: it cannot reach this machine's loopback."""


class Served:
    """A running service. What it says goes to a file: a pipe that nobody reads would stop it once it is full."""

    def __init__(self, process: subprocess.Popen[Any], log: Path) -> None:
        self.process = process
        self.log = log
        self.supervisor = psutil.Process(process.pid)
        self.address = ""

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")

    def await_ready(self) -> None:
        """Wait for its address."""
        until(lambda: "ready at" in self.said or self.process.poll() is not None)
        found = re.search(r"ready at (https?://\S+)\n", self.said)
        assert found, self.said
        self.address = found[1]

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
            with DIRECTLY.open(f"{self.address}/api/health/ready", timeout=5) as answer:
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


@contextmanager
def started(
    directory: Path, *options: str, variables: Mapping[str, str] | None = None, limited: bool = False
) -> Iterator[Served]:
    """Start it, whether or not it will be able to run, and end it with the block; without limits, unless told otherwise."""
    directory.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SKILLCORE_")}
    kept |= {} if limited else LIFTED
    command = [sys.executable, "-m", "skillcore", "serve", *options]
    number = len(list(directory.glob("said-*.log")))
    log = directory / f"said-{number}.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            command, cwd=directory, env={**kept, **(variables or {})}, stdout=said, stderr=subprocess.STDOUT, text=True
        )
    try:
        yield Served(process, log)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


@contextmanager
def serving(
    directory: Path, *options: str, variables: Mapping[str, str] | None = None, limited: bool = False
) -> Iterator[Served]:
    """Start it on a free port and wait until it is ready."""
    with started(directory, "--port", "0", *options, variables=variables, limited=limited) as served:
        served.await_ready()
        yield served
