"""The guard: what is retried, what counts, who is let through, and how long anybody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from skillcore.plugin import InvalidRequirement, NotFound, Refused, Unavailable
from skillcore.runtime.resilience import BreakerState, Guard, Limiter, Open, Overlong, Unsuitable
from skillcore.runtime.settings import ResilienceSettings


class Time:
    """A clock that moves only when somebody sleeps by it, or is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Upstream:
    """A server that counts its calls and fails with what it is told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.calls = 0
        self.errors = list(errors)
        self.always: Exception | None = None

    async def __call__(self) -> str:
        self.calls += 1
        error = self.errors.pop(0) if self.errors else self.always
        if error:
            raise error
        return "answer"


def guard(time: Time, **changes: Any) -> Guard:
    settings = ResilienceSettings(**{"retry_wait": 0.5, "retry_wait_max": 10.0, **changes})
    return Guard("acme", settings, calls_per_second=1000, concurrency=64, clock=time.clock, sleep=time.sleep)


async def failures_of(call: Callable[[], Awaitable[object]], times: int) -> list[Exception]:
    found: list[Exception] = []
    for _ in range(times):
        (result,) = await asyncio.gather(call(), return_exceptions=True)
        if isinstance(result, Exception):
            found.append(result)
    return found


async def test_failures_are_retried_until_an_answer_comes() -> None:
    upstream = Upstream(Unavailable("down"), Unavailable("down"))
    assert await guard(Time(), retries=2).call(upstream) == "answer"
    assert upstream.calls == 3


async def test_retries_end_with_the_last_error() -> None:
    upstream = Upstream(*(Unavailable(f"down {number}") for number in range(9)))
    with pytest.raises(Unavailable, match="down 2"):
        await guard(Time(), retries=2).call(upstream)
    assert upstream.calls == 3


@pytest.mark.parametrize(
    "error",
    [
        Refused("401"),
        NotFound("nobody"),
        InvalidRequirement("no", field="x"),
        Unsuitable("no such tool"),
        Overlong("100 MB"),
        KeyError("bug"),
    ],
)
async def test_what_cannot_change_is_not_retried(error: Exception) -> None:
    upstream = Upstream(error)
    with pytest.raises(type(error)):
        await guard(Time(), retries=5).call(upstream)
    assert upstream.calls == 1


async def test_waits_grow_and_keep_to_their_bounds() -> None:
    time, upstream = Time(), Upstream()
    upstream.always = Unavailable("down")
    with pytest.raises(Unavailable):
        await guard(time, retries=6, retry_budget=1000.0, breaker_failures=100).call(upstream)
    # 0.5 * 2^n with up to 0.5 of jitter, at most 10.
    for waited, least in zip(time.slept, (0.5, 1, 2, 4, 8, 10), strict=True):
        assert least <= waited <= min(10.0, least + 0.5)


@pytest.mark.parametrize(("asked", "least", "most"), [(7.0, 7.0, 7.0), (0.1, 0.5, 1.0), (500.0, 10.0, 10.0)])
async def test_retry_after_lengthens_the_wait_up_to_the_cap_and_is_kept(asked: float, least: float, most: float) -> None:
    time, upstream = Time(), Upstream()
    upstream.always = Unavailable("slow down", retry_after=asked, limited=True)
    with pytest.raises(Unavailable) as raised:
        await guard(time, retries=1).call(upstream)
    assert least <= time.slept[0] <= most
    assert raised.value.retry_after == asked


async def test_no_retry_begins_beyond_the_budget() -> None:
    upstream = Upstream()
    upstream.always = Unavailable("down", retry_after=9.0)
    with pytest.raises(Unavailable):
        await guard(Time(), retries=10, retry_budget=5.0, breaker_failures=100).call(upstream)
    assert upstream.calls == 1


async def test_twenty_calls_in_an_outage_reach_the_server_five_times() -> None:
    time, upstream = Time(), Upstream()
    upstream.always = Unavailable("down")
    guarded = guard(time, retries=2)
    errors = await failures_of(lambda: guarded.call(upstream), 20)
    assert upstream.calls == 5
    # Two calls reached it: three attempts, then two; the others waited for nothing.
    assert [type(error) for error in errors[2:]] == [Open] * 18
    assert len(time.slept) == 3


async def test_an_open_breaker_says_until_when_and_why() -> None:
    time, upstream = Time(), Upstream()
    upstream.always = Unavailable("connection refused")
    guarded = guard(time, retries=0, breaker_failures=2, breaker_reset=60.0)
    await failures_of(lambda: guarded.call(upstream), 2)
    time.now += 20
    with pytest.raises(Unavailable, match="connection refused") as raised:
        await guarded.call(upstream)
    assert raised.value.retry_after == 40
    assert guarded.breaker.state == BreakerState(state="open", failures=2, retry_in=40, last_failure="connection refused")
    time.now += 39.75
    with pytest.raises(Open, match="left alone for 1 s"):  # never for no time at all
        await guarded.call(upstream)


async def test_exactly_the_trials_of_fifty_callers_pass_half_open() -> None:
    time, upstream = Time(), Upstream()
    upstream.always = Unavailable("down")
    guarded = guard(time, retries=0, breaker_failures=1, breaker_reset=60.0, breaker_trials=3)
    await failures_of(lambda: guarded.call(upstream), 1)
    time.now += 60
    inside = 0
    release = asyncio.Event()

    async def slow() -> str:
        nonlocal inside
        inside += 1
        await release.wait()
        return "answer"

    callers = [asyncio.create_task(guarded.call(slow)) for _ in range(50)]
    done, waiting = await asyncio.wait(callers, timeout=5, return_when=asyncio.FIRST_EXCEPTION)
    while len(done) < 47:
        more, waiting = await asyncio.wait(waiting, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert more
        done |= more
    assert inside == 3
    assert all(isinstance(task.exception(), Open) for task in done)
    assert guarded.breaker.state.state == "half_open"
    release.set()
    assert await asyncio.gather(*waiting) == ["answer"] * 3
    assert guarded.breaker.state == BreakerState(state="closed", last_failure="down")


async def test_one_failed_trial_opens_the_breaker_again() -> None:
    time, upstream = Time(), Upstream()
    upstream.always = Unavailable("down")
    guarded = guard(time, retries=0, breaker_failures=1, breaker_reset=60.0)
    await failures_of(lambda: guarded.call(upstream), 1)
    time.now += 60
    await failures_of(lambda: guarded.call(upstream), 3)
    assert upstream.calls == 2
    assert guarded.breaker.state.retry_in == 60


@pytest.mark.parametrize(
    "error",
    [
        Refused("401"),
        NotFound("nobody"),
        InvalidRequirement("no", field="x"),
        Unavailable("429", limited=True),
        Unsuitable("no such tool"),
    ],
)
async def test_errors_that_are_not_the_servers_count_as_nothing(error: Exception) -> None:
    upstream = Upstream(Unavailable("down"), *[error] * 10, Unavailable("down"))
    guarded = guard(Time(), retries=0, breaker_failures=3)
    await failures_of(lambda: guarded.call(upstream), 12)
    assert guarded.breaker.state.failures == 2
    assert guarded.breaker.state.state == "closed"


@pytest.mark.parametrize("error", [KeyError("bug"), Overlong("100 MB")])
async def test_what_is_not_retried_may_count(error: Exception) -> None:
    upstream = Upstream(error)
    guarded = guard(Time(), retries=0, breaker_failures=1)
    await failures_of(lambda: guarded.call(upstream), 1)
    assert guarded.breaker.state.state == "open"


async def test_a_success_ends_the_row_of_failures() -> None:
    upstream = Upstream(Unavailable("down"), None, Unavailable("down"))
    guarded = guard(Time(), retries=0, breaker_failures=2)
    await failures_of(lambda: guarded.call(upstream), 3)
    assert guarded.breaker.state == BreakerState(state="closed", failures=1, last_failure="down")


@pytest.mark.parametrize("half_open", [False, True])
async def test_cancelled_calls_count_as_nothing_and_give_their_trial_back(half_open: bool) -> None:
    time = Time()
    guarded = guard(time, retries=0, breaker_failures=1, breaker_trials=1)
    if half_open:
        await failures_of(lambda: guarded.call(Upstream(Unavailable("down"))), 1)
        time.now += 60
    begun = asyncio.Event()

    async def slow() -> None:
        begun.set()
        await asyncio.Event().wait()

    caller = asyncio.create_task(guarded.call(slow))
    await begun.wait()
    before = guarded.breaker.state
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert guarded.breaker.state == before
    assert await guarded.call(Upstream()) == "answer"


async def test_a_late_failure_of_an_earlier_state_counts_as_nothing() -> None:
    time = Time()
    guarded = guard(time, retries=0, breaker_failures=1, breaker_trials=1)
    begun, release = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        begun.set()
        await release.wait()
        raise Unavailable("down, long ago")

    caller = asyncio.create_task(guarded.call(late))
    await begun.wait()
    await failures_of(lambda: guarded.call(Upstream(Unavailable("down"))), 1)
    time.now += 60
    assert await guarded.call(Upstream()) == "answer"
    release.set()
    with pytest.raises(Unavailable, match="long ago"):
        await caller
    assert guarded.breaker.state.state == "closed"


async def test_an_attempt_that_never_returns_is_cut_off_and_counts() -> None:
    guarded = guard(Time(), retries=0, connect_timeout=0.01, call_timeout=0.01)
    with pytest.raises(Unavailable, match=r"within 0\.02 s") as raised:
        await guarded.call(asyncio.Event().wait)
    assert raised.value.hung
    assert guarded.breaker.state.failures == 1


async def test_a_caller_that_is_never_free_to_go_gives_up_at_the_deadline_without_blaming_the_server() -> None:
    settings = ResilienceSettings(retries=0, connect_timeout=0.1, call_timeout=100.0, retry_budget=0.1)
    guarded = Guard("acme", settings, concurrency=1)
    guarded.deadline = 0.05
    begun, release = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await release.wait()

    async with guarded.limiter.turn():
        with pytest.raises(Unavailable, match="was not free") as raised:
            await guarded.call(slow)
    assert raised.value.limited
    assert not begun.is_set()
    assert guarded.breaker.state.failures == 0


async def test_a_time_out_inside_the_call_is_not_mistaken_for_the_guards() -> None:
    async def own() -> None:
        raise TimeoutError("my own")

    with pytest.raises(TimeoutError, match="my own"):
        await guard(Time(), retries=0).call(own)


@pytest.mark.parametrize(
    ("calls_per_second", "starts"),
    [
        (0.5, [0, 2, 4, 6]),  # one call every two seconds, no burst
        (1.0, [0, 1, 2, 3]),
        (2.0, [0, 0, 0.5, 1.0]),  # a second's worth at once, then the pace
    ],
)
async def test_the_limiter_keeps_the_pace(calls_per_second: float, starts: list[float]) -> None:
    time = Time()
    limiter = Limiter(calls_per_second, 1, clock=time.clock, sleep=time.sleep)
    began = time.now
    seen = []
    for _ in starts:
        async with limiter.turn():
            seen.append(time.now - began)
    assert seen == pytest.approx(starts)


async def test_an_idle_limiter_saves_up_one_second_and_no_more() -> None:
    time = Time()
    limiter = Limiter(2.0, 1, clock=time.clock, sleep=time.sleep)
    time.now += 3600
    began = time.now
    for _ in range(3):
        async with limiter.turn():
            pass
    assert time.now - began == pytest.approx(0.5)


async def test_the_limiter_holds_back_more_than_its_concurrency() -> None:
    limiter = Limiter(1000.0, 2)
    under_way = most = 0

    async def one() -> None:
        nonlocal under_way, most
        async with limiter.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 2


async def test_an_open_breaker_costs_no_turn() -> None:
    time, upstream = Time(), Upstream(Unavailable("down"))
    settings = ResilienceSettings(retries=0, breaker_failures=1)
    guarded = Guard("acme", settings, calls_per_second=0.001, concurrency=1, clock=time.clock, sleep=time.sleep)
    errors = await failures_of(lambda: guarded.call(upstream), 10)
    assert [type(error) for error in errors] == [Unavailable] + [Open] * 9
    assert time.slept == []
