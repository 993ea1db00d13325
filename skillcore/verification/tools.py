"""The tools that a source is handed: every call guarded, every answer judged inside the guard, its raw text kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct

from skillcore.plugin import SourceError, Unavailable
from skillcore.runtime.clock import now
from skillcore.runtime.mcp_answers import Answer
from skillcore.runtime.resilience import Guard
from skillcore.verification.strays import within_the_engine

if TYPE_CHECKING:  # its library takes long to load, and only who asks servers needs it
    from skillcore.runtime.mcp import ServerSession

__all__ = ["GuardedTools", "RawAnswer"]

T = TypeVar("T")

KEPT = 4_194_304
"""Bytes of raw answers that are kept of one verification; beyond them only digests are."""


class RawAnswer(Struct, frozen=True, kw_only=True):
    """What a server answered, as it stood.

    Attributes:
        tool: the tool called, with ``arguments``.
        failed: the server said that the call failed.
        body: the text, cut at its end where too much came together.
        sha256: of the whole text in UTF-8, in hexadecimal.
    """

    tool: str
    arguments: Mapping[str, Any]
    failed: bool
    received_at: datetime
    body: str
    sha256: str


class GuardedTools:
    """`skillcore.plugin.Tools` over one session and its guard, for one verification.

    Attributes:
        answers: every answer that came, in the order in which they came; retried ones too.
    """

    def __init__(self, session: ServerSession, guard: Guard, *, kept: int = KEPT) -> None:
        self.answers: list[RawAnswer] = []
        self._session = session
        self._guard = guard
        self._kept = self._room = kept

    def take(self) -> tuple[RawAnswer, ...]:
        """Return the answers that came since the last time, and make room for as many again."""
        taken, self.answers = tuple(self.answers), []
        self._room = self._kept
        return taken

    async def call(
        self, tool: str, arguments: Mapping[str, Any], returns: type[T], *, failure: Callable[[str], SourceError] | None = None
    ) -> T:
        """Call a tool and decode its JSON text strictly; see `skillcore.plugin.Tools`."""
        return await self.read(tool, arguments, msgspec.json.Decoder(returns).decode, failure=failure)

    async def read(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        parse: Callable[[str], T],
        *,
        failure: Callable[[str], SourceError] | None = None,
    ) -> T:
        """Call a tool and hand its text to ``parse``; see `skillcore.plugin.Tools`."""

        async def attempt() -> T:
            answer = await self._session.call(tool, arguments)
            self._keep(tool, arguments, answer)
            if answer.failed:
                raise self._failed(tool, answer.text, failure)
            return self._parsed(tool, answer.text, parse)

        with within_the_engine():
            return await self._guard.call(attempt)

    def _failed(self, tool: str, text: str, failure: Callable[[str], SourceError] | None) -> SourceError:
        if failure is None:
            return Unavailable(f"{self._session.name} could not carry out {tool}: {_excerpt(text)}")
        try:
            error: object = failure(text)
        except SourceError as raised:
            return raised
        except Exception as raised:  # noqa: BLE001 - the plugin's reader of failures failed; its source gave no answer
            return Unavailable(f"{self._session.name} failed at {tool} in words that its plugin cannot read: {_named(raised)}")
        if isinstance(error, SourceError):
            return error
        return Unavailable(f"{self._session.name} failed at {tool}: {_excerpt(text)}")

    def _parsed(self, tool: str, text: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(text)
        except SourceError:
            raise
        except Exception as error:  # also RecursionError and UnicodeDecodeError: no parse, no answer
            raise Unavailable(
                f"{self._session.name} answered {tool} with something else than expected: {_named(error)}"
            ) from error

    def _keep(self, tool: str, arguments: Mapping[str, Any], answer: Answer) -> None:
        # A lone surrogate is the one thing a text can hold that UTF-8 cannot.
        whole = answer.text.encode("utf-8", "replace")
        kept = whole[: max(0, self._room)]
        self._room -= len(kept)
        self.answers.append(
            RawAnswer(
                tool=tool,
                arguments=dict(arguments),
                failed=answer.failed,
                received_at=now(),
                body=kept.decode("utf-8", "ignore"),
                sha256=hashlib.sha256(whole).hexdigest(),
            )
        )


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:200]}…"


def _named(error: Exception) -> str:
    return _excerpt(f"{type(error).__name__}: {error}")
