"""What a task may ask for, and the names that GitHub allows."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from skillcore.plugin import InvalidRequirement

__all__ = ["Contribution", "is_login", "normalised_login"]

_LOGIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(_[a-z0-9]+)?")
"""Letters, digits and single hyphens inside; accounts that a company manages end in an underscore and its short code."""


class Contribution(Struct, frozen=True, forbid_unknown_fields=True):
    """The requirement: contributions to a repository by the linked login.

    Attributes:
        repo: ``owner/name``.
        min_commits: own commits at least; with the kind ``pull_requests``, own merged pull requests.
        kind: ``commits`` to any repository; ``pull_requests`` merged there; ``repository``: it is the login's own, too.
        min_difficulty: refused, since GitHub rates no difficulty.
        after: count only what was authored, or merged, later than this.
    """

    repo: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+\Z", max_length=140)]
    min_commits: Annotated[int, Meta(ge=1, le=10_000)] = 1
    kind: Literal["commits", "pull_requests", "repository"] = "commits"
    min_difficulty: Annotated[float, Meta(ge=1, le=10)] | None = None
    after: Annotated[datetime, Meta(tz=True)] | None = None

    @property
    def owner(self) -> str:
        """The part of ``repo`` before the slash."""
        return self.repo.partition("/")[0]

    @property
    def name(self) -> str:
        """The part of ``repo`` after the slash."""
        return self.repo.partition("/")[2]

    def check(self, most: int) -> None:
        """Refuse what can never be verified when at most ``most`` rows are read.

        Raises:
            InvalidRequirement: names the field.
        """
        if not is_login(self.owner) or self.name in {".", ".."}:
            raise InvalidRequirement(f"{self.repo!r} is no repository; write owner/name", field="repo")
        if self.min_difficulty is not None:
            raise InvalidRequirement("GitHub rates no difficulty; leave min_difficulty out", field="min_difficulty")
        if self.min_commits > most:
            raise InvalidRequirement(f"at most {most} are read; ask for fewer, or raise max_pages", field="min_commits")


def is_login(text: str) -> bool:
    """Tell whether GitHub would give out this login."""
    return len(text) <= 39 and _LOGIN.fullmatch(text.lower()) is not None


def normalised_login(handle: str) -> str:
    """Return the login in lower case, as GitHub compares it.

    Raises:
        InvalidRequirement: GitHub gives out no such login.
    """
    login = handle.strip().lower()
    if not is_login(login):
        raise InvalidRequirement(
            f"{handle!r} is no GitHub login: letters, digits and single hyphens, 39 at most", field="handle"
        )
    return login
