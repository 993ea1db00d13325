"""Events of any kind on their way into the ledger, which speak of the same few things and often happen at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from skillcore.plugin import EventKind
from skillcore.runtime.events import NewEvent
from skillcore.testing import payloads
from skillcore.testing.strategies import subject_of

SKILLS = ("graphs", "loops", "sql")
ACCOUNTS = ("gym:ada", "gym:bob")
WORKS = ("a", "b", "c")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
FEW_MOMENTS = st.integers(0, 6).map(lambda days: FIRST + timedelta(days=days))
"""Few enough that events often happen at the same time."""

ACCOUNT_KINDS = ("account.linked", "evidence.withdrawn")
"""Kinds that decide which evidence counts."""

NAMED: Mapping[str, st.SearchStrategy[Any]] = {
    "account": st.sampled_from(ACCOUNTS),
    "work": st.sampled_from(WORKS),
    "subject": st.builds("{}:{}".format, st.sampled_from(ACCOUNTS), st.sampled_from(WORKS)),
    "skills": st.lists(st.sampled_from(SKILLS), unique=True, max_size=3).map(tuple),
}
"""What fields of these names hold, so that events speak of the same things."""


@st.composite
def events(draw: st.DrawFn, kind: EventKind, user_id: UUID) -> NewEvent:
    """Draw an event of a kind."""
    data = draw(_payloads(kind))
    return NewEvent(
        user_id=user_id,
        kind=kind.name,
        subject_id=subject_of(kind.name, data, draw(st.sampled_from(WORKS))),
        skills=draw(NAMED["skills"]),
        occurred_at=draw(FEW_MOMENTS),
        id=draw(st.uuids(version=4)),
        data=data,
    )


@cache
def _payloads(kind: EventKind) -> st.SearchStrategy[Any]:
    return payloads(kind, NAMED)
