"""What all checks of a source share: the samples, the answers behind them, and how a source is run and judged."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar, TypeVar

import pytest

from skillcore.plugin import Account, NotVerified, Page, Undecided, Verdict, VerificationSource, Verified
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing.conformance import Nonconformance
from skillcore.testing.faults import Answer, Drop
from skillcore.testing.recital import Recital
from skillcore.testing.recordings import ROOM, Call, Recording, call_of, record
from skillcore.testing.responder import Handler
from skillcore.testing.samples import MetChallenge, Sample
from skillcore.testing.tools import ONE_BY_ONE
from skillcore.verification.containment import sound_verdict
from skillcore.verification.tools import GuardedTools

__all__ = ["Outcome", "SourceFrame", "TooManyCalls", "agree", "always", "shown", "taken_up", "told_by"]

T = TypeVar("T")

Outcome = Verdict | BaseException
"""What came of a verification: a verdict, or whatever was raised."""

HISTORY_PAGES = 1000
"""Pages of history that are recorded of an account."""

TAKEN_UP = 20
"""Pages of a history after which it is taken up again."""

_recordings: dict[type[SourceFrame], Recording] = {}
_abandoned: set[asyncio.Task[Any]] = set()


class TooManyCalls(BaseException):
    """A source called more often than its suite allows. No ordinary ``except`` of the source catches it."""


class SourceFrame:
    """The attributes that an author sets, and the tools of the checks. See `skillcore.testing.SourceSuite`."""

    source: ClassVar[VerificationSource[Any]]
    met: ClassVar[Sequence[Sample]] = ()
    not_met: ClassVar[Sequence[Sample]] = ()
    not_found: ClassVar[Sequence[Sample]] = ()
    challenges: ClassVar[Sequence[MetChallenge]] = ()
    spare: ClassVar[Collection[str]] = ()
    most_calls: ClassVar[int] = 1000
    patience: ClassVar[float] = 5.0
    _called_at: float = 0.0

    def answer(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Answer a tool's call as the source's server does: with a text or a `Fault`.

        Override it where the real server cannot run beside the tests. Without, the server that ``source.server.settings``
        names is started, asked once for all samples, and answers from memory from then on; so it does behind ``super()``.
        """
        return self._recording()(tool, arguments)

    @property
    def who(self) -> str:
        """The source's name, for messages."""
        return self.source.name

    def refuse(self, wrong: str, remedy: str) -> Nonconformance:
        """Return the error that says what the source did wrong, and what mends it."""
        return Nonconformance(self.who, wrong, remedy)

    def skip(self, reason: str) -> None:
        """Leave out the test that runs, since it has nothing to look at."""
        pytest.skip(f"{self.who} {reason}")

    def samples(self) -> Iterator[Sample]:
        """Yield all samples."""
        yield from (*self.met, *self.not_met, *self.not_found)

    def account(self, of: Sample | MetChallenge) -> Account:
        """Return a sample's account."""
        return Account(self.source.name, of.handle, of.external_id)

    def accounts(self) -> list[Account]:
        """Return the accounts of the samples that exist, each once."""
        return list(dict.fromkeys(self.account(sample) for sample in (*self.met, *self.not_met)))

    def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine in a loop of its own, after the server was recorded; what does not end is left behind."""
        if type(self).answer is SourceFrame.answer:
            self._recording()
        return _alone(call)

    async def outcome(
        self, sample: Sample, handler: Handler | None = None, resilience: ResilienceSettings = ONE_BY_ONE
    ) -> Outcome:
        """Verify a sample, and return the verdict or what was raised.

        Raises:
            Nonconformance: the source comes to no end.
        """
        return await self.verified(self.recital(handler, resilience), sample)

    async def verified(self, tools: GuardedTools, sample: Sample) -> Outcome:
        """As `outcome`, with tools of one's own."""
        found: Outcome = await self.tried(lambda: self._verdict(tools, sample))
        return found

    async def tried(self, use: Callable[[], Awaitable[Any]]) -> Any:
        """Return what a use of the source returns or raises, if it comes to an end while the suite has patience.

        Patience begins anew with each call of a tool, whose number is bounded.

        Raises:
            Nonconformance: it does not, or it does not stop calling.
        """
        task = asyncio.ensure_future(_caught(use))
        self._called_at = time.monotonic()
        while not task.done() and (left := self._called_at + self.patience - time.monotonic()) > 0:
            await asyncio.wait({task}, timeout=left)
        if not task.done():
            task.cancel()
            raise self.refuse(
                f"did not come to an end within {self.patience:g} s of its last call",
                "let the errors of the tools through, wait for nothing else, and catch no CancelledError",
            )
        found = task.result()
        if isinstance(found, TooManyCalls):
            raise self.endless(str(found))
        return found

    def recital(self, handler: Handler | None = None, resilience: ResilienceSettings = ONE_BY_ONE) -> Recital:
        """Return tools whose answers come from a handler, or from `answer`; they bear a bounded number of calls."""
        chosen = handler or self.answer
        calls = 0

        def counted(tool: str, arguments: dict[str, Any]) -> Answer | Awaitable[Answer]:
            nonlocal calls
            calls += 1
            self._called_at = time.monotonic()
            if calls > self.most_calls:
                raise TooManyCalls(f"called tools more than {self.most_calls} times, the last one being {tool}")
            try:
                return chosen(tool, arguments)
            except LookupError as error:
                return Drop(f"the suite's `answer` has nothing for {tool} ({type(error).__name__}: {error})")

        return Recital(counted, name=self.source.name, resilience=resilience, kept=ROOM)

    def but(self, call: Call, answer: Answer) -> Handler:
        """Return a handler that gives another answer to one call."""
        return lambda tool, arguments: answer if call_of(tool, arguments) == call else self.answer(tool, arguments)

    def calls_of(self, sample: Sample) -> list[Call]:
        """Return the calls behind a sample's verdict, each once."""

        async def ask() -> list[Call]:
            tools = self.recital()
            await self.verified(tools, sample)
            return list(dict.fromkeys(call_of(tool, arguments) for tool, arguments in tools.calls))

        return self.run(ask)

    def texts(self, sample: Sample) -> dict[Call, str]:
        """Return the answers behind a sample's verdict that are texts, by call."""

        async def ask() -> dict[Call, str]:
            tools = self.recital()
            await self.verified(tools, sample)
            return {call_of(raw.tool, raw.arguments): raw.body for raw in tools.answers if not raw.failed}

        return self.run(ask)

    def endless(self, wrong: str) -> Nonconformance:
        """Return the error about a source that does not stop calling."""
        return self.refuse(
            wrong,
            "stop at a bounded number of pages and raise Unavailable, or raise the suite's most_calls if this is the need",
        )

    def _recording(self) -> Recording:
        """Return what the source's server answered, asking it if nobody has: in a thread, for a loop may be running here."""
        if type(self) not in _recordings:
            with ThreadPoolExecutor(max_workers=1) as threads:
                _recordings[type(self)] = threads.submit(_alone, self._record).result()
        return _recordings[type(self)]

    async def _record(self) -> Recording:
        recording = await record(self.source, self._uses())
        if not recording.answers:
            said = f": {recording.failures[0]}" if recording.failures else ""
            raise self.refuse(
                f"its own server answered nothing{said}",
                "make the command of source.server.settings run here, or override `answer` in the suite",
            )
        return recording

    def _uses(self) -> Iterator[Callable[[GuardedTools], Awaitable[object]]]:
        source = self.source
        for sample in self.samples():
            yield partial(source.verify, account=self.account(sample), requirement=sample.requirement)
        for account in self.accounts():
            yield partial(self._history, account=account)
            yield partial(source.get_user_stats, account=account)
        for met in self.challenges:
            yield partial(source.check_challenge, account=self.account(met), challenge=met.issued())
        yield source.health_check

    async def _verdict(self, tools: GuardedTools, sample: Sample) -> Verdict:
        return sound_verdict(self.who, await self.source.verify(tools, self.account(sample), sample.requirement))

    async def _history(self, tools: GuardedTools, account: Account) -> None:
        """Read a history whole, and again after the pages after which a check takes it up."""
        cursors = [page.cursor for page in await self._read(tools, account, None)]
        for number in taken_up(len(cursors)):
            await self._read(tools, account, cursors[number])

    async def _read(self, tools: GuardedTools, account: Account, after: str | None) -> list[Page]:
        pages = told_by(self.source.history(tools, account, after))
        read: list[Page] = []
        if pages is not None:
            async for page in pages:
                read.append(page)
                if len(read) >= HISTORY_PAGES:
                    break
        return read


