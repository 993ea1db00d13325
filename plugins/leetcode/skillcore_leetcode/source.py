"""The source: which questions it puts to the server, and what the answers allow it to say."""

from __future__ import annotations

from collections.abc import Sequence

from skillcore.plugin import (
    Account,
    Evidence,
    MCPServer,
    NotFound,
    NotVerified,
    ServerSettings,
    Tool,
    Tools,
    Undecided,
    Verdict,
    VerificationSource,
    Verified,
)
from skillcore_leetcode.answers import Accepted, Problem, failed, problem_of, recent_of, user_exists
from skillcore_leetcode.requirement import DIFFICULTY, Requirement, handle_of

__all__ = ["LeetCode"]

WINDOW = 20
"""LeetCode shows at most as many recently accepted submissions, whatever is asked."""

TOOLS = (
    Tool("get_recent_ac_submissions", ("username", "limit")),
    Tool("get_user_profile", ("username",)),
    Tool("get_problem", ("titleSlug",)),
)


class LeetCode(VerificationSource[Requirement]):
    """Checks accepted submissions on LeetCode, as far as its window of recent ones shows them."""

    name = "leetcode"
    requirement = Requirement

    def __init__(self, server: ServerSettings) -> None:
        self.server = MCPServer(tools=TOOLS, settings=server)

    def check(self, requirement: Requirement) -> None:
        """Refuse a time without a zone."""
        requirement.check()

    def normalise(self, handle: str) -> str:
        """Return the user name in lower case."""
        return handle_of(handle).lower()

    async def verify(self, tools: Tools, account: Account, requirement: Requirement) -> Verdict:
        """Check one requirement for one account.

        Only a full window could hide the submission: short of that the list is complete, unless LeetCode doesn't know the
        user, whose list would be empty just the same.
        """
        requirement.check()
        handle, slug = handle_of(account.handle), requirement.problem_slug
        asked = {"username": handle, "limit": WINDOW}
        rows = await tools.read("get_recent_ac_submissions", asked, recent_of(handle), failure=failed)
        found = first_accepted(rows, requirement)
        if found is not None:
            return accepted(found, await _problem(tools, slug), requirement)
        if len(rows) < WINDOW and not await tools.read(
            "get_user_profile", {"username": handle}, user_exists(handle), failure=failed
        ):
            raise NotFound(f"LeetCode has no user {handle}")
        return not_shown(rows, requirement)


async def _problem(tools: Tools, slug: str) -> Problem | None:
    """Return the problem, or None for one that LeetCode has taken away since it was solved."""
    try:
        return await tools.read("get_problem", {"titleSlug": slug}, problem_of(slug), failure=failed)
    except NotFound:
        return None


def first_accepted(rows: Sequence[Accepted], requirement: Requirement) -> Accepted | None:
    """Return the earliest submission that counts among those shown."""
    fit = [
        row
        for row in rows
        if row.title_slug == requirement.problem_slug and (requirement.after is None or row.at > requirement.after)
    ]
    return min(fit, key=lambda row: row.at, default=None)


def accepted(row: Accepted, problem: Problem | None, requirement: Requirement) -> Verdict:
    """Judge an accepted submission by how hard its problem is."""
    difficulty = DIFFICULTY[problem.difficulty.lower()] if problem else None
    if requirement.least is not None:
        if difficulty is None:
            return Undecided(f"{row.title_slug} was accepted, but LeetCode does not say how hard it is", "its difficulty")
        if difficulty < requirement.least:
            looked_for = f"an accepted submission to {row.title_slug}, of difficulty {requirement.least:g} or more"
            return NotVerified(looked_for, f"accepted, but its difficulty is {difficulty:g}")
    evidence = Evidence(
        work=row.title_slug,
        occurred_at=row.at,
        topics=problem.topic_tags if problem else (),
        difficulty=difficulty,
        strength="judged",
        metadata={"submission": row.id, "problem": problem.title if problem else None},
    )
    return Verified((evidence,))


def not_shown(rows: Sequence[Accepted], requirement: Requirement) -> NotVerified | Undecided:
    """Judge a list without the submission: complete if it is short, a mere window if it is full."""
    slug = requirement.problem_slug
    since = "" if requirement.after is None else f" after {requirement.after.isoformat()}"
    if len(rows) >= WINDOW:
        return Undecided(
            f"{slug} is not among the {len(rows)} accepted submissions that LeetCode shows; it may be older than these",
            f"submit an accepted solution to {slug} again, and have it checked before {WINDOW} others are accepted",
        )
    earlier = [row for row in rows if row.title_slug == slug]
    found = f"accepted earlier, at {max(row.at for row in earlier).isoformat()}" if earlier else f"{len(rows)} others"
    return NotVerified(f"an accepted submission to {slug}{since}", found)
