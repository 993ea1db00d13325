"""What all checks of a source share: the samples, the answers behind them, and how a source is run and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from skillcore.plugin import Account, NotVerified, SourceError, Undecided, Verdict, VerificationSource, Verified
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing.conformance import Nonconformance
from skillcore.testing.faults import Answer
from skillcore.testing.recital import Recital
from skillcore.testing.recordings import ROOM, Recording, record
from skillcore.testing.responder import Handler
from skillcore.testing.samples import MetChallenge, Sample
from skillcore.testing.tools import ONE_BY_ONE
from skillcore.verification.containment import sound_verdict
from skillcore.verification.tools import GuardedTools

__all__ = ["Outcome", "SourceFrame", "TooManyCalls", "agree", "shown"]

T = TypeVar("T")

Outcome = Verdict | BaseException
"""What came of a verification: a verdict, or whatever was raised."""

HISTORY_PAGES = 1000
"""Pages of history that are recorded of an account."""

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

    def answer(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Answer a tool's call as the source's server does: with a text or a `Fault`.

        Override it where the real server cannot run beside the tests. Without, the server that ``source.server.settings``
        names is started, asked once for all samples, and answers from memory from then on.
        """
        return _recordings[type(self)](tool, arguments)

    @property
    def who(self) -> str:
        """The source's name, for messages."""
        return self.source.name

    def refuse(self, wrong: str, remedy: str) -> Nonconformance:
        """Return the error that says what the source did wrong, and what mends it."""
        return Nonconformance(self.who, wrong, remedy)

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
        if type(self).answer is SourceFrame.answer and type(self) not in _recordings:
            _recordings[type(self)] = _alone(self._record)
        return _alone(call)

    async def outcome(
        self, sample: Sample, handler: Handler | None = None, resilience: ResilienceSettings = ONE_BY_ONE
    ) -> Outcome:
        """Verify a sample, and return the verdict or what was raised.

        Raises:
            Nonconformance: the source does not stop calling.
        """
        return await self.verified(self.recital(handler, resilience), sample)

    async def verified(self, tools: GuardedTools, sample: Sample) -> Outcome:
        """As `outcome`, with tools of one's own."""
        try:
            returned = await self.source.verify(tools, self.account(sample), sample.requirement)
            return sound_verdict(self.who, returned)
        except TooManyCalls as error:
            raise self.endless(str(error)) from None
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - also sys.exit: a finding like any other
            return error

    def recital(self, handler: Handler | None = None, resilience: ResilienceSettings = ONE_BY_ONE) -> Recital:
        """Return tools whose answers come from a handler, or from `answer`; they bear a bounded number of calls."""
        chosen = handler or self.answer
        calls = 0

        def counted(tool: str, arguments: dict[str, Any]) -> Answer | Awaitable[Answer]:
            nonlocal calls
            calls += 1
            if calls > self.most_calls:
                raise TooManyCalls(f"called tools more than {self.most_calls} times, the last one being {tool}")
            return chosen(tool, arguments)

        return Recital(counted, name=self.source.name, resilience=resilience, kept=ROOM)

    def endless(self, wrong: str) -> Nonconformance:
        """Return the error about a source that does not stop calling."""
        return self.refuse(
            wrong,
            "stop at a bounded number of pages and raise Unavailable, or raise the suite's most_calls if this is the need",
        )

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
        yield source.health_check

    async def _history(self, tools: GuardedTools, account: Account) -> None:
        pages = self.source.history(tools, account, None)
        if pages is not None:
            number = 0
            async for _ in pages:
                number += 1
                if number > HISTORY_PAGES:
                    break


def agree(one: Outcome, other: Outcome) -> bool:
    """Tell whether two outcomes say the same: errors by their class, evidence by its works and times."""
    if isinstance(one, Verified) and isinstance(other, Verified):
        return _works(one) == _works(other)
    return type(one) is type(other)


def shown(outcome: Outcome) -> str:
    """Say an outcome in a few words."""
    if isinstance(outcome, Verified):
        return f"Verified({', '.join(evidence.work for evidence in outcome.evidence)})"
    if isinstance(outcome, NotVerified):
        return f"NotVerified(found={outcome.found!a})"
    if isinstance(outcome, Undecided):
        return f"Undecided(reason={outcome.reason!a})"
    message = outcome.message if isinstance(outcome, SourceError) else str(outcome)
    return f"{type(outcome).__name__}({message[:200]!a})"


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
