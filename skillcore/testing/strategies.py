"""Hypothesis strategies for events: of every kind there is, also of a plugin's own, made from the shapes of their payloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from skillcore.ledger.preparation import evidence_id
from skillcore.plugin import Event, EventKind
from skillcore.testing.kinds import OF_PLATFORMS, known_kinds, user_of
from skillcore.testing.shapes import MOMENTS, Values

__all__ = ["SKILLS", "drawn", "events", "histories", "payloads", "subject_of"]

T = TypeVar("T")

SKILLS = ("graphs", "loops", "sql", "c-plusplus", "жуки", "漢字")
MANY_SKILLS = tuple(f"skill-{number}" for number in range(60))
ACCOUNTS = ("gym:ada", "gym:bob", "gym:0")
WORKS = ("a", "b", "c/1", "ü")
SUBJECTS = (*WORKS, "", "x y", "s" * 500)

NAMED: Mapping[str, st.SearchStrategy[Any]] = {
    "account": st.sampled_from(ACCOUNTS),
    "subject": st.builds("{}:{}".format, st.sampled_from(ACCOUNTS), st.sampled_from(WORKS)),
    "work": st.sampled_from(WORKS),
    "skills": st.lists(st.sampled_from(SKILLS), unique=True, max_size=3).map(tuple),
}
"""What fields of these names hold in the engine's own payloads, so that events speak of the same things."""

ACCOUNT_KINDS = ("account.linked", "account.unlinked", "evidence.withdrawn")


def payloads(kind: EventKind, fields: Mapping[str, st.SearchStrategy[Any]] | None = None) -> st.SearchStrategy[Any]:
    """Return payloads of a kind, as they come out of the ledger.

    Args:
        kind: whose payload is a Struct of any shape.
        fields: strategies for fields by name, also those of Structs within; for the others their types decide.
    """
    own = kind.payload.__module__.partition(".")[0] != "skillcore"
    return Values(fields if own else {**NAMED, **(fields or {})}).instances(kind.payload)


def events(
    kinds: Iterable[str | EventKind] | None = None,
    *,
    fields: Mapping[str, st.SearchStrategy[Any]] | None = None,
    user: str = "ada",
) -> st.SearchStrategy[Event]:
    """Return sound events, as rules and formulas see them.

    Numbers come at their bounds, texts empty, long and of all scripts, skills none and many, and subjects again and again.

    Args:
        kinds: names of kinds of the engine or of installed plugins, names that begin with ``x.``, or kinds themselves; every
            known kind, if not given.
        fields: strategies for fields of payloads, by name.
        user: a name that stands for the person whose they are.

    Raises:
        LookupError: no such kind.
    """
    return st.one_of(*(_of_kind(name, kind, fields, user) for name, kind in _chosen(kinds).items()))


def histories(
    kinds: Iterable[str | EventKind] | None = None,
    *,
    max_size: int = 10,
    fields: Mapping[str, st.SearchStrategy[Any]] | None = None,
    user: str = "ada",
) -> st.SearchStrategy[tuple[Event, ...]]:
    """Return a person's events as formulas see them: by time, each work's evidence once. Arguments as for `events`."""
    some = st.lists(events(kinds, fields=fields, user=user), max_size=max_size, unique_by=lambda event: event.id)
    return some.map(lambda found: tuple(sorted(found, key=lambda event: (event.occurred_at, event.id))))


def subject_of(kind: str, data: Any, otherwise: str) -> str:
    """Return what an event is about: the engine's own kinds that tell of accounts and works name those."""
    if kind == "evidence.accepted":
        return f"{data.account}:{data.work}"
    return data.account if kind in ACCOUNT_KINDS else otherwise


def drawn(strategy: st.SearchStrategy[T], number: int) -> list[T]:
    """Return examples of a strategy, the same ones in every run."""
    found: list[T] = []

    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(value: T) -> None:
        found.append(value)

    keep()
    return found


def _chosen(kinds: Iterable[str | EventKind] | None) -> dict[str, EventKind | None]:
    known = known_kinds()
    if kinds is None:
        return dict(known)
    chosen: dict[str, EventKind | None] = {}
    for kind in kinds:
        if isinstance(kind, EventKind):
            chosen[kind.name] = kind
        elif kind in known or kind.startswith(OF_PLATFORMS):
            chosen[kind] = known.get(kind)
        else:
            raise LookupError(
                f"{kind!r} is no kind of the engine or of an installed plugin: spell it as it is, or pass an EventKind"
            )
    return dict(sorted(chosen.items()))


def _of_kind(
    name: str, kind: EventKind | None, fields: Mapping[str, st.SearchStrategy[Any]] | None, user: str
) -> st.SearchStrategy[Event]:
    own = st.dictionaries(st.sampled_from(WORKS), st.integers(-5, 5) | st.sampled_from(SUBJECTS), max_size=3)
    data_of = own if kind is None else payloads(kind, fields)
    few = st.lists(st.sampled_from(SKILLS), unique=True, max_size=4).map(tuple)

    @st.composite
    def event(draw: st.DrawFn) -> Event:
        data = draw(data_of)
        subject = subject_of(name, data, draw(st.sampled_from(SUBJECTS)))
        id_ = evidence_id(subject) if name == "evidence.accepted" else draw(st.uuids(version=4))
        skills = MANY_SKILLS if draw(st.integers(0, 9)) == 9 else draw(few)
        via = "engine" if kind is None or not kind.client else draw(st.sampled_from(["engine", "platform", "page"]))
        return Event(str(id_), str(user_of(user)), name, subject, draw(MOMENTS), skills, data, via)

    return event()
