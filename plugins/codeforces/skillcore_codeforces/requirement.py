"""What can be asked of Codeforces, and what a handle looks like there."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from skillcore.plugin import InvalidRequirement

__all__ = ["Requirement", "handle_of"]

# The server puts the handle into an address as it stands: `tourist&count=1#` would be another question.
_HANDLE = re.compile(r"[A-Za-z0-9_.-]{3,24}")


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An accepted problem, named by ``contest_id`` and ``problem_index``, or any ``count`` problems from ``min_rating`` on.

    Attributes:
        contest_id: the contest, or from 100000 on the gym, that the problem belongs to.
        problem_index: the problem's letter there, such as ``A`` or ``F1``.
        min_rating: each problem's rating is at least this; problems without a rating don't count.
        count: how many different problems; 1 unless given.
        min_difficulty: each problem's difficulty on the common scale of 1 to 10 is at least this.
        after: only work done later than this counts.
    """

    contest_id: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    problem_index: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,8}\Z")] | None = None
    min_rating: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    count: Annotated[int, Meta(ge=1, le=1000)] | None = None
    min_difficulty: Annotated[float, Meta(ge=1, le=10)] | None = None
    after: Annotated[datetime, Meta(tz=True)] | None = None

    def check(self) -> None:
        """Refuse anything but exactly one of the two forms.

        Raises:
            InvalidRequirement: names the field that is missing or one too many.
        """
        if self.min_rating is not None:
            for field in ("contest_id", "problem_index"):
                if getattr(self, field) is not None:
                    raise InvalidRequirement(f"{field} and min_rating exclude each other: leave one of them out", field=field)
        elif self.contest_id is None and self.problem_index is None:
            raise InvalidRequirement("give contest_id and problem_index, or min_rating", field="contest_id")
        elif self.contest_id is None:
            raise InvalidRequirement("problem_index needs the contest_id of its contest", field="contest_id")
        elif self.problem_index is None:
            raise InvalidRequirement("contest_id needs the problem_index of a problem in it", field="problem_index")
        elif self.count is not None:
            raise InvalidRequirement("count goes with min_rating; a named problem is accepted or not", field="count")
        if self.after is not None and self.after.utcoffset() is None:
            raise InvalidRequirement("after needs a time zone", field="after")


def handle_of(name: str) -> str:
    """Return a handle without surrounding blanks, fit to be sent.

    Raises:
        InvalidRequirement: Codeforces knows no such handles.
    """
    handle = name.strip()
    if not _HANDLE.fullmatch(handle):
        raise InvalidRequirement(
            f"{handle!r} is no Codeforces handle: 3 to 24 Latin letters, digits, underscores, hyphens or dots", field="handle"
        )
    return handle
