"""Tasks that a plugin's code starts belong to the call that it started them in: none outlives it, and none ends the process.

Without this, a source that starts a task with each verification and forgets it would slow its worker down until nothing
else got its turn, and a `SystemExit` in such a task would take the worker with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import structlog

__all__ = ["Call", "task_factory", "within_the_engine"]

log = structlog.get_logger(__name__)

T = TypeVar("T")

_current: ContextVar[Call | None] = ContextVar("current", default=None)


class Call:
    """A call of a plugin's code, with the tasks that it has started. Enter it in the task that makes the call."""

    def __init__(self, who: str) -> None:
        """Say whose code it is, for the log."""
        self.who = who
        self.tasks: set[asyncio.Task[Any]] = set()

    async def run(self, made: Awaitable[T]) -> T:
        """Await what the plugin's code made, and remember the tasks that are started meanwhile."""
        token = _current.set(self)
        try:
            return await made
        finally:
            _current.reset(token)

    async def end(self, seconds: float) -> None:
        """Cancel what is left of them, and wait a while for their end."""
        left = {task for task in self.tasks if not task.done()}
        if not left:
            return
        log.warning("a plugin left tasks behind; they are cancelled", plugin=self.who, tasks=len(left))
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=seconds)

    def adopt(self, loop: asyncio.AbstractEventLoop, made: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
        """Start a task of this call's."""
        task = asyncio.Task(self._tamed(made), loop=loop, **options)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _tamed(self, made: Coroutine[Any, Any, T]) -> T:
        try:
            return await made
        except (asyncio.CancelledError, KeyboardInterrupt, Exception):
            raise
        except BaseException as error:  # SystemExit and its like would end the process
            message = f"a task of {self.who} raised {type(error).__name__}: {error}"
            raise RuntimeError(message) from error


def task_factory(
    loop: asyncio.AbstractEventLoop, made: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any
) -> asyncio.Task[T]:
    """Start a task: the current call's if there is one, for ``loop.set_task_factory``."""
    call = _current.get()
    if call is None or not isinstance(made, Coroutine):
        return asyncio.Task(made, loop=loop, **options)
    return call.adopt(loop, made, **options)


@contextmanager
def within_the_engine() -> Iterator[None]:
    """Mark the engine's own code where a plugin's code calls it: tasks that it starts, such as a session's, are its own."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)
