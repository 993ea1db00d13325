"""The version of the contract, and the range of versions that a plugin wants."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["CONTRACT", "EXAMPLE", "Range", "UnreadableRange", "Version", "installed"]

CONTRACT = "1.1"
"""Version of the contract that this skillcore keeps. New things raise the minor, what breaks a plugin raises the major."""

EXAMPLE = ">=1.1,<2"
"""How a plugin writes the range that it wants."""

_CLAUSE = re.compile(r"(>=|<|==) *(0|[1-9][0-9]{0,3})(?:\.(0|[1-9][0-9]{0,3}))?")


class UnreadableRange(ValueError):
    """What stands there is no range of versions. The message says why, and shows one."""

    def __init__(self, given: object, why: str) -> None:
        super().__init__(f'{given!r} {why}; write it such as "{EXAMPLE}"')


class Version(NamedTuple):
    """A version of the contract, ordered as one expects."""

    major: int
    minor: int

    def __str__(self) -> str:
        """Write it as authors do."""
        return f"{self.major}.{self.minor}"


class Range(NamedTuple):
    """Versions from one on and below another; without an end the plugin trusts whatever comes."""

    first: Version
    below: Version | None

    @classmethod
    def parse(cls, text: object) -> Range:
        """Read a range: clauses with ``>=``, ``<`` or ``==``, separated by commas, each operator once.

        Raises:
            UnreadableRange: it is none, no version can lie in it, or it has no beginning.
        """
        if not isinstance(text, str) or len(text) > 100:
            raise UnreadableRange(text[:100] if isinstance(text, str) else type(text), "is no range of versions")
        bounds: dict[str, Version] = {}
        for clause in text.split(","):
            match = _CLAUSE.fullmatch(clause.strip(" "))
            if match is None:
                raise UnreadableRange(text, f"has a part that cannot be read, {clause.strip()!r}")
            operator, major, minor = match.groups()
            if operator in bounds:
                raise UnreadableRange(text, f"has {operator} twice")
            bounds[operator] = Version(int(major), int(minor or 0))
        exact = bounds.pop("==", None)
        if exact is not None:
            if bounds:
                raise UnreadableRange(text, "has other bounds beside ==")
            return cls(exact, Version(exact.major, exact.minor + 1))
        if ">=" not in bounds:
            raise UnreadableRange(text, "does not say from which version on")
        found = cls(bounds[">="], bounds.get("<"))
        if found.below is not None and found.below <= found.first:
            raise UnreadableRange(text, "holds no version")
        return found

    def __contains__(self, version: object) -> bool:
        """Say whether a version lies in the range."""
        return isinstance(version, Version) and self.first <= version and (self.below is None or version < self.below)


def installed() -> Version:
    """Return the version of the contract that this skillcore keeps."""
    major, minor = CONTRACT.split(".")
    return Version(int(major), int(minor))
