"""Guards calls to a server that may fail: ``deadline( retry( limiter( breaker( timeout( call )))))``, in that nesting.

The order matters. A retry inside the breaker's count would hide failures from it, a limiter outside the retries would let
them break the pace, and a breaker that is open must end the retries at once: it is never waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Literal, TypeVar

import pybreaker
from msgspec import Struct
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from skillcore.plugin import SourceError, Unavailable
from skillcore.runtime.settings import ResilienceSettings

__all__ = ["Breaker", "BreakerState", "Guard", "Limiter", "Open", "Overlong", "Unsuitable"]

T = TypeVar("T")
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[Any]]

TRIAL_PAUSE = 1.0
"""Seconds after which to ask again when all trials of a half-open breaker are under way."""


class Open(Unavailable):
    """The breaker is open: the call was not made. Never retried by the guard."""


class Unsuitable(Unavailable):
    """The server is up, and asking it again cannot help: it lacks a tool, for one. Neither retried nor counted."""


class Overlong(Unavailable):
    """The server answered with more than is read. Asking again would bring as much again, so it is counted and not retried."""


class BreakerState(Struct, frozen=True, kw_only=True):
    """What a breaker thinks of its server.

    Attributes:
        failures: in a row, as counted while closed.
        retry_in: seconds until calls are let through again; 0 unless open.
        last_failure: what the latest counted failure said; empty before the first.
    """

    state: Literal["closed", "open", "half_open"]
    failures: int = 0
    retry_in: float = 0.0
    last_failure: str = ""


class Breaker(pybreaker.CircuitBreakerListener):
    """An asynchronous face on pybreaker's state machine.

    Half-open lets a number of trials through at a time, and as many successes close it. A call counts only in the state
    in which it began. Cancelled calls, rationed ones and errors that are not the server's fault count as nothing.
    """

    def __init__(self, name: str, *, failures: int, reset: float, trials: int, clock: Clock = time.monotonic) -> None:
        self.name = name
        self.reset = reset
        self.trials = trials
        self._clock = clock
        self._opened_at = 0.0
        self._epoch = 0
        self._trials_under_way = 0
        self._last_failure = ""
        self._machine = pybreaker.CircuitBreaker(
            fail_max=failures,
            # When to try again is decided here, by a clock that never jumps.
            reset_timeout=0,
            success_threshold=trials,
            listeners=[self],
            name=name,
            throw_new_error_on_trip=False,
        )

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        """Begin a new epoch; pybreaker calls this."""
        self._epoch += 1
        self._trials_under_way = 0
        if new_state.name == pybreaker.STATE_OPEN:
            self._opened_at = self._clock()

    @property
    def state(self) -> BreakerState:
        """The present state; an open breaker whose time is up still reads as open until a call comes."""
        words: dict[str, Literal["closed", "open", "half_open"]] = {
            pybreaker.STATE_CLOSED: "closed",
            pybreaker.STATE_OPEN: "open",
            pybreaker.STATE_HALF_OPEN: "half_open",
        }
        return BreakerState(
            state=words[self._machine.current_state],
            failures=self._machine.fail_counter,
            retry_in=self._retry_in(),
            last_failure=self._last_failure,
        )

    def check(self) -> None:
        """Refuse at once if a call would not be let through now.

        Raises:
            Open: with the seconds to wait.
        """
        waiting = self._retry_in()
        state = self._machine.current_state
        if state == pybreaker.STATE_HALF_OPEN and self._trials_under_way >= self.trials:
            waiting = TRIAL_PAUSE
        if waiting > 0:
            seconds = math.ceil(waiting)
            raise Open(
                f"{self.name} is left alone for {seconds} s after repeated failures; the last was: {self._last_failure}",
                retry_after=waiting,
            )

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call if the state allows it, and count how it went."""
        self.check()
        if self._machine.current_state == pybreaker.STATE_OPEN:
            self._machine.half_open()
        epoch = self._epoch
        with self._trial():
            try:
                result = await call()
            except Exception as error:
                if epoch == self._epoch and _counts(error):
                    self._last_failure = str(error)
                    self._report(error)
                raise
            if epoch == self._epoch:
                self._report(None)
            return result

    @contextlib.contextmanager
    def _trial(self) -> Iterator[None]:
        """Hold one of the trial slots while half-open."""
        epoch = self._epoch
        if self._machine.current_state == pybreaker.STATE_HALF_OPEN:
            self._trials_under_way += 1
            try:
                yield
            finally:
                if epoch == self._epoch:
                    self._trials_under_way -= 1
        else:
            yield

    def _retry_in(self) -> float:
        if self._machine.current_state != pybreaker.STATE_OPEN:
            return 0.0
        return max(0.0, self._opened_at + self.reset - self._clock())

    def _report(self, error: Exception | None) -> None:
        def outcome() -> None:
            if error is not None:
                raise error

        # pybreaker raises what it counts; the caller raises the real one.
        with contextlib.suppress(Exception):
            self._machine.call(outcome)


