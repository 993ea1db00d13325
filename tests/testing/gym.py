"""A source that keeps to the contract in every way, small enough to be broken in one way at a time."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct

from skillcore.plugin import (
    Challenge,
    ChallengeProof,
    Evidence,
    Identity,
    InvalidRequirement,
    MCPServer,
    NotFound,
    NotProved,
    NotVerified,
    Page,
    ServerSettings,
    Tool,
    Unavailable,
    VerificationSource,
    Verified,
)
from skillcore.testing import MetChallenge, Sample, SourceSuite, ToolFault

Moment = Annotated[datetime, Meta(tz=True)]
Exercise = Annotated[str, Meta(pattern=r"^[a-z]+-[0-9]{1,6}\Z")]
HANDLE = re.compile(r"[a-z][a-z0-9-]{0,38}")
MOST_PAGES = 50


class Solved(Struct, frozen=True, forbid_unknown_fields=True):
    exercise: Exercise
    after: Moment | None = None


class Row(Struct, frozen=True):
    id: int
    exercise: Exercise
    at: Moment


class Listing(Struct, frozen=True):
    rows: tuple[Row, ...]
    more: bool


class Note(Struct, frozen=True):
    text: Annotated[str, Meta(pattern=r"^[a-z0-9]*\Z")]
    at: Moment


def failure(text):
    return NotFound("nobody of this name") if "nobody of this name" in text else Unavailable(text)


class Gym(VerificationSource[Solved]):
    name = "gym"
    requirement = Solved
    proofs = (ChallengeProof(),)
    server = MCPServer(
        tools=(Tool("solved", ("handle", "page")), Tool("note", ("handle",))), settings=ServerSettings(command="gym-mcp-server")
    )

    def normalise(self, handle):
        name = handle.strip().lower()
        if not HANDLE.fullmatch(name):
            raise InvalidRequirement(f"{handle!a} is no handle", field="handle")
        return name

    async def listing(self, tools, handle, page):
        return await tools.call("solved", {"handle": handle, "page": page}, Listing, failure=failure)

    async def rows(self, tools, account):
        rows = []
        for page in range(1, MOST_PAGES + 1):
            listing = await self.listing(tools, self.normalise(account.handle), page)
            rows += listing.rows
            if not listing.more:
                return rows
        raise Unavailable("the gym shows no end")

    async def verify(self, tools, account, requirement):
        return self.judged(await self.rows(tools, account), requirement)

    def judged(self, rows, requirement):
        for row in rows:
            if row.exercise == requirement.exercise and (requirement.after is None or row.at > requirement.after):
                return Verified((self.evidence(row),))
        return NotVerified(requirement.exercise, f"{len(rows)} other exercises")

    def evidence(self, row):
        return Evidence(work=row.exercise, occurred_at=row.at, strength="judged")

    async def history(self, tools, account, after):
        behind = int(after or 0)
        told = set()
        rows = await self.rows(tools, account)
        first = [row for row in rows if not (row.exercise in told or told.add(row.exercise))]
        for place in range(behind, len(first), 2):
            await asyncio.sleep(0)
            page = tuple(self.evidence(row) for row in first[place : place + 2])
            yield Page(evidence=page, cursor=str(place + len(page)), total=len(first), done=place + len(page))

    def challenge(self, account, number):
        return Challenge(key=f"note{number:x}", instructions=f"write note{number:x}")

    async def check_challenge(self, tools, account, challenge):
        note = await tools.call("note", {"handle": account.handle}, Note, failure=failure)
        if note.text != challenge.key or not challenge.issued_at <= note.at <= challenge.expires_at:
            return NotProved(looked_for=challenge.key, found=note.text)
        return Identity(handle=account.handle, mark=note.at.isoformat())

    async def get_user_stats(self, tools, account):
        return {"solved": len(await self.rows(tools, account))}

    async def health_check(self, tools):
        listing = await self.listing(tools, "ann", 1)
        return None if listing.rows else "the gym has lost its exercises"


FIRST = datetime(2026, 3, 1, 9, tzinfo=UTC)
EXERCISES = {
    "ann": ["loops-1", "loops-2", "lists-1", "loops-1", "lists-2", "trees-1", "trees-2"],
    "bob": ["trees-1"],
    "eve": [],
}
PAGE = 3


def answer(tool: str, arguments: dict[str, Any]) -> str:
    """The gym's server: exercises in the order in which they were solved, some of them twice; ann has written a note."""
    if arguments["handle"] not in EXERCISES:
        raise ToolFault("nobody of this name")
    if tool == "note":
        return json.dumps({"text": "note77", "at": FIRST.isoformat()})
    done = EXERCISES[arguments["handle"]]
    start = (arguments["page"] - 1) * PAGE
    rows = [
        {"id": place, "exercise": exercise, "at": (FIRST + timedelta(days=place)).isoformat()}
        for place, exercise in enumerate(done)
    ]
    return json.dumps({"rows": rows[start : start + PAGE], "more": start + PAGE < len(done)})


class GymSuite(SourceSuite):
    source = Gym()
    met = (
        Sample("ann", Solved("loops-1")),
        Sample("ann", Solved("loops-1", FIRST)),
        Sample("ann", Solved("trees-2")),
        Sample("bob", Solved("trees-1")),
    )
    not_met = (Sample("ann", Solved("loops-9")), Sample("eve", Solved("loops-1")))
    not_found = (Sample("nobody", Solved("loops-1")),)
    challenges = (MetChallenge(handle="ann", key="note77", done_at=FIRST),)
    patience = 1.0

    def answer(self, tool, arguments):
        return answer(tool, arguments)
