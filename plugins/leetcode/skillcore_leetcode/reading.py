"""How the server's tools are called: one function for each question."""

from __future__ import annotations

from skillcore.plugin import NotFound, Tool, Tools
from skillcore_leetcode.answers import Accepted, Problem, Profile, contest_rating_of, failed, problem_of, profile_of, recent_of

__all__ = ["TOOLS", "WINDOW", "contest_rating", "problem", "profile", "recent"]

WINDOW = 20
"""LeetCode shows at most as many recently accepted submissions, whatever is asked."""

TOOLS = (
    Tool("get_recent_ac_submissions", ("username", "limit")),
    Tool("get_user_profile", ("username",)),
    Tool("get_problem", ("titleSlug",)),
)


async def recent(tools: Tools, handle: str) -> list[Accepted]:
    """Return an account's recently accepted submissions; an unknown account has none."""
    arguments = {"username": handle, "limit": WINDOW}
    return await tools.read("get_recent_ac_submissions", arguments, recent_of(handle), failure=failed)


async def profile(tools: Tools, handle: str) -> Profile:
    """Return what LeetCode shows of a user.

    Raises:
        NotFound: it knows none of this name.
    """
    found = await tools.read("get_user_profile", {"username": handle}, profile_of(handle), failure=failed)
    if found is None:
        raise NotFound(f"LeetCode has no user {handle}")
    return found


async def contest_rating(tools: Tools, handle: str) -> float | None:
    """Return an account's rating in contests; None if it shows none. Only figures need this tool, so it is not declared."""
    arguments = {"username": handle, "attended": True}
    return await tools.read("get_user_contest_ranking", arguments, contest_rating_of(handle), failure=failed)


async def problem(tools: Tools, slug: str) -> Problem | None:
    """Return a problem, or None for one that LeetCode has taken away since it was solved."""
    try:
        return await tools.read("get_problem", {"titleSlug": slug}, problem_of(slug), failure=failed)
    except NotFound:
        return None
