"""What the servers say when a call fails, turned into what the engine should do about it."""

from __future__ import annotations

import re
from collections.abc import Callable

from skillcore.plugin import NotFound, Refused, SourceError, Unavailable

__all__ = ["failures_of", "search_failure"]

# The npm server gives each status a phrase of its own; the official one quotes the status after the address it asked.
_PHRASES = {
    "Not Found: ": 404,
    "Authentication Failed: ": 401,
    "Permission Denied: ": 403,
    "Conflict: ": 409,
    "Rate Limit Exceeded: ": 429,
    "Validation Error: ": 422,
}
_STATUS = re.compile(r"(?:https?://\S{1,1000}: |unexpected status )(\d{3})\b")
# A refusal by GitHub says why. What answers in its place, such as a proxy with a page of its own, leaves each server without
# words: the npm one then has these, and the official one none between the status and its list of errors.
_WORDLESS = re.compile(
    r"Not Found: Resource not found: Resource|Authentication Failed: Authentication failed"
    r"|Permission Denied: Insufficient permissions|Conflict: Conflict occurred|.*https?://\S{1,1000}: \d{3}\s*(\[\])?",
    re.DOTALL,
)
# GitHub answers 403 to a missing right and to too many requests alike; only the words differ.
_RATIONED = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
# A search for the work of a login that nobody has is invalid to GitHub.
_UNKNOWN = re.compile(r"listed users.{0,40}cannot be searched", re.IGNORECASE | re.DOTALL)


def failures_of(repo: str) -> Callable[[str], SourceError]:
    """Return the judge of failed calls about a repository."""

    def failure(text: str) -> SourceError:
        status = _status(text)
        if status == 429 or (status == 403 and _RATIONED.search(text)):
            return Unavailable(f"GitHub rations its answers: {_short(text)}", limited=True)
        if _WORDLESS.fullmatch(text.strip()):
            return Unavailable(f"something else than GitHub answered: {_short(text)}")
        return _by_status(status, text, repo)

    return failure


def search_failure(text: str) -> SourceError:
    """Judge a failed search: one for an account that GitHub does not know is refused as invalid."""
    error = failures_of("what it searches")(text)
    if _status(text) == 422 and _UNKNOWN.search(text):
        return NotFound("GitHub knows no account of this name; if it was renamed, sign in there again")
    return Unavailable(f"GitHub's search failed: {_short(text)}") if isinstance(error, NotFound) else error


def _by_status(status: int | None, text: str, repo: str) -> SourceError:
    if status == 401:
        return Refused(f"GitHub does not accept the server's token: {_short(text)}")
    if status == 403:
        return Refused(f"the server's token may not read {repo}: {_short(text)}")
    if status == 404:
        return NotFound(f"GitHub shows no repository {repo}: it does not exist, or is private")
    if status == 409 and "empty" in text.lower():
        return NotFound(f"the repository {repo} is empty")
    return Unavailable(f"GitHub's server failed: {_short(text)}")


def _status(text: str) -> int | None:
    for phrase, status in _PHRASES.items():
        if text.startswith(phrase):
            return status
    found = _STATUS.search(text)
    return int(found[1]) if found else None


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
