"""``skillcore verify``: asks a source about one account and one requirement, and shows on what the verdict rests."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import uvloop
from msgspec import Struct

from skillcore.cli.commands import Commands, configuration, for_people, plugins
from skillcore.cli.printing import as_json, plain
from skillcore.plugin import (
    Account,
    Evidence,
    InvalidRequirement,
    NotFound,
    NotVerified,
    Refused,
    SourceError,
    Unavailable,
    Verdict,
    Verified,
)
from skillcore.plugin.manager import Plugins
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.problems import InvalidField
from skillcore.runtime.settings import Settings
from skillcore.verification.sources import Outcome, Sources, normalise, parse_requirement

__all__ = ["register"]

Word = Literal["verified", "not_verified", "undecided", "unavailable", "refused", "not_found", "invalid"]

CODES: Mapping[Word, int] = {
    "verified": 0,
    "not_verified": 1,
    "unavailable": 3,
    "refused": 3,
    "invalid": 4,
    "not_found": 4,
    "undecided": 5,
}


class Failure(Struct, frozen=True, kw_only=True):
    """Why there is no verdict.

    Attributes:
        field: what is at fault, if it is something that was asked for.
        retry_after: seconds after which the source wants to be asked again, if it said so.
    """

    word: Word
    message: str
    field: str | None = None
    retry_after: float | None = None


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "verify",
        run,
        summary="ask a source whether an account's work meets a requirement; needs no database and records nothing",
        details="exit codes: 0 verified, 1 not verified, 2 the command line or the configuration cannot be used,\n"
        "3 the source is unavailable or refuses our credentials, 4 the requirement, source or handle is invalid or\n"
        "does not exist there, 5 undecided",
    )
    parser.add_argument("--source", required=True, metavar="NAME", help="as `skillcore plugins list` names it")
    parser.add_argument("--handle", required=True, help="the account's name at the source")
    parser.add_argument("--require", required=True, metavar="JSON", help="the requirement, as the source defines it")
    parser.add_argument("--json", action="store_true", help="print the whole verdict as JSON")


def run(options: argparse.Namespace) -> int:
    """Ask, and print the verdict or why there is none."""
    loaded = configuration(options)
    configure_logging(for_people(loaded.settings.log))
    found = plugins(loaded)
    asked = {"source": options.source, "handle": options.handle}
    try:
        requirement = _requirement(found, options)
    except InvalidField as error:
        return _failed(Failure(word="invalid", message=error.detail, field=error.field), asked, options)
    account = Account(options.source, options.handle.strip())
    try:
        outcome = uvloop.run(_verify(found, loaded.settings, account, requirement))
    except SourceError as error:
        return _failed(_failure(error), {**asked, "requirement": requirement}, options)
    return _judged(outcome, {**asked, "requirement": requirement}, options)


def _requirement(found: Plugins, options: argparse.Namespace) -> Struct:
    """Return the requirement, once it is sure that source and handle can be asked about.

    Raises:
        InvalidField: names what is at fault.
    """
    try:
        data = json.loads(options.require)
    except (ValueError, RecursionError) as error:
        raise InvalidField(
            f"--require: found something that is not JSON ({error}); allowed: a JSON object", field="requirements"
        ) from error
    if not isinstance(data, dict):
        raise InvalidField(f"--require: found {type(data).__name__}; allowed: a JSON object", field="requirements")
    requirement = parse_requirement(found, options.source, data)
    normalise(found, options.source, options.handle)
    return requirement


async def _verify(found: Plugins, settings: Settings, account: Account, requirement: Struct) -> Outcome:
    async with Sources(found, settings) as sources:
        return await sources.verify(account.source, account, requirement)


def _failure(error: SourceError) -> Failure:
    if isinstance(error, Refused):
        return Failure(word="refused", message=error.message)
    if isinstance(error, NotFound):
        return Failure(word="not_found", message=error.message)
    if isinstance(error, InvalidRequirement):
        return Failure(word="invalid", message=error.message, field=error.field)
    return Failure(
        word="unavailable",
        message=error.message,
        retry_after=error.retry_after if isinstance(error, Unavailable) else None,
    )


def _failed(failure: Failure, asked: Mapping[str, Any], options: argparse.Namespace) -> int:
    if options.json:
        told = {"error": failure.message, "field": failure.field, "retry_after": failure.retry_after}
        print(as_json({"outcome": failure.word, **asked, **told}))
    field = f" ({failure.field})" if failure.field and failure.field not in failure.message else ""
    later = f"; ask again in {failure.retry_after:g} s" if failure.retry_after is not None else ""
    print(f"{failure.word.replace('_', ' ')}{field}: {plain(failure.message)}{later}", file=sys.stderr)
    return CODES[failure.word]


def _judged(outcome: Outcome, asked: Mapping[str, Any], options: argparse.Namespace) -> int:
    word = _word(outcome.verdict)
    if options.json:
        answers = [
            {"tool": one.tool, "arguments": one.arguments, "received_at": one.received_at, "sha256": one.sha256}
            for one in outcome.answers
        ]
        print(as_json({"outcome": word, **asked, "verdict": outcome.verdict, "answers": answers}))
    else:
        print("\n".join(_lines(outcome.verdict)))
    return CODES[word]


def _word(verdict: Verdict) -> Word:
    if isinstance(verdict, Verified):
        return "verified"
    return "not_verified" if isinstance(verdict, NotVerified) else "undecided"


def _lines(verdict: Verdict) -> Iterator[str]:
    if isinstance(verdict, Verified):
        yield "verified"
        for evidence in verdict.evidence:
            yield from _evidence(evidence)
    elif isinstance(verdict, NotVerified):
        yield "not verified"
        yield f"    looked for: {plain(verdict.looked_for)}"
        yield f"    found: {plain(verdict.found)}"
    else:
        yield f"undecided: {plain(verdict.reason)}"
        if verdict.would_decide:
            yield f"    would decide it: {plain(verdict.would_decide)}"


def _evidence(evidence: Evidence) -> Iterator[str]:
    yield f"    {plain(evidence.work)}, done at {evidence.occurred_at.isoformat()}, {evidence.strength}"
    difficulty = "unknown" if evidence.difficulty is None else f"{evidence.difficulty:g} of 10"
    yield f"        difficulty: {difficulty}"
    if evidence.topics:
        yield f"        topics: {', '.join(plain(topic) for topic in evidence.topics)}"
    for key, value in evidence.metadata.items():
        yield f"        {plain(key)}: {plain(value)}"
