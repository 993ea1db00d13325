"""What is made of a source that does not answer: when it is asked again, and in which words that is told."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

from skillcore.plugin import Unavailable
from skillcore.runtime.clock import now
from skillcore.runtime.settings import VerificationSettings

__all__ = ["delay", "delay_after", "in_words", "next_time", "plain"]

MARKUP = re.compile(r"</?[a-z][^<>]*>|<!doctype(?:[^<>]*>)?", re.IGNORECASE)
LONGEST_WAIT = 86_400.0
"""Seconds: no source is left alone for longer, whatever it asks for."""
SPREAD = 0.1
"""What ended together begins at different times again: by up to this part of the time between."""
TEXT_LIMIT = 2000


def delay(attempt: int, *, base: float, attempts: int, every: float, retry_after: float | None) -> float:
    """Return the seconds until a source that does not answer is asked again.

    ``base · 2ⁿ`` after attempt ``n`` (from 0) for the first ``attempts`` of them, then ``every``; longer if the source
    asked for it, and a day at most.
    """
    scheduled = base * 2.0**attempt if attempt < attempts else every
    return min(max(scheduled, retry_after or 0.0), LONGEST_WAIT)


def delay_after(attempt: int, error: Unavailable, settings: VerificationSettings) -> float:
    """Return the seconds until a source is asked again, by the settings and what it asked for.

    Args:
        attempt: how often it was asked, 1 and more.
        error: what came of it.
        settings: of this deployment.
    """
    return delay(
        attempt - 1,
        base=settings.retry_base,
        attempts=settings.retry_attempts,
        every=settings.retry_every,
        retry_after=error.retry_after,
    )


def in_words(text: str) -> str:
    """Return an error's words in one line, without the tags of a page that came in an answer's place."""
    return plain(" ".join(MARKUP.sub(" ", text).split()))


def plain(text: str) -> str:
    """Return foreign text as it can be kept everywhere: bounded, and without the one character that databases refuse."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…"


def next_time(every: float) -> datetime | None:
    """Return when a source is asked again by itself; None if never."""
    if not every:
        return None
    return now() + timedelta(seconds=every * random.uniform(1 - SPREAD, 1 + SPREAD))  # noqa: S311 - nobody gains by guessing it # nosec B311
