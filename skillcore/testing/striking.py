"""Strikes a source with the faults of servers, with the samples of its suite, and judges what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from skillcore.plugin import Account, IssuedChallenge, SourceError, Verified
from skillcore.plugin import Evidence as Piece
from skillcore.testing.faults import HTML_PAGE, Answer, Drop, Hang, HTTPFault, ProtocolFault, ToolFault, huge
from skillcore.testing.recital import Recital
from skillcore.testing.samples import MetChallenge, Sample
from skillcore.testing.source_checks.frame import SourceFrame, agree, shown
from skillcore.testing.tools import ONE_BY_ONE

__all__ = ["FAULTS", "Evidence", "Mishap", "Struck", "strike"]

FAULTS: Mapping[str, Answer] = {
    "a page for people": HTML_PAGE,
    "an empty answer": "",
    "half an answer": '[{"id": 1, "na',
    "a failed call": ToolFault("Internal error"),
    "a protocol error": ProtocolFault("Internal error"),
    "HTTP 500": HTTPFault(500),
    "HTTP 429": HTTPFault(429, retry_after=30),
    "a broken connection": Drop(),
    "no answer at all": Hang(),
    "an endless answer": huge(),
}

CALLS = 3
"""A fault strikes from the first call on, then from the second on, and so forth up to this one."""

PAGES = 3
"""Pages of past work that are read."""

SWIFT = msgspec.structs.replace(ONE_BY_ONE, call_timeout=0.1)

Use = Callable[[Recital], Awaitable[Any]]


class Mishap(Struct, frozen=True):
    """A fault that a source did not survive, and what it did."""

    source: str
    fault: str
    did: str


class Evidence(Struct, frozen=True):
    """What the evidence for a suite's samples looks like."""

    source: str
    strengths: tuple[str, ...]
    metadata: tuple[str, ...]
    rated: bool


class Struck(Struct, frozen=True):
    """What came of all faults."""

    tried: int
    mishaps: tuple[Mishap, ...]
    evidence: Evidence


class _Case(Struct, frozen=True):
    """A use of the source, and who tells from its result and the whole one what is wrong with it."""

    what: str
    use: Use
    wrong: Callable[[Any, Any, int], str]


class _Late(Exception):
    """A use did not come to its end."""


class _Struck:
    """Answers as the suite does, up to the call from which on a fault strikes."""

    def __init__(self, suite: SourceFrame, fault: Answer, first: int) -> None:
        self._suite = suite
        self._fault = fault
        self._first = first
        self.calls = 0

    @property
    def hit(self) -> bool:
        """The fault struck."""
        return self.calls >= self._first

    def __call__(self, tool: str, arguments: dict[str, Any]) -> Answer:
        self.calls += 1
        return self._fault if self.hit else self._suite.answer(tool, arguments)