class Limiter:
    """Paces calls, first come, first served: so many a second in bursts of up to one second's worth, so many at once."""

    def __init__(
        self, calls_per_second: float, concurrency: int, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._interval = 1.0 / calls_per_second
        self._burst = max(1.0, calls_per_second)
        self._slots = asyncio.Semaphore(concurrency)
        self._clock = clock
        self._sleep = sleep
        # When the bucket would have been empty, had it never been capped: tokens = (now - _spent) / _interval.
        self._spent = float("-inf")

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it. The slot comes before the token, so that a queue never turns into a burst."""
        async with self._slots:
            now = self._clock()
            self._spent = max(self._spent, now - self._burst * self._interval) + self._interval
            if self._spent > now:
                await self._sleep(self._spent - now)
            yield


class Guard:
    """All layers around the calls to one server.

    Args:
        name: of the server, for messages.
        calls_per_second: the pace.
        concurrency: calls under way at once.
    """

    def __init__(
        self,
        name: str,
        settings: ResilienceSettings,
        *,
        calls_per_second: float = 1000.0,
        concurrency: int = 64,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self.settings = settings
        self.breaker = Breaker(
            name,
            failures=settings.breaker_failures,
            reset=settings.breaker_reset,
            trials=settings.breaker_trials,
            clock=clock,
        )
        self.limiter = Limiter(calls_per_second, concurrency, clock=clock, sleep=sleep)
        self._sleep = sleep
        # The first call to a server also opens it.
        self.attempt_timeout = settings.connect_timeout + settings.call_timeout
        self.deadline = settings.retry_budget + self.attempt_timeout

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make a call and return its result. ``attempt`` may be called several times, never twice at once.

        Raises:
            Unavailable: no attempt succeeded; `Open` if none was made.
            Exception: whatever else the attempt raised, at once.
        """
        waiting = True

        async def timed() -> T:
            nonlocal waiting
            waiting = False
            try:
                async with asyncio.timeout(self.attempt_timeout) as limit:
                    return await attempt()
            except TimeoutError as error:
                if limit.expired():
                    raise Unavailable(f"{self.name} did not answer within {self.attempt_timeout:g} s", hung=True) from error
                raise

        async def paced() -> T:
            nonlocal waiting
            waiting = True
            self.breaker.check()  # an open breaker costs neither a turn nor a token
            async with self.limiter.turn():
                return await self.breaker.run(timed)

        try:
            async with asyncio.timeout(self.deadline) as limit:
                return await self._retrying()(paced)
        except TimeoutError as error:
            if not limit.expired():
                raise
            what = "was not free" if waiting else "did not answer"
            raise Unavailable(f"{self.name} {what} within {self.deadline:g} s", limited=waiting) from error

    def _retrying(self) -> AsyncRetrying:
        settings = self.settings
        backoff = wait_exponential_jitter(
            multiplier=settings.retry_wait, max=settings.retry_wait_max, jitter=settings.retry_wait
        )

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = getattr(error, "retry_after", None) or 0.0
            return min(settings.retry_wait_max, max(backoff(state), asked))

        return AsyncRetrying(
            stop=stop_after_attempt(settings.retries + 1) | stop_before_delay(settings.retry_budget),
            wait=wait,
            # A failure that opened the breaker is the last: waiting for the next attempt would only find it open.
            retry=retry_if_exception(lambda error: _may_pass(error) and self.breaker.state.state != "open"),
            reraise=True,
            sleep=self._sleep,
        )


def _counts(error: BaseException) -> bool:
    """Tell whether an error speaks against the server. Errors that no source may raise do: they come of its answers."""
    if isinstance(error, Unavailable):
        return not error.limited and not isinstance(error, Unsuitable)
    return not isinstance(error, SourceError)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and not isinstance(error, Open | Unsuitable | Overlong)
