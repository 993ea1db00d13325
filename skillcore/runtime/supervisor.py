"""Keeps child processes running: starts them, restarts those that die with growing pauses, and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from skillcore.runtime.postgres import EmbeddedPostgres, PostgresFailed
from skillcore.runtime.processes import dying_with_parent

__all__ = ["Child", "GaveUp", "Supervisor"]

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
HEALTHY = 30.0
"""Seconds after which a child counts as well, and its next pause is short again."""

ATTEMPTS = 3
"""How often a child may end before the start was complete."""

MARGIN = 3.0
"""Seconds beyond the grace period, for what a child closes after it."""


class GaveUp(Exception):
    """A child did not come up."""


class Child:
    """A program to keep running. It must stop on SIGTERM."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, from the main thread: the kernel ends it with that."""
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the supervisor
            preexec_fn=dying_with_parent(signal.SIGTERM),  # noqa: PLW1509 - two system calls, no lock
        )

    async def wait(self) -> int:
        """Wait until it ends, and return its exit code."""
        assert self.process is not None  # noqa: S101 - for the type checker # nosec B101
        return await asyncio.to_thread(self.process.wait)

    async def stop(self, grace: float) -> None:
        """Ask it to stop, and kill it after the grace period."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            await asyncio.to_thread(self.process.wait, grace)
        except subprocess.TimeoutExpired:
            log.warning("a process did not stop in time", process=self.name)
            self.process.kill()
            await self.wait()


class Supervisor:
    """Runs an embedded server, if there is one, and children that need it."""

    def __init__(self, postgres: EmbeddedPostgres | None, children: Sequence[Child], *, grace: float) -> None:
        """Take charge.

        Args:
            postgres: the embedded server, already running; it is stopped after the children.
            children: what to keep running.
            grace: seconds that each child may take to stop.
        """
        self.postgres = postgres
        self.children = tuple(children)
        self.grace = grace
        self._complete = False

    async def run(self, ready: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        """Keep everything running until asked to stop.

        Args:
            ready: waits until the children serve, and tells people so.
            stop: set by whoever wants it to stop.

        Raises:
            GaveUp: a child ended again and again before everything was ready.
        """
        keeping = [asyncio.create_task(self._keep(child), name=child.name) for child in self.children]
        if self.postgres is not None:
            keeping.append(asyncio.create_task(self._keep_postgres(self.postgres), name="postgres"))
        keeping.append(asyncio.create_task(self._announce(ready), name="ready"))
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            waiting = {*keeping, stopping}
            while not stopping.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in (*keeping, stopping):
                task.cancel()
            await asyncio.gather(*keeping, stopping, return_exceptions=True)
            try:
                await asyncio.gather(*(child.stop(self.grace + MARGIN) for child in self.children))
            finally:  # a thread waits for it, and would keep this process from ending
                if self.postgres is not None:
                    await asyncio.to_thread(self.postgres.stop)

    async def _announce(self, ready: Callable[[], Awaitable[None]]) -> None:
        await ready()
        self._complete = True

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE
        ends = 0
        loop = asyncio.get_running_loop()
        while True:
            child.start()
            began = loop.time()
            code = await child.wait()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if child.process is not None:
                    os.killpg(child.process.pid, signal.SIGKILL)  # what it left behind in its session
            ends += 1
            if not self._complete and ends >= ATTEMPTS:
                raise GaveUp(f"the {child.name} process ended {ends} times while starting, last with exit code {code}")
            pause = FIRST_PAUSE if loop.time() - began > HEALTHY else pause
            log.warning("a process ended and is restarted", process=child.name, code=code, pause=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _keep_postgres(self, postgres: EmbeddedPostgres) -> None:
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            if postgres.process is not None:
                await asyncio.to_thread(postgres.process.wait)
            pause = FIRST_PAUSE if loop.time() - began > HEALTHY else pause
            log.warning("the embedded PostgreSQL ended and is restarted", pause=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                await asyncio.to_thread(postgres.clear_remains)
                postgres.launch()  # here, since the kernel ends it with the thread that starts it
                await asyncio.to_thread(postgres.await_ready)
            except PostgresFailed as error:
                log.error("the embedded PostgreSQL did not start", error=str(error))  # noqa: TRY400 - the message is enough
