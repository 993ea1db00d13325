"""Lets a plugin's code run without letting it do harm: bounded in time, and whatever it does wrong is a `SourceError`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import structlog

from skillcore.plugin import (
    Evidence,
    InvalidRequirement,
    NotFound,
    NotVerified,
    Refused,
    SourceError,
    Unavailable,
    Undecided,
    Verdict,
    Verified,
)
from skillcore.verification.strays import Call

__all__ = ["LARGEST", "MOST", "contained", "sound_error", "sound_evidence", "sound_verdict", "task_name"]

log = structlog.get_logger(__name__)

T = TypeVar("T")

MOST = 1000
"""Works that one verdict or one page of a history may name: they are kept together, so they are held in memory together."""

LARGEST = 4_194_304
"""Bytes of either as JSON."""

STUBBORN = 5.0
"""Seconds for code to end after it was cancelled; then it is left to itself."""

# What operators do about a plugin until its author has mended it.
CRASHED = "the plugin must raise a SourceError for whatever keeps it from a verdict; update it, or name it in plugins.block"
LATE = "give it more time (verification.deadline), a worker of its own (verification.isolated), or name it in plugins.block"
DEAF = "it cannot be cancelled: give it a worker of its own (verification.isolated), or name its plugin in plugins.block"

_abandoned: set[asyncio.Task[object]] = set()
_verdicts = msgspec.json.Decoder(Verified | NotVerified | Undecided)


async def contained(who: str, call: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Return what a plugin's coroutine returns, if it does so in time.

    Args:
        who: the plugin and its source, for messages.
        call: makes the coroutine.
        seconds: how long it may take.

    Raises:
        SourceError: as the plugin raised it; Unavailable for anything else that went wrong.
    """
    own = Call(who)
    task = asyncio.create_task(_only_source_errors(own, call), name=task_name(who))
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            await _end(who, task)
            log.warning("plugin.late", plugin=who, seconds=seconds, remedy=LATE)
            raise Unavailable(f"{who} did not finish within {seconds:g} s")
    except asyncio.CancelledError:
        await _end(who, task)
        raise
    finally:
        await own.end(STUBBORN)
    if task.cancelled():
        raise Unavailable(f"{who} cancelled itself")
    return task.result()


def task_name(who: str) -> str:
    """Return the name of the tasks in which a plugin's coroutines run."""
    return f"plugin {who}"


def sound_error(error: SourceError) -> SourceError:
    """Return the error if the engine can rely on it, else one that says the same without what was wrong with it."""
    if isinstance(error, Unavailable):
        asked: object = error.retry_after
        if asked is None or (isinstance(asked, int | float) and math.isfinite(asked) and asked >= 0):
            return error
        return Unavailable(str(error.message), limited=bool(error.limited), hung=bool(error.hung))
    if isinstance(error, Refused | NotFound | InvalidRequirement):
        return error
    return Unavailable(f"{type(error).__name__}: {error.message}")


def sound_verdict(who: str, verdict: object) -> Verdict:
    """Return the verdict if it is one in every part, as it will be stored.

    Raises:
        Unavailable: it is something else, or holds something that it must not.
    """
    if not isinstance(verdict, Verified | NotVerified | Undecided):
        raise Unavailable(f"{who} returned {type(verdict).__name__}, which is no verdict")
    try:
        works = len(verdict.evidence) if isinstance(verdict, Verified) else 0
        encoded = msgspec.json.encode(verdict) if works <= MOST else b""
        sound: Verdict | None = _verdicts.decode(encoded) if 0 < len(encoded) <= LARGEST else None
    except Exception as error:  # whatever sits in its fields may fail in its own way
        raise Unavailable(f"{who} returned a verdict that does not hold: {type(error).__name__}: {error}") from error
    if sound is None:
        found = f"{works} works" if works > MOST else f"{len(encoded)} bytes"
        raise Unavailable(f"{who} returned a verdict of {found}; allowed: {MOST} works and {LARGEST} bytes")
    if isinstance(sound, Verified):
        if not sound.evidence:
            raise Unavailable(f"{who} verified without evidence")
        for evidence in sound.evidence:
            sound_evidence(who, evidence)
    return sound


def sound_evidence(who: str, evidence: Evidence) -> None:
    """Refuse evidence that its types allow and that cannot be recorded.

    Raises:
        Unavailable: says what is wrong with it.
    """
    if evidence.occurred_at.utcoffset() is None:
        raise Unavailable(f"{who} returned evidence whose time has no time zone: {evidence.work}")
    if "\0" in evidence.work or any("\0" in topic for topic in evidence.topics):
        raise Unavailable(f"{who} returned evidence with a null character in its name or topics")


async def _only_source_errors(own: Call, call: Callable[[], Awaitable[T]]) -> T:
    who = own.who
    try:
        return await own.run(_made(call))
    except SourceError as error:
        raise sound_error(error) from error
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # also sys.exit, and whatever else would end the process
        log.warning("plugin.failed", plugin=who, remedy=CRASHED, exc_info=error)
        raise Unavailable(f"{who} failed: {type(error).__name__}: {error}") from error


async def _made(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


async def _end(who: str, task: asyncio.Task[T]) -> None:
    task.cancel()
    try:
        await asyncio.wait({task}, timeout=STUBBORN)
    finally:
        if task.done():
            # Too late to matter, and nobody else will look.
            task.cancelled() or task.exception()
        else:
            log.error("plugin.stuck", plugin=who, remedy=DEAF)
            _abandoned.add(task)
            task.add_done_callback(_forget)


def _forget(task: asyncio.Task[object]) -> None:
    _abandoned.discard(task)
    task.cancelled() or task.exception()
