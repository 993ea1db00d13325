"""The source: a kata that must have been completed, past katas, and the motto that proves an account."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from skillcore.plugin import (
    Account,
    Challenge,
    ChallengeProof,
    Identity,
    InvalidRequirement,
    IssuedChallenge,
    MCPServer,
    NotFound,
    NotProved,
    NotVerified,
    Page,
    ServerSettings,
    Tool,
    Tools,
    Unavailable,
    Verdict,
    VerificationSource,
    Verified,
)

from skillcore_dojo.answers import Kata, Listing, Profile, Slug, Student, failure, moment, reader

__all__ = ["DOJO", "Completed", "Dojo"]

DOJO = ServerSettings(command="dojo-mcp-server", calls_per_second=20)

_HANDLE = re.compile(r"[a-z0-9_]{3,16}")


class Completed(Struct, frozen=True, forbid_unknown_fields=True):
    """The requirement: a kata that must have been completed.

    Attributes:
        kata: its name in the address of its page, such as ``matching-brackets``.
        min_difficulty: refuse it if its rank stands for less, on the scale from 1 to 10.
        after: count it only if it was completed later than this.
    """

    kata: Slug
    min_difficulty: Annotated[float, Meta(ge=1, le=10)] | None = None
    after: Annotated[datetime, Meta(tz=True)] | None = None


class Dojo(VerificationSource[Completed]):
    """Katas completed at the dojo."""

    name = "dojo"
    requirement = Completed
    proofs = (ChallengeProof(minutes=20),)

    def __init__(self, settings: ServerSettings = DOJO, page: int = 5) -> None:
        self.page = page
        tools = (Tool("completed_katas", ("student", "bookmark", "count")), Tool("student_profile", ("student",)))
        self.server = MCPServer(tools=tools, settings=settings)

    def normalise(self, handle: str) -> str:
        """Return the student's name in lower case.

        Raises:
            InvalidRequirement: no student can have this name.
        """
        name = handle.strip().lower()
        if not _HANDLE.fullmatch(name):
            raise InvalidRequirement("a student's name has 3 to 16 letters, digits and underscores", field="handle")
        return name

    async def verify(self, tools: Tools, account: Account, requirement: Completed) -> Verdict:
        """Look for the kata among the completed ones.

        Raises:
            NotFound: there is no such student, or the name is somebody else's by now.
            Unavailable: no answer, or one that cannot be trusted.
        """
        katas = [kata async for _, listing in self._listings(tools, account) for kata in listing.katas]
        kata = next((kata for kata in katas if kata.slug == requirement.kata), None)
        missing = _missing(requirement, kata) if kata is not None else f"{len(katas)} other katas"
        if kata is None or missing:
            return NotVerified(looked_for=_words(requirement), found=missing)
        return Verified((kata.evidence(),))

    async def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        """Yield completed katas, the oldest first; a cursor is how many lie behind, and the dojo's own bookmark."""
        async for done, listing in self._listings(tools, account, after or ""):
            if listing.katas:
                evidence = tuple(kata.evidence() for kata in listing.katas)
                yield Page(evidence=evidence, cursor=f"{done} {listing.bookmark}", total=listing.completed, done=done)

    def challenge(self, account: Account, number: int) -> Challenge:
        """Ask for a motto that nobody has by chance."""
        key = f"dojo-{number:016x}"
        return Challenge(key=key, instructions=f"Set the motto on your dojo profile to: {key}")

    async def check_challenge(self, tools: Tools, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        """Look whether the motto was set while the challenge was open.

        Raises:
            NotFound: there is no such student, or the name is somebody else's by now.
            Unavailable: no answer, or one that cannot be trusted.
        """
        profile = await self._profile(tools, account)
        since = moment(profile.motto_since)
        if profile.motto != challenge.key:
            return NotProved(looked_for=f"the motto {challenge.key}", found="another motto")
        if not challenge.issued_at <= since <= challenge.expires_at:
            return NotProved(looked_for="a motto set since the challenge", found=f"one set at {since.isoformat()}")
        student = profile.student
        return Identity(handle=student.name.lower(), external_id=str(student.id), mark=f"{student.id} {profile.motto_since}")

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        """Return the honour, how many katas are completed, and how difficult the hardest is."""
        profile = await self._profile(tools, account)
        katas = [kata async for _, listing in self._listings(tools, account) for kata in listing.katas]
        hardest = max((kata.difficulty for kata in katas), default=0.0)
        return {"honour": profile.honour, "problems_solved": len(katas), "hardest": hardest}

    async def _profile(self, tools: Tools, account: Account) -> Profile:
        asked = {"student": self.normalise(account.handle)}
        profile = await tools.read("student_profile", asked, reader(Profile), failure=failure)
        _same(profile.student, account)
        return profile

    async def _listings(self, tools: Tools, account: Account, after: str = "") -> AsyncIterator[tuple[int, Listing]]:
        """Yield listings, each with how many katas lie behind its end; the last one only if all were told."""
        handle = self.normalise(account.handle)
        behind, _, bookmark = after.partition(" ")
        done = int(behind or 0)
        while True:
            asked = {"student": handle, "bookmark": bookmark, "count": self.page}
            listing = await tools.read("completed_katas", asked, reader(Listing), failure=failure)
            _same(listing.student, account)
            done += len(listing.katas)
            ends = done == listing.completed if not listing.more else done < listing.completed and bool(listing.katas)
            if not ends or bool(listing.katas) != (listing.bookmark is not None):
                raise Unavailable(f"the dojo lists {done} katas of {listing.completed}")
            yield done, listing
            if not listing.more:
                return
            bookmark = listing.bookmark or ""


def _same(student: Student, account: Account) -> None:
    if student.name.lower() != account.handle.strip().lower():
        raise Unavailable("the dojo answered about another student")
    if account.external_id is not None and str(student.id) != account.external_id:
        raise NotFound("this name belongs to another student of the dojo by now")


def _missing(requirement: Completed, kata: Kata) -> str:
    """Say what the completed kata lacks, or nothing."""
    if requirement.min_difficulty is not None and kata.difficulty < requirement.min_difficulty:
        return f"completed, but it is of {kata.rank}, difficulty {kata.difficulty:g}"
    if requirement.after is not None and moment(kata.completed_at) <= requirement.after:
        return f"completed at {moment(kata.completed_at).isoformat()}"
    return ""


def _words(requirement: Completed) -> str:
    words = f"the kata {requirement.kata} completed"
    if requirement.after is not None:
        words += f" after {requirement.after.isoformat()}"
    if requirement.min_difficulty is not None:
        words += f", of difficulty {requirement.min_difficulty:g} or more"
    return words
