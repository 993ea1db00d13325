"""What a conformance suite says when an object does not keep to the contract."""

from __future__ import annotations

__all__ = ["Nonconformance"]


class Nonconformance(AssertionError):
    """An object does not keep to the contract. The message names it, says what is wrong and what mends it.

    Attributes:
        who: the source, rule or formula.
        wrong: what it did.
        remedy: what to do about it.
    """

    def __init__(self, who: str, wrong: str, remedy: str) -> None:
        # What came of an outside answer may hold anything, also what no terminal can show.
        self.who = who
        self.wrong = wrong.encode("utf-8", "backslashreplace").decode()
        self.remedy = remedy
        super().__init__(f"{who}: {self.wrong}. Remedy: {remedy}")