def strike(suite: SourceFrame) -> Struck:
    """Use a source in every way, with every fault, and tell what it did of harm."""
    tried = 0
    mishaps: list[Mishap] = []
    pieces: list[Piece] = []
    name = suite.source.name
    try:
        for case in _cases(suite):
            whole, calls = suite.run(partial(_whole, suite, case))
            pieces += _pieces(whole)
            for first in range(1, min(calls, CALLS) + 1):
                for fault, answer in FAULTS.items():
                    tried += 1
                    did = suite.run(partial(_try, suite, case, _Struck(suite, answer, first), whole, first))
                    if did:
                        mishaps.append(Mishap(name, f"{fault} at call {first} of {case.what}", did))
    except (Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - the suite cannot answer: its own tests say it at length
        mishaps.append(Mishap(name, "without any fault", f"{type(error).__name__}: {error}"))
    return Struck(tried, tuple(mishaps), _evidence(name, pieces))


def _cases(suite: SourceFrame) -> Iterator[_Case]:
    source = suite.source
    for sample in (*suite.met[:1], *suite.not_met[:1]):
        yield _Case("verify", _verifying(suite, sample), _wrong_verdict)
    for account in suite.accounts()[:1]:
        yield _Case("history", _reading(suite, account), _wrong_history)
        yield _Case("get_user_stats", _counting(suite, account), _wrong_figures)
    for met in suite.challenges[:1]:
        yield _Case("check_challenge", _proving(suite, met), _wrong_proof)
    yield _Case("health_check", lambda tools: _caught(source.health_check(tools)), _wrong_health)


async def _whole(suite: SourceFrame, case: _Case) -> tuple[Any, int]:
    tools = suite.recital()
    return await case.use(tools), len(tools.calls)


async def _try(suite: SourceFrame, case: _Case, struck: _Struck, whole: Any, first: int) -> str:
    """Return what the source did wrong, if anything."""
    try:
        found = await _in_time(case.use(suite.recital(struck, SWIFT)), suite.patience)
    except _Late:
        return f"did not come to an end within {suite.patience:g} s"
    if not struck.hit or isinstance(found, SourceError):
        return ""
    if isinstance(found, BaseException):
        return f"raised {shown(found)}, which is no SourceError"
    return case.wrong(found, whole, first)


async def _in_time(use: Awaitable[Any], seconds: float) -> Any:
    task = asyncio.ensure_future(use)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()  # one that refuses is left behind by the suite
        raise _Late
    return task.result()


async def _caught(use: Awaitable[Any]) -> Any:
    """Return what a use returns or raises: both are findings."""
    try:
        return await use
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - also sys.exit
        return error


def _verifying(suite: SourceFrame, sample: Sample) -> Use:
    return lambda tools: suite.verified(tools, sample)


def _counting(suite: SourceFrame, account: Account) -> Use:
    return lambda tools: _caught(suite.source.get_user_stats(tools, account))


def _reading(suite: SourceFrame, account: Account) -> Use:
    async def read(tools: Recital) -> list[Piece] | None:
        pages = suite.source.history(tools, account, None)
        if pages is None:
            return None
        pieces: list[Piece] = []
        number = 0
        async for page in pages:
            pieces += page.evidence
            number += 1
            if number == PAGES:
                break
        return pieces

    return lambda tools: _caught(read(tools))


def _proving(suite: SourceFrame, met: MetChallenge) -> Use:
    issued = IssuedChallenge(
        key=met.key,
        data=met.data,
        issued_at=met.done_at - timedelta(minutes=1),
        expires_at=met.done_at + timedelta(minutes=29),
    )
    return lambda tools: _caught(suite.source.check_challenge(tools, suite.account(met), issued))


def _wrong_verdict(found: Any, whole: Any, first: int) -> str:
    return "" if first > 1 and agree(found, whole) else f"gave {shown(found)}"


def _wrong_history(found: Any, whole: Any, first: int) -> str:
    same = found is None or (whole is not None and not isinstance(whole, BaseException) and len(found) >= len(whole))
    return "" if same else f"ended after {len(found)} works as if there were no more"


def _wrong_proof(found: Any, whole: Any, first: int) -> str:
    return f"gave {type(found).__name__}"


def _wrong_figures(found: Any, whole: Any, first: int) -> str:
    return "" if not found or (first > 1 and found == whole) else f"gave figures: {', '.join(map(str, found))}"


def _wrong_health(found: Any, whole: Any, first: int) -> str:
    return "" if found is not None or first > 1 else "said that nothing is wrong"


def _pieces(whole: Any) -> list[Piece]:
    if isinstance(whole, Verified):
        return list(whole.evidence)
    return [piece for piece in whole if isinstance(piece, Piece)] if isinstance(whole, list) else []


def _evidence(source: str, pieces: list[Piece]) -> Evidence:
    return Evidence(
        source,
        tuple(sorted({str(piece.strength) for piece in pieces})),
        tuple(sorted({str(key) for piece in pieces for key in piece.metadata})),
        any(piece.difficulty is not None for piece in pieces),
    )
