"""From a table of configuration to a Struct: merge it over the defaults, and say in full what does not fit."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import inspect as shapes

__all__ = ["Misfit", "Text", "defaults_of", "fit", "is_secret", "merged", "misfits", "nearest", "settled", "without_password"]

T = TypeVar("T", bound=msgspec.Struct)

_SECRET = re.compile(r"token|secret|passw|passphrase|authorization|bearer|cookie|credential|.key$", re.IGNORECASE)
_PASSWORDS = (
    (re.compile(r"(https?://)[^/\s@]*@"), r"\1***@"),
    (re.compile(r"((?:password|token|secret|key)=)[^&\s'\"]*", re.IGNORECASE), r"\1***"),
)
_LOGIN = re.compile(r"://[^:/@\s]*:")
_WORDS = {
    "BoolType": "true or false",
    "StrType": "text",
    "IntType": "a whole number",
    "FloatType": "a number",
    "DictType": "a table",
    "StructType": "a table",
    "ListType": "a list",
    "VarTupleType": "a list",
}
_BOUNDS = (("gt", "more than"), ("ge", "at least"), ("lt", "less than"), ("le", "at most"))
_UNKNOWN = object()


class Text(str):
    """A value of the environment: it fits a setting of text as it stands, and any other as JSON."""

    __slots__ = ()

    def opened(self) -> Any:
        """Return the value that its JSON holds, or the text itself if it is none."""
        try:
            return json.loads(self)
        except ValueError:
            return str(self)


class Misfit(Exception):
    """A value that its setting cannot have, or a key that no setting has.

    Attributes:
        path: the keys that lead to it from the table on.
        found: what stands there, hidden if its keys say that it is a secret.
        allowed: what may stand there.
    """

    def __init__(self, path: tuple[str, ...], found: str, allowed: str) -> None:
        self.path = path
        self.found = found
        self.allowed = allowed
        super().__init__(f"{'.'.join(path) or 'the section'}: found {found}; allowed: {allowed}")


def fit(table: Mapping[str, Any], shape: type[T]) -> T:
    """Return the table as a Struct.

    Raises:
        Misfit: the first key or value that does not fit.
    """
    table = settled(table, shape)
    for misfit in misfits(table, shape):
        raise misfit
    return msgspec.convert(table, shape)


def settled(value: object, shape: Any) -> Any:
    """Return the value with each `Text` inside replaced by what it stands for, given the type of its setting."""
    if isinstance(value, Text):
        value = str(value) if _fits(str(value), shape) else value.opened()
    if isinstance(value, Mapping):
        return {key: settled(inner, Any if of is _UNKNOWN else of) for key, inner, of in _parts(value, shape)}
    return value


def misfits(value: object, shape: Any, path: tuple[str, ...] = ()) -> Iterator[Misfit]:
    """Yield each key and value that does not fit the type, as deep inside as it can be named."""
    named = False
    for misfit in _inner_misfits(value, shape, path):
        named = True
        yield misfit
    if not named and not _fits(value, shape):
        yield Misfit(path, _shown(value, path), _allowed(shape))


def defaults_of(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Return a Struct's defaults as a table.

    Raises:
        TypeError: a field has no default, or one that no configuration file could hold.
    """
    return dict(msgspec.to_builtins(shape()))


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one table over another, tables inside tables likewise; any other value replaces the one below."""
    result = dict(below)
    for key, value in above.items():
        lower, upper = result.get(key), value
        if isinstance(lower, Text) and isinstance(upper, Mapping):
            lower = lower.opened()
        if isinstance(lower, Mapping) and isinstance(upper, Text):
            upper = upper.opened()
        result[key] = merged(lower, upper) if isinstance(lower, Mapping) and isinstance(upper, Mapping) else upper
    return result


def is_secret(path: tuple[str, ...]) -> bool:
    """Tell from its keys whether a value must not be shown: any header, and whatever is called a token or the like.

    The name of a file that holds a secret is none itself.
    """
    if not path or path[-1].endswith("_file"):
        return False
    return "headers" in path or path[-1].lower() == "key" or any(_SECRET.search(key) for key in path)


def without_password(text: str) -> str:
    """Return the text with the credentials of all URLs in it replaced by asterisks."""
    for pattern, replacement in _PASSWORDS:
        text = pattern.sub(replacement, text)
    return re.sub(r"\S+", _without_login, text)


def _without_login(word: re.Match[str]) -> str:
    """Hide a password up to the last @ of a word, where it may hold such signs itself; in one look, however long the word."""
    text = word[0]
    at = text.rfind("@")
    login = _LOGIN.search(text, 0, at) if at > 0 else None
    return text if login is None else f"{text[: login.end()]}***{text[at:]}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that was probably meant, as a question to append; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _inner_misfits(value: object, shape: Any, path: tuple[str, ...]) -> Iterator[Misfit]:
    if isinstance(value, float) and not math.isfinite(value):
        yield Misfit(path, repr(value), "a finite number")
    for key, inner, inner_shape in _parts(value, shape):
        if inner_shape is not _UNKNOWN:
            yield from misfits(inner, inner_shape, (*path, key))
        elif shape.__struct_config__.forbid_unknown_fields:
            known = [field.encode_name for field in msgspec.structs.fields(shape)]
            yield Misfit((*path, key), "a key that no setting has", (", ".join(known) or "none") + nearest(key, known))
    if isinstance(value, Mapping) and _is_struct(shape):
        for field in msgspec.structs.fields(shape):
            if field.required and field.encode_name not in value:
                yield Misfit((*path, field.encode_name), "nothing", _allowed(field.type))


def _parts(value: object, shape: Any) -> Iterator[tuple[str, object, Any]]:
    """Yield what a table or list holds: key, value, and the type that the key should have."""
    origin = get_origin(shape)
    if isinstance(value, Mapping) and _is_struct(shape):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(shape)}
        yield from ((str(key), inner, fields.get(key, _UNKNOWN)) for key, inner in value.items())
    elif isinstance(value, Mapping):
        of = get_args(shape)[1] if isinstance(origin, type) and issubclass(origin, Mapping) else Any
        yield from ((str(key), inner, of) for key, inner in value.items())
    elif isinstance(value, list | tuple):
        of = get_args(shape)[0] if origin in (tuple, list) else Any
        yield from ((str(index), inner, of) for index, inner in enumerate(value))


def _is_struct(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)


def _fits(value: object, shape: Any) -> bool:
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError:
        return False
    return True


def _shown(value: object, path: tuple[str, ...]) -> str:
    if is_secret(path):
        return "a value that is not shown"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, str):
        return f"text {without_password(repr(str(value)))}"
    return f"{without_password(repr(value))} ({type(value).__name__})"


def _allowed(shape: Any) -> str:
    info = shapes.type_info(shape)
    if isinstance(info, shapes.LiteralType):
        return " or ".join(repr(value) for value in info.values)
    if isinstance(info, shapes.UnionType):
        return " or ".join(_word(member) for member in info.types)
    bounds = [f"{word} {getattr(info, name)}" for name, word in _BOUNDS if getattr(info, name, None) is not None]
    pattern = getattr(info, "pattern", None)
    return ", ".join([_word(info), *bounds, *([f"matching {pattern}"] if pattern else [])])


def _word(info: shapes.Type) -> str:
    name = type(info).__name__
    return _WORDS.get(name, name.removesuffix("Type").lower())
