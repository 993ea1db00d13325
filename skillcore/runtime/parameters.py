"""What requests say outside of their bodies: read from the handlers once, for what describes it and for what checks it.

Litestar reads a query leniently: the last of several values counts, ``null`` is the same as nothing, and a number is a time.
What is described is less than that, and what is taken is what is described.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache, reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition
from msgspec import Meta, Struct

from skillcore.runtime.problems import BadRequest

__all__ = ["Parameter", "check_query", "declaration", "parameters_of", "refuse_nul"]

INJECTED = frozenset({"engine", "actor", "request", "state", "headers", "cookies", "scope", "socket", "body", "query", "data"})
"""Names by which handlers take what no parameter says."""

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")
NUMBER = re.compile(r"-?[0-9]{1,19}")
AMOUNT = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?([eE][+-]?[0-9]{1,2})?")
TRUTH = re.compile(r"true|false")
ID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

FORMS: Mapping[Any, tuple[re.Pattern[str], str]] = {
    bool: (TRUTH, "true or false"),
    int: (NUMBER, "a whole number"),
    float: (AMOUNT, "a number"),
    UUID: (ID, "a UUID"),
    date: (DAY, "a day, such as 2026-03-01"),
    datetime: (TIME, "a time with its zone, such as 2026-03-01T12:00:00Z"),
}
"""How values of a kind that is no text are written in a query, and how that is said."""


ZONED = Annotated[datetime, Meta(tz=True)]


class Parameter(Struct, frozen=True):
    """What an operation takes outside of its body.

    Attributes:
        name: as requests call it.
        place: ``path``, ``query``, ``header`` or ``cookie``.
        field: as the handler declares it.
        kind: its type, but for that it may be left out, which is no value of it.
        several: whether it may be given more than once: each is an item of a list.
        forms: how its values are written, each with the words for it.
        others: further kinds of values, which texts are as they stand; None where there are none.
    """

    name: str
    place: str
    field: FieldDefinition
    kind: Any
    several: bool
    forms: tuple[tuple[re.Pattern[str], str], ...]
    others: Any

    @classmethod
    def of(cls, name: str, place: str, field: FieldDefinition) -> Parameter:
        """Return what is declared."""
        whole = _alternatives(field)
        items = [item for kind in whole for item in (kind.inner_types if kind.is_non_string_sequence else (kind,))]
        kinds = [kind.annotation for item in items for kind in _alternatives(item) if kind.annotation is not Ellipsis]
        others = tuple(kind for kind in kinds if kind not in FORMS)
        return cls(
            name=name,
            place=place,
            field=field,
            kind=_present(field.annotation),
            several=any(kind.is_non_string_sequence for kind in whole),
            forms=tuple(FORMS[kind] for kind in kinds if kind in FORMS),
            others=reduce(or_, others) if others else None,
        )

    def check(self, value: str) -> None:
        """Refuse a value that is not of its kind; bounds are the business of whoever reads it.

        Raises:
            BadRequest: names the parameter.
        """
        if any(form.fullmatch(value) for form, _ in self.forms):
            return
        wanted = f"give {' or '.join(words for _, words in self.forms)}"
        if self.others is not None:
            try:
                msgspec.convert(value, self.others)
            except msgspec.ValidationError as error:
                wanted = wanted if self.forms else str(error).replace("`", "")
            else:
                return
        raise misread(self.name, wanted)


def declaration(field: FieldDefinition) -> ParameterKwarg | None:
    """Return what a handler says of a parameter beside its type."""
    return field.kwarg_definition if isinstance(field.kwarg_definition, ParameterKwarg) else None


@lru_cache(maxsize=1024)
def parameters_of(handler: BaseRouteHandler, in_path: frozenset[str]) -> tuple[Parameter, ...]:
    """Return what a handler takes outside of the body.

    Args:
        handler: of the operation.
        in_path: the names of the parameters in its path.
    """
    found = []
    for name, field in handler.parsed_fn_signature.parameters.items():
        if name in INJECTED:
            continue
        declared = declaration(field)
        if name in in_path:
            found.append(Parameter.of(name, "path", field))
        elif declared is None:
            found.append(Parameter.of(name, "query", field))
        else:
            shown = declared.name or declared.header or declared.query or name
            found.append(Parameter.of(shown, declared.param_type.value, field))
    return tuple(found)


def refuse_nul(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Refuse an address with a NUL character, which no text here can keep; for Litestar's ``guards``.

    Raises:
        BadRequest: names the parameter, if it is one of the query.
    """
    field = next((name for name, value in connection.query_params.multi_items() if "\0" in name + value), None)
    if field is not None or "\0" in connection.scope["path"]:
        shown = None if field is None or "\0" in field else field
        raise BadRequest("the address holds the character U+0000, which no text can hold", field=shown)


def check_query(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse a query in which a parameter has a value not of its kind, or two where it takes one; for ``guards``.

    Raises:
        BadRequest: names the parameter.
    """
    if not connection.scope["query_string"]:
        return
    taken = {one.name: one for one in parameters_of(handler, frozenset(connection.path_params)) if one.place == "query"}
    seen: set[str] = set()
    for name, value in connection.query_params.multi_items():
        if (parameter := taken.get(name)) is None:
            continue
        if name in seen and not parameter.several:
            raise misread(name, "it is given more than once, and takes one value")
        seen.add(name)
        parameter.check(value)


def misread(name: str, what: str) -> BadRequest:
    """Return the problem of a parameter that cannot be read."""
    return BadRequest(f"{name}: {what}", field=name, errors=[{"field": name, "detail": what}])


def _alternatives(field: FieldDefinition) -> tuple[FieldDefinition, ...]:
    return tuple(kind for kind in field.inner_types if not kind.is_none_type) if field.is_union else (field,)


def _present(annotation: Any) -> Any:
    alternatives = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    return reduce(or_, (ZONED if kind is datetime else kind for kind in alternatives if kind is not NoneType))
