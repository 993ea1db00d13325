"""Whether users mix: one instance serves all of them, so it may remember nothing of any."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import permutations
from typing import Any

from skillcore.testing.faults import Answer
from skillcore.testing.memory import changed, own_memory, package_memory
from skillcore.testing.recordings import call_of
from skillcore.testing.responder import Handler
from skillcore.testing.samples import Sample
from skillcore.testing.source_checks.frame import Outcome, SourceFrame, agree, shown

__all__ = ["UserChecks"]

PAIRS = 6
HELD_CALLS = 3
SHUFFLES = 10
STATELESS = "keep what belongs to one verification in local variables, and nothing on the object, its class or its module"


class UserChecks(SourceFrame):
    """Checks that verifications do not know of each other."""

    def test_it_remembers_nothing(self) -> None:
        """Guards users against each other: after verifications the object, its classes and its modules are as before."""
        before = self._memory()
        for sample in self.samples():
            self.run(partial(self.outcome, sample))
        after = self._memory()
        changes = [
            f"{name} was {before.get(name, 'absent')[:100]} and is {after.get(name, 'absent')[:100]}"
            for name in changed(before, after)
        ]
        if changes:
            raise self.refuse(f"changed while it verified: {'; '.join(changes[:3])}", STATELESS)

    def test_every_verification_asks_the_server_afresh(self) -> None:
        """Guards against verdicts from yesterday's answers: the same question leads to the same calls each time."""
        for sample in self.samples():
            first, second = (self.run(partial(self._calls, sample)) for _ in range(2))
            if first != second:
                raise self.refuse(
                    f"made {len(first)} calls for {sample.handle!a} and, asked again, {len(second)}",
                    "keep no answers: the engine decides how long one may be used again",
                )

    def test_verifications_of_two_users_give_what_they_give_alone(self) -> None:
        """Guards users against each other: one's verdict is the same while another's is under way, and after it.

        One verification is held at each of its first calls until the other is over, and both are run side by side in many
        orders.
        """
        pairs = [(one, other) for one, other in permutations(self.samples(), 2) if one != other]
        for one, other in pairs[:PAIRS]:
            alone = [self.run(partial(self.outcome, sample)) for sample in (one, other)]
            for held in range(1, HELD_CALLS + 1):
                self._compare(one, other, alone, partial(self._one_held, one, other, held))
            for seed in range(SHUFFLES):
                self._compare(one, other, alone, partial(self._shuffled, one, other, seed))

    def _memory(self) -> dict[str, str]:
        own = {f"self.{name}": shown for name, shown in own_memory(self.source).items()}
        return {**own, **package_memory(self.source)}

    def _compare(
        self, one: Sample, other: Sample, alone: list[Outcome], together: Callable[[], Awaitable[list[Outcome]]]
    ) -> None:
        for sample, expected, found in zip((one, other), alone, self.run(together), strict=True):
            if not agree(expected, found):
                raise self.refuse(
                    f"gave {shown(found)} for {sample.handle!a} while {one.handle!a} and {other.handle!a} were verified"
                    f" together, and {shown(expected)} alone",
                    STATELESS,
                )

    async def _calls(self, sample: Sample) -> list[Any]:
        tools = self.recital()
        await self.verified(tools, sample)
        return sorted(call_of(tool, arguments) for tool, arguments in tools.calls)

    async def _one_held(self, one: Sample, other: Sample, held: int) -> list[Outcome]:
        """Verify the one, but for an answer that waits until the other is verified."""
        over, reached, calls = asyncio.Event(), asyncio.Event(), 0

        async def waiting(tool: str, arguments: dict[str, Any]) -> Answer:
            nonlocal calls
            calls += 1
            if calls == held:
                reached.set()
                await over.wait()
            return self.answer(tool, arguments)

        async def second() -> Outcome:
            ended = asyncio.ensure_future(reached.wait())
            await asyncio.wait({ended, first}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            try:
                return await self.outcome(other)
            finally:
                over.set()

        first = asyncio.ensure_future(self.outcome(one, waiting))
        return list(await asyncio.gather(first, second()))

    async def _shuffled(self, one: Sample, other: Sample, seed: int) -> list[Outcome]:
        """Verify both side by side, each answer coming after a number of turns that the seed gives."""
        paces = ((one, seed % SHUFFLES), (other, 3 * seed % SHUFFLES))
        return list(await asyncio.gather(*(self.outcome(sample, self._unsteady(pace)) for sample, pace in paces)))

    def _unsteady(self, pace: int) -> Handler:
        calls = 0

        async def handler(tool: str, arguments: dict[str, Any]) -> Answer:
            nonlocal calls
            calls += 1
            for _ in range(pace * calls % 7):
                await asyncio.sleep(0)
            return self.answer(tool, arguments)

        return handler
