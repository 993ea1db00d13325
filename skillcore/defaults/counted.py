"""Attempts: what counts as one when it is judged how well somebody does, and averages over the latest of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from skillcore.plugin import Event

__all__ = ["KINDS", "VOUCHING", "counted", "deviation", "mean", "minutes_of", "modules_of", "score_of"]

VOUCHING = frozenset({"platform", "engine"})
"""Ways by which events come whose word counts beyond what is the learner's own."""

KINDS = frozenset({"session.activity", "evidence.accepted"})
"""Kinds of events that may be attempts."""


def score_of(event: Event) -> float | None:
    """Return how well an attempt went, from 0 to 100; None for what is no attempt that counts."""
    return counted(event.kind, event.via, event.data.score if event.kind == "session.activity" else None)


def counted(kind: str, via: str, score: float | None) -> float | None:
    """Return what an attempt counts, from 0 to 100; None for what is no attempt that counts.

    Accepted evidence is a success. A score of a training session counts if a platform or the engine vouches for it: what
    learners say of themselves never does.

    Args:
        kind: of the event.
        via: by which way it came.
        score: that it states.
    """
    if kind == "evidence.accepted":
        return 100.0
    if kind != "session.activity" or score is None or via not in VOUCHING:
        return None
    return float(score)


def minutes_of(event: Event) -> float | None:
    """Return the minutes of practice that an event states; None where there are none, or nobody vouches for them.

    Practice is time spent (``progress.time``) and time volunteered (``platform.volunteered``), on the skills that it names.
    """
    if event.kind not in {"progress.time", "platform.volunteered"} or event.via not in VOUCHING:
        return None
    minutes: float | None = event.data.minutes
    return minutes


def modules_of(event: Event) -> tuple[str, ...]:
    """Return the subject of the module that a training session's event is about, if it names one."""
    return (f"module:{event.data.module}",) if event.data.module else ()


def mean(values: Sequence[float]) -> float:
    """Return the mean of one or more values."""
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of a population of one or more values."""
    return math.dist(values, (mean(values),) * len(values)) / math.sqrt(len(values))
