"""What a check says, and how checks are kept from hanging or from taking the others down with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Literal, TypeVar

from msgspec import Struct

from skillcore.plugin.sections import without_password

__all__ = ["Check", "Diagnosis", "bad", "fine", "odd", "side_by_side", "within"]

T = TypeVar("T")


class Diagnosis(Struct, frozen=True, kw_only=True):
    """What a check says of one thing.

    Attributes:
        check: what was looked at.
        status: ``fail`` where skillcore does not start, loses work or leaks secrets; ``warn`` where it serves, and something
            that it offers does not work, or not as it should.
        found: what is the case.
        remedy: what to do about it; empty if it is well.
    """

    check: str
    status: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""


Check = tuple[str, Callable[[], Iterable[Diagnosis]]]
"""A check with its name."""


def fine(check: str, found: str) -> Diagnosis:
    """Say that something is well."""
    return Diagnosis(check=check, status="ok", found=found)


def odd(check: str, found: str, remedy: str) -> Diagnosis:
    """Say that something does not work, or not as it should, and that the rest serves."""
    return Diagnosis(check=check, status="warn", found=found, remedy=remedy)


def bad(check: str, found: str, remedy: str) -> Diagnosis:
    """Say that something must be mended."""
    return Diagnosis(check=check, status="fail", found=found, remedy=remedy)


def within(seconds: float, question: Callable[[], T]) -> T:
    """Return the answer to a question that may hang; what hangs is left to itself, and ends with the process.

    Raises:
        TimeoutError: there was no answer in time.
        Exception: whatever the question raised.
    """
    return _asked(question).result(seconds)


def side_by_side(checks: Sequence[Check], seconds: float) -> list[Diagnosis]:
    """Run checks at the same time and return what they say, in their order, within the time."""
    said: list[list[Diagnosis]] = [[] for _ in checks]
    deadline = time.monotonic() + seconds
    running = [_asked(_collecting(check, into)) for (_, check), into in zip(checks, said, strict=True)]
    result: list[Diagnosis] = []
    for (name, _), answer, into in zip(checks, running, said, strict=True):
        try:
            answer.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            missing = [bad(name, f"no answer within {seconds:g} s", "see what hangs there, and run this again")]
        except Exception as error:  # noqa: BLE001 - what a check did not foresee is its finding, and no reason to skip the rest
            words = without_password(f"{type(error).__name__}: {error}")
            missing = [bad(name, f"this could not be looked at: {words}", "mend what the message names, and run this again")]
        else:
            missing = []
        result += [*into, *missing]
    return result


def _collecting(check: Callable[[], Iterable[Diagnosis]], into: list[Diagnosis]) -> Callable[[], None]:
    def collect() -> None:
        for diagnosis in check():
            into.append(diagnosis)  # noqa: PERF402 - one by one: what was said before it hangs is kept

    return collect


def _asked(question: Callable[[], T]) -> Future[T]:
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    return answer