def told_by(pages: object) -> AsyncIterator[Page] | None:
    """Return a history as what it should be; None if it is something else. A coroutine is ended before it complains."""
    if inspect.iscoroutine(pages):
        pages.close()
    return pages if isinstance(pages, AsyncIterator) else None


def taken_up(pages: int) -> list[int]:
    """Return the pages after which a history is taken up again: some spread over all, and the last."""
    return sorted({*range(0, pages, max(1, pages // TAKEN_UP)), pages - 1} - {-1})


async def _caught(use: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await use()
    except BaseException as error:  # noqa: BLE001 - also sys.exit and a cancellation: findings like any other
        return error


def agree(one: Outcome, other: Outcome) -> bool:
    """Tell whether two outcomes say the same: errors by their class, evidence by its works and times."""
    if isinstance(one, Verified) and isinstance(other, Verified):
        return _works(one) == _works(other)
    return type(one) is type(other)


def always(answer: Answer, tool: str, arguments: dict[str, Any]) -> Answer:
    """Answer whatever is asked in one way: a handler, once the answer is bound."""
    return answer


def shown(outcome: object) -> str:
    """Say in a few words what came of a use of the source."""
    if isinstance(outcome, Verified):
        return f"Verified({', '.join(evidence.work for evidence in outcome.evidence)})"
    if isinstance(outcome, NotVerified):
        return f"NotVerified(found={outcome.found!a})"
    if isinstance(outcome, Undecided):
        return f"Undecided(reason={outcome.reason!a})"
    return f"{type(outcome).__name__}({str(outcome)[:200]!a})"


def _works(verdict: Verified) -> list[tuple[str, Any]]:
    return sorted((evidence.work, evidence.occurred_at) for evidence in verdict.evidence)


def _alone(call: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine in a new loop. Unlike `asyncio.run` this ends although a task will not."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(call())
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            _, stubborn = loop.run_until_complete(asyncio.wait(left, timeout=1.0))
            # Kept, since a coroutine that refuses to end would complain when it is collected.
            _abandoned.update(stubborn)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
