"""Values of any type that msgspec knows, its bounds kept to and tried out: the payloads of events are made of them."""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import reject
from hypothesis import strategies as st
from msgspec import inspect as shapes

__all__ = ["MOMENTS", "Values"]

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.sampled_from(
    [
        *(FIRST + timedelta(days=days) for days in range(6)),  # few enough that much happens at the same time
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2099, 12, 31, tzinfo=UTC),
    ]
)
"""When things happened, leap days and far ends included."""

WORDS = (
    "",
    "x",
    "0",
    "a b",
    " ",
    "ü",
    "жук",
    "漢字",
    "🧗🏽",
    "e\u0301",
    "\u2028",
    "\u202e",
    "%s{}\\'\"",
    "<b>",
    "NaN",
    "-1",
)
INTEGERS = (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
FLOATS = (0.0, 1.0, -1.0, 0.1, 1e-300, 5e-324, 1e16, -1e16, 1.7e308, -1.7e308)
LIST = 4

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
"""What texts are made of; U+0000 is refused at the door, since no text of the database holds it."""

Strategy = st.SearchStrategy[Any]


class Values:
    """Strategies for types, each made once.

    Attributes:
        fields: strategies for fields of Structs, by name; the others get what their type allows.
    """

    def __init__(self, fields: Mapping[str, Strategy] | None = None) -> None:
        self.fields = dict(fields or {})
        self._made: dict[Any, Strategy] = {}

    def instances(self, struct: type[msgspec.Struct]) -> Strategy:
        """Return instances of a Struct as they come out of the database: JSON that was read back."""

        @st.composite
        def instance(draw: st.DrawFn) -> msgspec.Struct:
            try:
                return msgspec.json.decode(msgspec.json.encode(msgspec.convert(draw(values), struct)), type=struct)
            except msgspec.ValidationError:  # a __post_init__ is choosier than the types
                reject()

        values = self.of(shapes.type_info(struct))
        return instance()

    def of(self, shape: Any) -> Strategy:
        """Return plain values from which msgspec makes the ones of a type."""
        match shape:
            case shapes.StructType() | shapes.DataclassType() | shapes.TypedDictType() | shapes.NamedTupleType():
                made = self._once(shape)
            case shapes.Metadata(inner):
                made = self.of(inner)
            case shapes.UnionType(types):
                made = st.one_of(*map(self.of, types))
            case shapes.TupleType(items):
                made = st.tuples(*map(self.of, items))
            case (
                shapes.VarTupleType() | shapes.ListType() | shapes.SetType() | shapes.FrozenSetType() | shapes.CollectionType()
            ):
                made = self._many(shape)
            case shapes.DictType(keys, values):
                low, high = _sizes(shape)
                made = st.dictionaries(self.of(keys), self.of(values), min_size=low, max_size=high)
            case _:
                made = _plain(shape)
        return made

    def _once(self, shape: Any) -> Strategy:
        """Return the strategy of a type with fields; deferred, since it may hold itself."""
        if shape.cls not in self._made:
            self._made[shape.cls] = st.deferred(lambda: self._record(shape))
        return self._made[shape.cls]

    def _record(self, shape: Any) -> Strategy:
        tagged = {} if getattr(shape, "tag_field", None) is None else {shape.tag_field: st.just(shape.tag)}
        of_fields = {getattr(field, "encode_name", field.name): self._field(field) for field in shape.fields}
        if isinstance(shape, shapes.NamedTupleType) or getattr(shape, "array_like", False):
            return st.tuples(*tagged.values(), *of_fields.values())
        needed = {getattr(field, "encode_name", field.name) for field in shape.fields if field.required}
        required = tagged | {name: values for name, values in of_fields.items() if name in needed}
        # An event may be older than a field that its payload gained.
        return st.fixed_dictionaries(required, optional={n: v for n, v in of_fields.items() if n not in needed})

    def _field(self, field: Any) -> Strategy:
        return self.fields[field.name] if field.name in self.fields else self.of(field.type)

    def _many(self, shape: Any) -> Strategy:
        low, high = _sizes(shape)
        items = self.of(shape.item_type)
        unique = isinstance(shape, shapes.SetType | shapes.FrozenSetType)
        return st.lists(items, min_size=low, max_size=high, unique_by=repr if unique else None)


def _sizes(shape: Any) -> tuple[int, int]:
    low = shape.min_length or 0
    return low, low + LIST if shape.max_length is None else min(shape.max_length, low + LIST)


def _plain(shape: Any) -> Strategy:
    made: dict[type, Callable[[Any], Strategy]] = {
        shapes.NoneType: lambda _: st.none(),
        shapes.LiteralType: lambda shape: st.sampled_from(shape.values),
        shapes.EnumType: lambda shape: st.sampled_from([member.value for member in shape.cls]),
        shapes.BoolType: lambda _: st.booleans(),
        shapes.IntType: _integers,
        shapes.FloatType: _floats,
        shapes.StrType: _texts,
        shapes.BytesType: _bytes,
        shapes.ByteArrayType: _bytes,
        shapes.DateTimeType: lambda shape: MOMENTS.map(lambda at: at.replace(tzinfo=None)) if shape.tz is False else MOMENTS,
        shapes.DateType: lambda _: MOMENTS.map(datetime.date),
        shapes.TimeType: lambda shape: MOMENTS.map(datetime.time if shape.tz is False else datetime.timetz),
        shapes.TimeDeltaType: lambda _: st.integers(-(10**6), 10**9).map(lambda seconds: timedelta(seconds=seconds)),
        shapes.UUIDType: lambda _: st.uuids(),
        shapes.DecimalType: lambda _: st.decimals(-(10**9), 10**9, places=3),
        shapes.AnyType: lambda _: _anything(),
        shapes.RawType: lambda _: _anything(),
    }
    try:
        return made[type(shape)](shape)
    except KeyError:
        message = f"no values are known for {shape}: name the field in `fields` with a strategy of its own"
        raise TypeError(message) from None


def _integers(shape: shapes.IntType) -> Strategy:
    low = shape.ge if shape.ge is not None else None if shape.gt is None else shape.gt + 1
    high = shape.le if shape.le is not None else None if shape.lt is None else shape.lt - 1
    if shape.multiple_of is not None:
        step = shape.multiple_of
        first = None if low is None else -(-low // step)
        return st.integers(first, None if high is None else high // step).map(lambda times: times * step)
    bounds = -(2**63) if low is None else low, 2**63 - 1 if high is None else high
    return _edged(st.integers(*bounds), INTEGERS, *bounds)


def _floats(shape: shapes.FloatType) -> Strategy:
    low = shape.ge if shape.ge is not None else None if shape.gt is None else math.nextafter(shape.gt, math.inf)
    high = shape.le if shape.le is not None else None if shape.lt is None else math.nextafter(shape.lt, -math.inf)
    bounds = -1.7e308 if low is None else float(low), 1.7e308 if high is None else float(high)
    if shape.multiple_of is not None:
        step = shape.multiple_of
        return st.integers(math.ceil(max(bounds[0], -1e9) / step), math.floor(min(bounds[1], 1e9) / step)).map(
            lambda n: n * step
        )
    return _edged(st.floats(*bounds, allow_nan=False), FLOATS, *bounds)


def _edged(values: Strategy, edges: Iterable[float], low: float, high: float) -> Strategy:
    """Have values at their bounds, and others that calculations often stumble on, come often."""
    fitting = [low, high, *(edge for edge in edges if low <= edge <= high)]
    return st.one_of(st.sampled_from(fitting), values)


def _texts(shape: shapes.StrType) -> Strategy:
    low, high = shape.min_length or 0, shape.max_length
    if shape.pattern is not None:
        matching = st.from_regex(shape.pattern, alphabet=LETTERS)
        return matching.filter(lambda text: len(text) >= low and (high is None or len(text) <= high))
    long = min(high if high is not None else 3000, 3000)
    words = [word.ljust(low, "y")[:high] for word in WORDS]
    free = st.text(LETTERS, min_size=low, max_size=max(low, min(20, long)))
    return st.one_of(st.sampled_from([*words, "w" * max(low, long)]), free)


def _bytes(shape: Any) -> Strategy:
    low, _ = _sizes(shape)
    return st.binary(min_size=low, max_size=shape.max_length or low + 20)


def _anything() -> Strategy:
    """Return whatever JSON can say."""
    keys = st.one_of(st.sampled_from(WORDS), st.text(string.ascii_lowercase, max_size=3))
    leaves = st.one_of(st.none(), st.booleans(), st.sampled_from(INTEGERS), st.sampled_from(FLOATS), st.sampled_from(WORDS))
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
    )
