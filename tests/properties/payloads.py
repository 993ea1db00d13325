"""Events of any kind, made from the shape of its payload, so that a new kind or formula needs no new generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from msgspec import inspect as shapes

from skillcore.plugin import EventKind
from skillcore.runtime.events import NewEvent

SKILLS = ("graphs", "loops", "sql")
ACCOUNTS = ("gym:ada", "gym:bob")
WORKS = ("a", "b", "c")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
FEW_MOMENTS = st.integers(0, 6).map(lambda days: FIRST + timedelta(days=days))
"""Few enough that events often happen at the same time."""

WORDS = st.sampled_from(["", "x", "ü", "a b", "\u2028", "0"])
ACCOUNT_KINDS = ("account.linked", "evidence.withdrawn")
NAMED: Mapping[str, st.SearchStrategy[Any]] = {
    "account": st.sampled_from(ACCOUNTS),
    "subject": st.builds("{}:{}".format, st.sampled_from(ACCOUNTS), st.sampled_from(WORKS)),
    "skills": st.lists(st.sampled_from(SKILLS), unique=True, max_size=3).map(tuple),
}
"""What fields of these names hold, so that events speak of the same things."""


def number(shape: Any) -> st.SearchStrategy[Any]:
    low = shape.ge if shape.ge is not None else shape.gt
    high = shape.le if shape.le is not None else shape.lt
    if isinstance(shape, shapes.IntType):
        return st.integers(-5 if low is None else int(low), 5 if high is None else int(high))
    return st.floats(-1e6 if low is None else low, 1e6 if high is None else high, allow_nan=False)


def text(shape: shapes.StrType) -> st.SearchStrategy[str]:
    return WORDS.map(lambda word: word.ljust(shape.min_length or 0, "y")[: shape.max_length])


def of_shape(shape: Any) -> st.SearchStrategy[Any]:
    """Return values of a msgspec type."""
    match shape:
        case shapes.StructType():
            return st.fixed_dictionaries(
                {field.encode_name: NAMED.get(field.name, of_shape(field.type)) for field in shape.fields}
            ).map(lambda values: msgspec.convert(values, shape.cls))
        case shapes.UnionType(types):
            return st.one_of(*map(of_shape, types))
        case shapes.LiteralType(values):
            return st.sampled_from(values)
        case shapes.VarTupleType(item) | shapes.ListType(item):
            return st.lists(of_shape(item), min_size=shape.min_length or 0, max_size=3).map(tuple)
        case shapes.DictType():
            return st.dictionaries(WORDS, st.integers(0, 3), max_size=2)
        case shapes.IntType() | shapes.FloatType():
            return number(shape)
        case shapes.StrType():
            return text(shape)
    plain: dict[type, Callable[[], st.SearchStrategy[Any]]] = {
        shapes.NoneType: st.none,
        shapes.BoolType: st.booleans,
        shapes.DateTimeType: lambda: FEW_MOMENTS,
        shapes.AnyType: lambda: WORDS,
    }
    return plain[type(shape)]()


def subject_of(kind: str, data: Any, work: str) -> str:
    if kind == "evidence.accepted":
        return f"{data.account}:{work}"
    return data.account if kind in ACCOUNT_KINDS else work


@st.composite
def events(draw: st.DrawFn, kind: EventKind, user_id: UUID) -> NewEvent:
    """Draw an event of a kind."""
    data = draw(of_shape(shapes.type_info(kind.payload)))
    return NewEvent(
        user_id=user_id,
        kind=kind.name,
        subject_id=subject_of(kind.name, data, draw(st.sampled_from(WORKS))),
        skills=draw(NAMED["skills"]),
        occurred_at=draw(FEW_MOMENTS),
        id=draw(st.uuids(version=4)),
        data=data,
    )
