"""What an author gives a conformance suite to try a source with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from skillcore.plugin import IssuedChallenge

__all__ = ["MetChallenge", "Sample"]


class Sample(Struct, frozen=True):
    """An account and a requirement.

    Attributes:
        handle: the account's name.
        requirement: the source's requirement Struct.
        external_id: the account's unchanging id, where the source has one.
    """

    handle: str
    requirement: Struct
    external_id: str | None = None


class MetChallenge(Struct, frozen=True, kw_only=True):
    """A challenge that an account has met, so that the suite can move its beginning and its end around that moment.

    Attributes:
        handle: the account's name.
        key: of the challenge, as `VerificationSource.challenge` would name it.
        data: of the challenge.
        done_at: when the account met it, with a time zone.
        external_id: the account's unchanging id, where the source has one.
    """

    handle: str
    key: str
    data: Mapping[str, str] = {}
    done_at: datetime
    external_id: str | None = None

    def issued(self, *, key: str | None = None, data: Mapping[str, str] | None = None, minutes: float = 0.0) -> IssuedChallenge:
        """Return the challenge as if issued five minutes before it was met and open for ten.

        Args:
            key: another one.
            data: other data.
            minutes: how much later it begins and ends than that.
        """
        begin = self.done_at + timedelta(minutes=minutes - 5)
        return IssuedChallenge(
            key=self.key if key is None else key,
            data=self.data if data is None else data,
            issued_at=begin,
            expires_at=begin + timedelta(minutes=10),
        )
