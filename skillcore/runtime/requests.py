"""Reads request bodies: JSON and nothing else, straight into the type that the handler declares, strictly."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures.state import State

from skillcore.runtime.problems import BadRequest, InvalidField, UnsupportedMediaType

__all__ = ["JSONRequest", "decode", "misfit"]

PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<place>[^`]*)`)?$", re.DOTALL)
NAMED = re.compile(r"^Object (?:contains unknown|missing required) field `(?P<name>.*)`$", re.DOTALL)


class JSONRequest(Request[Any, Any, State]):
    """A request whose body is decoded as JSON into the handler's type, without bending texts into numbers."""

    async def json(self) -> Any:
        """Return the decoded body.

        Raises:
            UnsupportedMediaType: the body says that it is something else.
            BadRequest: it is not JSON.
            InvalidField: it is JSON that does not fit; names the field.
        """
        kind, parameters = self.content_type
        if kind != "application/json" or parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(
                f"the body is {kind or 'of no stated type'}: send JSON in UTF-8 with Content-Type: application/json"
            )
        expected = self.route_handler.parsed_data_field
        return decode(await self.body(), Any if expected is None else expected.annotation)


@lru_cache(maxsize=512)
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a type; making one costs more than a small request."""
    return msgspec.json.Decoder(kind)


def decode(body: bytes, kind: Any) -> Any:
    """Decode JSON into a type.

    Raises:
        BadRequest: it is not JSON in UTF-8, or nested too deeply.
        InvalidField: it does not fit the type, or holds a NUL character, which no text here can keep.
    """
    try:
        value = decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        _parse(body)  # what is no JSON at all is not the fault of a field
        raise misfit(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error) from error
    if b"\\u0000" in body:
        _refuse_nul(_parse(body), "")
    return value


def misfit(message: str) -> InvalidField:
    """Turn msgspec's message into a problem that names the field."""
    match = PLACE.match(message)
    what, place = (match["what"], match["place"] or "$") if match else (message, "$")
    field = place.removeprefix("$").removeprefix(".")
    if named := NAMED.match(what):
        field = f"{field}.{named['name']}" if field else named["name"]
        what = "this field is missing" if "missing" in what else "there is no such field"
    else:
        what = what[:1].lower() + what[1:].replace("`", "")
    return InvalidField(f"{field}: {what}" if field else what, field=field or None, errors=[{"field": field, "detail": what}])


def unreadable(error: Exception) -> BadRequest:
    """Turn an error of a decoder into a problem."""
    if isinstance(error, RecursionError):
        return BadRequest("the body is nested too deeply to be read")
    if isinstance(error, UnicodeDecodeError):
        return BadRequest("the body holds bytes that are not UTF-8")
    return BadRequest(f"the body is not JSON: {error}")


def _parse(body: bytes) -> Any:
    try:
        return decoder(Any).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error) from error


def _refuse_nul(value: Any, place: str) -> None:
    if isinstance(value, str) and "\0" in value:
        what = "a text cannot hold the character U+0000"
        raise InvalidField(
            f"{place}: {what}" if place else what, field=place or None, errors=[{"field": place, "detail": what}]
        )
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_nul(key, f"{place}.{key}".strip("."))
            _refuse_nul(item, f"{place}.{key}".strip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_nul(item, f"{place}[{number}]")
