"""What a source's own server answered, kept in memory to be given again, whole or damaged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from skillcore.plugin import SourceError, VerificationSource
from skillcore.testing.faults import Answer, Drop, ToolFault
from skillcore.testing.tools import tools_for
from skillcore.verification.tools import GuardedTools, RawAnswer

__all__ = ["ROOM", "Call", "Recording", "call_of", "record"]

Call = tuple[str, bytes]
"""A tool's name with its arguments as JSON, sorted."""

ROOM = 268_435_456
"""Bytes of answers that a recording holds."""


class Recording:
    """Answers by call.

    Attributes:
        failures: what the recorded uses raised.
    """

    def __init__(self, answers: Mapping[Call, Answer], failures: tuple[SourceError, ...] = ()) -> None:
        self.answers = answers
        self.failures = failures

    def __call__(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Answer as the server did; a call that was not recorded breaks the connection."""
        return self.answers.get(call_of(tool, arguments), Drop(f"nothing was recorded for {tool} with these arguments"))


def call_of(tool: str, arguments: Mapping[str, Any]) -> Call:
    """Return the key of a call."""
    return tool, msgspec.json.encode(arguments, order="sorted")


async def record(source: VerificationSource[Any], uses: Iterable[Callable[[GuardedTools], Awaitable[object]]]) -> Recording:
    """Use a source over its own server, and keep what the server answered."""
    failures: list[SourceError] = []
    async with tools_for(source, kept=ROOM) as tools:
        for use in uses:
            try:
                await use(tools)
            except SourceError as error:
                failures.append(error)
                if not tools.answers:
                    break  # the server does not run: each further use would try to start it again
    return Recording({call_of(raw.tool, raw.arguments): _answer(raw) for raw in tools.answers}, tuple(failures))


def _answer(raw: RawAnswer) -> Answer:
    return ToolFault(raw.body) if raw.failed else raw.body
