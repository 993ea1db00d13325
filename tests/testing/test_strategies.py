"""Events of any shape: what is drawn fits its kind, comes back from JSON, and is as odd as it is meant to be."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import msgspec
import pytest
from hypothesis import strategies as st
from msgspec import Meta, Struct

from skillcore.plugin import Event, EventKind
from skillcore.testing import events, histories, payloads
from skillcore.testing.kinds import known_kinds
from skillcore.testing.strategies import drawn


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Extra(TypedDict):
    note: str


@dataclass
class Box:
    width: float
    open: bool = False


class Circle(Struct, tag="circle"):
    radius: Annotated[float, Meta(gt=0, lt=3)]


class Square(Struct, tag="square"):
    side: Annotated[int, Meta(ge=2, le=9, multiple_of=2)]


class Pair(Struct, array_like=True):
    left: int
    right: str


class Tree(Struct):
    children: list[Tree] = []


class Everything(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    some_text: Annotated[str, Meta(min_length=2, max_length=5)]
    code: Annotated[str, Meta(pattern=r"^[A-Z]{2}-\d+$", max_length=8)]
    at: datetime
    shape: Circle | Square
    pair: Pair
    tree: Tree
    colour: Colour
    point: Point
    extra: Extra
    box: Box
    word: Literal["a", 1, None]
    few: Annotated[tuple[int, ...], Meta(min_length=1, max_length=2)]
    two: tuple[int, str]
    names: frozenset[str]
    table: dict[str, list[float]]
    day: date
    hour: time
    length: timedelta
    id: UUID
    price: Decimal
    raw: bytes
    maybe: int | None = None
    anything: Any = None


EVERYTHING = EventKind("acme.everything", Everything, client=True)


class Even(Struct):
    number: Annotated[int, Meta(ge=0, le=100)]

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("odd")


def test_every_type_has_values_within_its_bounds():
    found = drawn(payloads(EVERYTHING), 60)
    assert len(found) > 30
    for one in found:
        assert msgspec.convert(msgspec.to_builtins(one), Everything) == one
    assert {type(one.shape) for one in found} == {Circle, Square}
    assert {one.maybe is None for one in found} == {True, False}


def test_what_a_payload_refuses_by_itself_is_not_drawn():
    assert all(one.number % 2 == 0 for one in drawn(payloads(EventKind("acme.even", Even)), 50))


def test_fields_may_be_given():
    found = drawn(payloads(EventKind("acme.even", Even), {"number": st.just(42)}), 5)
    assert {one.number for one in found} == {42}


def test_events_fit_their_kinds_and_hold_no_nul():
    for one in drawn(events([*known_kinds(), EVERYTHING, "x.acme.visit"]), 300):
        assert isinstance(one, Event)
        assert b"\\u0000" not in msgspec.json.encode(one)
        assert one.occurred_at.utcoffset() == timedelta(0)
        assert str(UUID(one.id)) == one.id
        shape = {**known_kinds(), "acme.everything": EVERYTHING}.get(one.kind)
        again = msgspec.json.decode(msgspec.json.encode(one.data), type=shape.payload if shape else dict)
        assert again == one.data


def test_events_are_odd():
    found = drawn(events(["session.activity", "evidence.accepted"]), 300)
    assert any(not one.skills for one in found)
    assert any(len(one.skills) > 50 for one in found)
    assert any(not one.subject_id for one in found)
    assert any(not one.subject_id.isascii() for one in found)
    works = [one for one in found if one.kind == "evidence.accepted"]
    assert {1.0, 10.0} <= {one.data.difficulty for one in works}
    assert len({one.subject_id for one in works}) < len(works)
    assert all(one.subject_id == f"{one.data.account}:{one.data.work}" for one in works)


def test_histories_are_as_formulas_see_them():
    for history in drawn(histories(["evidence.accepted", "task.completed"]), 60):
        assert list(history) == sorted(history, key=lambda one: (one.occurred_at, one.id))
        assert len({one.id for one in history}) == len(history)


def test_a_misspelt_kind_is_named():
    with pytest.raises(LookupError, match=r"'evidence\.acepted' is no kind"):
        events(["evidence.acepted"])
