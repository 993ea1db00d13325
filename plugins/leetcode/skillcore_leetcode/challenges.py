"""Proof by a word in the public profile: only the account's holder can write there, and everybody can read it.

A profile shows no times, only how it is now. A word is made for one challenge and cannot have stood there before; and since
nothing tells how long it has been there, it counts while the challenge is open and no longer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from skillcore.plugin import Challenge, Identity, IssuedChallenge, NotProved
from skillcore_leetcode.answers import Profile

__all__ = ["FIELDS", "challenge", "judge"]

FIELDS = ("name", "school", "company")
"""Texts of a profile that its holder writes and that the server passes on."""

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Thirty-two of them, without those that are easily taken for others."""

_LENGTH = 13
"""As many digits hold 64 bits."""

SKEW = timedelta(minutes=1)
"""By which the clocks of two machines may differ."""


def challenge(handle: str, number: int, minutes: int) -> Challenge:
    """Return the challenge of a number: another number, another word."""
    word = "sc-" + "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))
    return Challenge(
        key=word,
        instructions=(
            f"Within {minutes} minutes, write {word} into the name of your public LeetCode profile, {handle}, alone or beside "
            "your name: https://leetcode.com/profile/, Basic Info, Name. The fields for school and company will do, too. Save "
            "it, have it checked here, and then take it away again."
        ),
        data={"word": word, "field": "name", "url": "https://leetcode.com/profile/", "minutes": str(minutes)},
    )


def judge(profile: Profile, issued: IssuedChallenge, now: datetime) -> Identity | NotProved:
    """Return whose account it is if its profile shows the word while the challenge is open.

    Args:
        profile: as it is now.
        issued: the challenge.
        now: the time.
    """
    shown = {field: getattr(profile, field) for field in FIELDS}
    there = any(issued.key.lower() in text.lower() for text in shown.values())
    if there and issued.issued_at - SKEW <= now <= issued.expires_at + SKEW:
        return Identity(handle=profile.username, mark=issued.key)
    texts = ", ".join(f"{field}: {text[:60]!r}" if text else f"no {field}" for field, text in shown.items())
    return NotProved(
        looked_for=(
            f"{issued.key} in the {', '.join(FIELDS[:-1])} or {FIELDS[-1]} of {profile.username}'s public profile, "
            f"from {_told(issued.issued_at)} to {_told(issued.expires_at)}"
        ),
        found=f"{texts}, at {_told(now)}",
    )


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
