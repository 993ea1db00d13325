"""Notices when an event loop does not turn: says which code holds it up, and ends the process if it does not let go.

A plugin's code that computes without end, or waits without ``await``, stops everything else that its process does. Nothing
inside the loop can notice that, so a thread does. A process that ends is replaced by whoever supervises it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog
from msgspec import Struct

from skillcore.runtime.settings import WatchdogSettings

__all__ = ["EXIT_CODE", "Blocked", "watched"]

log = structlog.get_logger(__name__)

EXIT_CODE = 75
"""Of a process that was ended because its loop did not turn: what sysexits.h calls a temporary failure."""

BEAT = 0.25
"""Seconds between the loop's signs of life, and between looks for them."""

LAST_WORDS = 5.0
"""Seconds for what is done before a process ends; it may need a database that does not answer."""

MARGIN = 30.0
"""Seconds beyond the limit after which the process ends even if code holds the interpreter, and this thread with it."""


class Blocked(Struct, frozen=True):
    """What holds a loop up.

    Attributes:
        seconds: for how long, so far.
        task: the name of the task that runs.
        modules: the modules whose code runs, the outermost first.
        stack: where each of them is, as in a traceback.
    """

    seconds: float
    task: str
    modules: tuple[str, ...]
    stack: str


LastWords = Callable[[Blocked], Awaitable[None]]


class _Watchdog:
    """A thread that watches the loop of the thread that makes it.

    Time in which this thread does not run either does not count: a process that was stopped, or a machine that was asleep
    or has too much to do, is not to blame.
    """

    def __init__(self, settings: WatchdogSettings, over: LastWords | None) -> None:
        self.settings = settings
        self.over = over
        self.loop = asyncio.get_running_loop()
        self.loop_thread = threading.get_ident()
        self.stopped = threading.Event()
        self.beats = 0
        self.thread = threading.Thread(target=self.watch, name="watchdog", daemon=True)
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.beat()
        self.thread.start()

    def stop(self) -> None:
        self.stopped.set()
        if self._next is not None:
            self._next.cancel()
        if self.settings.end_after:
            faulthandler.cancel_dump_traceback_later()

    def beat(self) -> None:
        """Show that the loop turns, and go on doing so."""
        self.beats += 1
        if self.settings.end_after:
            faulthandler.dump_traceback_later(self.settings.end_after + MARGIN, exit=True)
        self._next = self.loop.call_later(BEAT, self.beat)

    def watch(self) -> None:
        """Look at the beats until stopped."""
        seen, still, told, looked = -1, 0.0, False, time.monotonic()
        while not self.stopped.wait(BEAT):
            now = time.monotonic()
            still += min(now - looked, 2 * BEAT)
            looked = now
            if self.beats != seen:
                if told:
                    log.warning("the event loop turns again", seconds=round(still, 1))
                seen, still, told = self.beats, 0.0, False
            elif self.settings.end_after and still >= self.settings.end_after:
                self.end(still)
                return
            elif not told and still >= self.settings.warn_after:
                self.tell("the event loop is held up", still)
                told = True

    def tell(self, message: str, still: float) -> Blocked:
        blocked = self.look(still)
        log.error(message, seconds=round(still, 1), task=blocked.task, stack=blocked.stack)
        return blocked

    def look(self, still: float) -> Blocked:
        """Return what the loop's thread is doing."""
        task = asyncio.current_task(self.loop)
        frame = sys._current_frames().get(self.loop_thread)  # noqa: SLF001 - the one way to see another thread's stack
        stack = traceback.format_stack(frame) if frame else []
        return Blocked(still, task.get_name() if task else "", tuple(modules(frame)), "".join(stack))

    def end(self, still: float) -> None:
        """End the process, once what has to be done about it is done."""
        blocked = self.tell("the event loop was held up for too long: the process ends", still)
        if self.over is not None:
            last = threading.Thread(target=asyncio.run, args=(said(self.over, blocked),), name="last words", daemon=True)
            last.start()
            last.join(LAST_WORDS)
        os._exit(EXIT_CODE)


async def said(over: LastWords, blocked: Blocked) -> None:
    """Do what is to be done before the process ends, which it does whatever comes of this."""
    try:
        await over(blocked)
    except Exception:  # it may be any: the database may be away, and the code runs while the process is in disorder
        log.exception("what was to be done before the end was not done")


def modules(frame: FrameType | None) -> list[str]:
    """Return the modules of a frame and those that called it, the outermost first."""
    names: list[str] = []
    while frame is not None:
        names.append(str(frame.f_globals.get("__name__", "")))
        frame = frame.f_back
    return names[::-1]


@contextmanager
def watched(settings: WatchdogSettings, over: LastWords | None = None) -> Iterator[None]:
    """Watch the running loop while the block lasts. It is for processes of their own: it may end them.

    Args:
        settings: after how long to say something, and to end the process.
        over: does what there is to do before the process ends: on a loop of its own, since the other one does not turn, and
            bounded in time.
    """
    watchdog = _Watchdog(settings, over)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()
