"""Proof by an act that everybody can see and only the holder can do: a submission that does not compile, to a named problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from skillcore.plugin import Challenge, Identity, IssuedChallenge, NotProved, Tools, Unavailable
from skillcore_codeforces.answers import Submission
from skillcore_codeforces.problems import PROBLEMS
from skillcore_codeforces.reading import window
from skillcore_codeforces.verdicts import settled

__all__ = ["challenge", "judge", "since"]

RECENT = 100
"""Submissions asked for at a time."""

MOST_CALLS = 10
"""Nobody makes as many submissions as fit on these while a challenge is open."""


def challenge(number: int, minutes: int) -> Challenge:
    """Return one of the challenges."""
    problem = PROBLEMS[number % len(PROBLEMS)]
    return Challenge(
        key=problem.key,
        instructions=(
            f"Within {minutes} minutes, submit a text that does not compile to the Codeforces problem {problem.key} "
            f'"{problem.name}": {problem.address}. Choose a compiled language such as C++ and submit, for example, the two '
            "words: not compiling. The verdict must be: Compilation error. Submit it alone, not in a team."
        ),
        data={
            "problem": problem.key,
            "name": problem.name,
            "url": problem.address,
            "verdict": "COMPILATION_ERROR",
            "minutes": str(minutes),
        },
    )


async def since(tools: Tools, handle: str, moment: datetime) -> list[Submission]:
    """Return an account's submissions from a moment on, and a few more, newest first.

    Raises:
        NotFound: there is no such account.
        Unavailable: there seem to be too many of them.
    """
    rows: dict[int, Submission] = {}
    for number in range(MOST_CALLS):
        page = await window(tools, handle, number * RECENT + 1, RECENT)
        rows |= {row.id: row for row in page}
        if len(page) < RECENT or page[-1].at < moment:
            return list(rows.values())
    raise Unavailable(f"Codeforces showed {len(rows)} submissions of {handle} since {moment.isoformat()} and no end of them")


def judge(rows: Sequence[Submission], handle: str, issued: IssuedChallenge) -> Identity | NotProved:
    """Return whose account it is if one of its submissions meets the challenge.

    Codeforces tells times in whole seconds, so the second in which the challenge was set counts as within.

    Args:
        rows: the account's submissions since then.
        handle: the account.
        issued: the challenge.

    Raises:
        Unavailable: a submission that may meet it is not judged yet.
    """
    tried = [row for row in rows if _name(row) == issued.key]
    timely = [row for row in tried if issued.issued_at.replace(microsecond=0) <= row.at <= issued.expires_at]
    alone = [row for row in timely if _alone(row, handle)]
    for row in sorted(alone, key=lambda row: row.id):
        if row.verdict == "COMPILATION_ERROR":
            return Identity(handle=row.author.members[0].handle, mark=str(row.id))
    waiting = [row for row in alone if not settled(row)]
    if waiting:
        raise Unavailable(f"submission {waiting[0].id} to {issued.key} is not judged yet")
    return NotProved(
        looked_for=(
            f"a submission to {issued.key} by {handle} alone that did not compile, "
            f"from {_told(issued.issued_at)} to {_told(issued.expires_at)}"
        ),
        found=_found(tried, timely, alone),
    )


def _name(row: Submission) -> str:
    return f"{row.problem.contest_id}/{row.problem.index.upper()}"


def _alone(row: Submission, handle: str) -> bool:
    return [member.handle.lower() for member in row.author.members] == [handle.lower()]


def _found(tried: Sequence[Submission], timely: Sequence[Submission], alone: Sequence[Submission]) -> str:
    if alone:
        verdicts = Counter(row.verdict for row in alone)
        return "submissions to it: " + ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items(), key=str))
    if timely:
        return f"submission {timely[0].id} to it, made in a team"
    if tried:
        return f"submission {tried[0].id} to it, made at {_told(tried[0].at)}"
    return "no submission to it"


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
