"""What a source does when its server fails, hangs or is cut short: the engine's errors leave it, and it ends in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from skillcore.plugin import Refused, SourceError, Unavailable
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing.faults import HTML_PAGE, Answer, Drop, Hang, HTTPFault, ProtocolFault, ToolFault, huge
from skillcore.testing.recordings import Call
from skillcore.testing.samples import Sample
from skillcore.testing.source_checks.frame import SourceFrame, agree, always, shown, told_by
from skillcore.verification.tools import GuardedTools

__all__ = ["FailingChecks"]

HASTY = ResilienceSettings(retries=0, breaker_failures=1_000_000, call_timeout=0.05, connect_timeout=0.05)
"""A server that hangs is given up after a moment."""

LIMITED, ASKED = 429, 7
FAULTS: tuple[Answer, ...] = (
    "",
    HTML_PAGE,
    huge(),
    ToolFault("Error: API request failed"),
    ProtocolFault("Internal error"),
    HTTPFault(500),
    HTTPFault(503, body=HTML_PAGE),
    HTTPFault(401),
    HTTPFault(LIMITED, retry_after=ASKED),
    Drop(),
)
"""How servers fail. Each stands for one way in which an answer does not come."""

CALLS = 5
"""Calls of one sample that are struck, one after the other."""

BLOCKED = 1.0
"""Seconds for which no source may hold up the loop that all others share."""

LET_THROUGH = "let the errors of `tools.call` and `tools.read` through, and raise subclasses of SourceError alone"

Use = Callable[[GuardedTools], Awaitable[Any]]


class FailingChecks(SourceFrame):
    """Checks of errors, deadlines and cancellation."""

    def test_only_source_errors_leave_it(self) -> None:
        """Guards the engine's answer to a failure, which it chooses by the error's class: anything else is a crash.

        Every call behind a verdict fails in ten ways, one at a time: an outage must not become a verdict, a rate limit must
        keep what the server asked for, and a refusal of the credentials must stay one.
        """
        for sample in (*self.met[:2], *self.not_met[:2]):
            for call in self.calls_of(sample)[:CALLS]:
                for fault in FAULTS:
                    self._strike(sample, call, fault)

    def test_a_server_that_fails_altogether_gives_no_verdict(self) -> None:
        """Guards against verdicts out of nothing: with every call failing, the source has not been asked."""
        for sample in self.samples():
            for fault in FAULTS:
                found = self.run(partial(self.outcome, sample, partial(always, fault)))
                if not isinstance(found, SourceError):
                    raise self.refuse(f"gave {shown(found)} while its server failed with {_told(fault)}", LET_THROUGH)

    def test_a_hanging_tool_ends_at_the_deadline(self) -> None:
        """Guards the queue of its jobs: a call that is never answered ends as Unavailable when its time is up."""
        for sample in self.samples():
            whole = self.run(partial(self.outcome, sample))
            for call in self.calls_of(sample)[:CALLS]:
                found = self.run(partial(self.outcome, sample, self.but(call, Hang()), HASTY))
                if not (isinstance(found, Unavailable) or (isinstance(found, SourceError) and agree(found, whole))):
                    raise self.refuse(
                        f"gave {shown(found)} although {call[0]} never answered",
                        "do not catch the Unavailable that the tools raise when the time is up",
                    )

    def test_it_can_be_cancelled_at_every_call(self) -> None:
        """Guards shutdown and deadlines: when cancelled in the middle of a call, everything ends at once and leaves nothing."""
        for words, use in self._uses_by_name():
            for number in range(1, CALLS + 1):
                if not self.run(partial(self._cancelled, words, use, number)):
                    break

    def test_it_calls_the_tools_that_it_declares(self) -> None:
        """Guards operators: the engine compares what is declared with the server, so that a call cannot fail for its name.

        Past work and figures may need tools that a server can do without; verdicts, proofs and health may not.
        """
        declared = {tool.name: tool.arguments for tool in self.source.server.tools}
        for words, use in self._uses_by_name():
            if words in {"history", "get_user_stats"}:
                continue
            tools = self.recital()
            self.run(partial(self.tried, partial(use, tools)))
            for tool, arguments in tools.calls:
                missing = [name for name in arguments if name not in declared.get(tool, ())]
                if tool not in declared or missing:
                    with_what = f" with {', '.join(missing)}" if missing else ""
                    raise self.refuse(
                        f"calls {tool}{with_what} in {words} and does not declare it", "add it to the tools of its MCPServer"
                    )

    def test_nothing_is_left_running(self) -> None:
        """Guards the worker's memory and the next verification: a source starts no task that outlives its answer."""
        for sample in self.samples():
            left = self.run(partial(self._left, sample))
            if left:
                raise self.refuse(f"left a task running: {left[0]}", "await what you start, best in an asyncio.TaskGroup")

    def test_it_never_holds_up_the_loop(self) -> None:
        """Guards all other sources, which share its loop: whatever takes long is awaited, or done in a thread."""
        for sample in self.samples():
            # Twice, since a busy machine may hold up anybody once.
            held = min(self.run(partial(self._held, sample)) for _ in range(2))
            if held > BLOCKED:
                raise self.refuse(
                    f"held up the loop for {held:.1f} s on {sample.handle!a}",
                    "await instead of sleeping or blocking, and hand long sums to asyncio.to_thread",
                )

    def test_its_health_check_is_bounded(self) -> None:
        """Guards the health page: with a server that answers it says None or words, with one that hangs it gives up."""
        found = self.run(lambda: self.tried(lambda: self.source.health_check(self.recital())))
        if not (found is None or isinstance(found, str | SourceError)):
            raise self.refuse(f"says {shown(found)} of its health", "return None, or in words what is wrong")
        tools = self.recital(lambda tool, arguments: Hang(), HASTY)
        found = self.run(lambda: self.tried(lambda: self.source.health_check(tools)))
        if tools.calls and not isinstance(found, str | SourceError):
            raise self.refuse(
                "calls itself healthy although its server hangs", "let the Unavailable of the tools leave health_check"
            )

    def _strike(self, sample: Sample, call: Call, fault: Answer) -> None:
        whole = self.run(partial(self.outcome, sample))
        found = self.run(partial(self.outcome, sample, self.but(call, fault)))
        if agree(found, whole):
            return
        if not isinstance(found, SourceError):
            raise self.refuse(f"gave {shown(found)} when {call[0]} failed with {_told(fault)}", LET_THROUGH)
        if isinstance(fault, HTTPFault) and fault.status == 401 and not isinstance(found, Refused):
            raise self.refuse(f"made {shown(found)} of refused credentials", "let Refused through: asking again is no use")
        if isinstance(fault, HTTPFault) and fault.status == LIMITED:
            kept = isinstance(found, Unavailable) and found.limited and found.retry_after == ASKED
            if not kept:
                raise self.refuse(
                    f"made {shown(found)} of a rate limit", "let the tools' Unavailable through: it says when to ask again"
                )

    def _uses_by_name(self) -> Iterator[tuple[str, Use]]:
        for sample in (*self.met[:1], *self.not_met[:1]):
            account, requirement = self.account(sample), sample.requirement
            yield "verify", partial(self.source.verify, account=account, requirement=requirement)
            yield "get_user_stats", partial(self.source.get_user_stats, account=account)
            yield "history", partial(self._read_history, sample=sample)
        for met in self.challenges[:1]:
            yield "check_challenge", partial(self.source.check_challenge, account=self.account(met), challenge=met.issued())
        yield "health_check", self.source.health_check

    async def _read_history(self, tools: GuardedTools, sample: Sample) -> None:
        pages = told_by(self.source.history(tools, self.account(sample), None))
        if pages is not None:
            async for _ in pages:
                pass

    async def _cancelled(self, words: str, use: Use, number: int) -> bool:
        """Cancel a use during its n-th call; False if it makes fewer."""
        reached, calls = asyncio.Event(), 0

        def handler(tool: str, arguments: dict[str, Any]) -> Answer:
            nonlocal calls
            calls += 1
            if calls < number:
                return self.answer(tool, arguments)
            reached.set()
            return Hang()

        task = asyncio.ensure_future(use(self.recital(handler)))
        waiting = asyncio.ensure_future(reached.wait())
        await asyncio.wait({task, waiting}, timeout=self.patience, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not reached.is_set():
            task.cancel()
            await asyncio.wait({task}, timeout=self.patience)
            return False
        task.cancel()
        await asyncio.wait({task}, timeout=self.patience)
        if not task.done() or not task.cancelled():
            ended = "went on" if not task.done() else f"ended with {shown(task.exception() or task.result())}"
            raise self.refuse(
                f"{words} {ended} after it was cancelled during call {number}",
                "catch no CancelledError and no BaseException; what must be tidied up belongs into a finally",
            )
        return True

    async def _left(self, sample: Sample) -> list[str]:
        before = asyncio.all_tasks()
        await self.outcome(sample)
        await asyncio.sleep(0)
        return [repr(task.get_coro()) for task in asyncio.all_tasks() - before]

    async def _held(self, sample: Sample) -> float:
        """Return the longest time for which nothing else could run."""
        longest, last = 0.0, time.monotonic()

        async def beat() -> None:
            nonlocal longest, last
            while True:
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
                await asyncio.sleep(0.01)

        beating = asyncio.ensure_future(beat())
        await self.outcome(sample)
        await asyncio.sleep(0)
        beating.cancel()
        return max(longest, time.monotonic() - last)


def _told(fault: Answer) -> str:
    return f"{type(fault).__name__}({str(fault)[:60]!a})" if isinstance(fault, Exception) else f"the text {str(fault)[:60]!a}"
