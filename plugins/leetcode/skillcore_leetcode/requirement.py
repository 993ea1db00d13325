"""What can be asked of LeetCode, what a handle looks like there, and how hard its problems are."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from skillcore.plugin import InvalidRequirement

__all__ = ["DIFFICULTY", "Requirement", "handle_of"]

DIFFICULTY = {"easy": 3.0, "medium": 5.0, "hard": 8.0}
"""LeetCode's three words on the common scale of 1 to 10."""

_HANDLE = re.compile(r"[A-Za-z0-9_.-]{1,50}")


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An accepted submission to a problem.

    Attributes:
        problem_slug: the problem's name in its address, such as ``two-sum``.
        min_difficulty: the problem is at least this hard: LeetCode's word, or a number on the common scale of 1 to 10.
        after: only a submission made later than this counts.
    """

    problem_slug: Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*-?\Z", max_length=150)]
    min_difficulty: Annotated[float, Meta(ge=1, le=10)] | Literal["easy", "medium", "hard"] | None = None
    after: Annotated[datetime, Meta(tz=True)] | None = None

    @property
    def least(self) -> float | None:
        """The least difficulty as a number."""
        word = self.min_difficulty
        return DIFFICULTY[word] if isinstance(word, str) else word

    def check(self) -> None:
        """Refuse what the types let through when no text was decoded.

        Raises:
            InvalidRequirement: ``after`` has no time zone.
        """
        if self.after is not None and self.after.utcoffset() is None:
            raise InvalidRequirement("after needs a time zone", field="after")


def handle_of(name: str) -> str:
    """Return a user name without surrounding blanks, fit to be sent.

    Raises:
        InvalidRequirement: LeetCode knows no such names.
    """
    handle = name.strip()
    if not _HANDLE.fullmatch(handle):
        raise InvalidRequirement(
            f"{handle!r} is no LeetCode user name: up to 50 Latin letters, digits, underscores, hyphens or dots", field="handle"
        )
    return handle
