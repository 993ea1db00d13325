"""The source: which questions it puts to the server, in which order, and when it stops."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from skillcore.plugin import (
    Account,
    MCPServer,
    ServerSettings,
    Tool,
    Tools,
    Unavailable,
    Verdict,
    VerificationSource,
    Verified,
)
from skillcore_codeforces.answers import RatingChange, Submission, failed, failed_for, history_of, user_of
from skillcore_codeforces.requirement import Requirement, handle_of
from skillcore_codeforces.verdicts import may_be_rated, solved, verdict_of

__all__ = ["Codeforces"]

PAGE = 1000
"""Submissions asked for at a time."""

MOST_PAGES = 200
"""No account has as many submissions as fit on these; a server that goes on is not believed."""

TOOLS = (
    Tool("get_user_submissions", ("handle", "from", "count")),
    Tool("get_user_rating_history", ("handle",)),
    Tool("get_user_info", ("handles",)),
)


class Codeforces(VerificationSource[Requirement]):
    """Checks accepted submissions on Codeforces.

    The history is read to its end, or back to the requirement's ``after``: the date of a piece of work is that of its
    first acceptance, however many followed.
    """

    name = "codeforces"
    requirement = Requirement

    def __init__(self, server: ServerSettings) -> None:
        self.server = MCPServer(tools=TOOLS, settings=server)

    def check(self, requirement: Requirement) -> None:
        """Refuse a requirement that is not exactly one of the two forms."""
        requirement.check()

    def normalise(self, handle: str) -> str:
        """Return the handle in lower case, as Codeforces compares it."""
        return handle_of(handle).lower()

    async def verify(self, tools: Tools, account: Account, requirement: Requirement) -> Verdict:
        """Check one requirement for one account; a team's submission counts for each of its members."""
        requirement.check()
        handle = handle_of(account.handle)
        rows = await _submissions(tools, handle, requirement.after)
        verdict = verdict_of(rows, requirement, {})
        if isinstance(verdict, Verified) and any(may_be_rated(row) for row in _behind(verdict, rows)):
            verdict = verdict_of(rows, requirement, await _ratings(tools, handle))
        return verdict

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        """Return how many problems the account solved and, where it was ever rated, its rating and its highest."""
        handle = handle_of(account.handle)
        user = await tools.read("get_user_info", {"handles": [handle]}, user_of(handle), failure=failed_for(handle))
        rows = await _submissions(tools, handle, None)
        figures = {"rating": user.rating, "max_rating": user.max_rating, "problems_solved": len(solved(rows, None))}
        return {name: float(value) for name, value in figures.items() if value is not None}


async def _submissions(tools: Tools, handle: str, after: datetime | None) -> list[Submission]:
    """Return the submissions of an account, newest first, back to ``after``.

    Raises:
        NotFound: there is no such account.
        Unavailable: a page does not parse, is about somebody else, or repeats what came before.
    """
    rows: dict[int, Submission] = {}
    for number in range(MOST_PAGES):
        asked = {"handle": handle, "from": number * PAGE + 1, "count": PAGE}
        page = await tools.read("get_user_submissions", asked, history_of(handle), failure=failed_for(handle))
        known = len(rows)
        rows |= {row.id: row for row in page}
        # New submissions push old ones onto the next page, so a few may come twice; a page of nothing else is no history.
        if page and len(rows) == known:
            raise Unavailable(f"Codeforces repeated {len(page)} submissions of {handle} instead of going on")
        if len(page) < PAGE or (after is not None and page[-1].at <= after):
            return list(rows.values())
    raise Unavailable(f"Codeforces showed {len(rows)} submissions of {handle} and no end of them")


async def _ratings(tools: Tools, handle: str) -> dict[int, RatingChange]:
    changes = await tools.call("get_user_rating_history", {"handle": handle}, list[RatingChange], failure=failed)
    return {change.contest_id: change for change in changes}


def _behind(verdict: Verified, rows: list[Submission]) -> list[Submission]:
    """Return the submissions that the evidence names."""
    named = {evidence.metadata["submission"] for evidence in verdict.evidence}
    return [row for row in rows if row.id in named]
