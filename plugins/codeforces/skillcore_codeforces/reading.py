"""The questions that are put to the server."""

from __future__ import annotations

from skillcore.plugin import Tool, Tools, Unavailable
from skillcore_codeforces.answers import RatingChange, Submission, User, failed, failed_for, history_of, user_of, window_of

__all__ = ["MOST_PAGES", "PAGE", "TOOLS", "ratings", "submissions", "user", "window"]

PAGE = 1000
"""Submissions asked for at a time."""

MOST_PAGES = 200
"""No account has as many submissions as fit on these; a server that goes on is not believed."""

TOOLS = (
    Tool("get_user_submissions", ("handle", "from", "count")),
    Tool("get_user_rating_history", ("handle",)),
    Tool("get_user_info", ("handles",)),
)


async def submissions(tools: Tools, handle: str) -> list[Submission]:
    """Return the submissions of an account, newest first.

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
        if len(page) < PAGE:
            return list(rows.values())
    raise Unavailable(f"Codeforces showed {len(rows)} submissions of {handle} and no end of them")


async def window(tools: Tools, handle: str, start: int, count: int) -> list[Submission]:
    """Return up to ``count`` submissions, newest first, from the ``start``-th on, which for the newest is 1.

    Raises:
        NotFound: there is no such account.
        Unavailable: the rows do not parse, are somebody else's, too many, or in another order.
    """
    asked = {"handle": handle, "from": start, "count": count}
    return await tools.read("get_user_submissions", asked, window_of(handle, count), failure=failed_for(handle))


async def ratings(tools: Tools, handle: str) -> dict[int, RatingChange]:
    """Return what each contest did to an account's rating."""
    changes = await tools.call("get_user_rating_history", {"handle": handle}, list[RatingChange], failure=failed)
    return {change.contest_id: change for change in changes}


async def user(tools: Tools, handle: str) -> User:
    """Return an account's profile.

    Raises:
        NotFound: there is no such account.
    """
    return await tools.read("get_user_info", {"handles": [handle]}, user_of(handle), failure=failed_for(handle))
