"""Handles as the engine compares them, whatever a source's own comparison overlooks.

Two ways to write one name must be one account, and a name that only looks like another's is refused: otherwise somebody
could hold the same account a second time, or one that everybody takes for it.
"""

from __future__ import annotations

import unicodedata

from msgspec import Struct

from skillcore.plugin.manager import Plugins
from skillcore.runtime.problems import InvalidField
from skillcore.verification.sources import normalise

__all__ = ["LONGEST_NAME", "Handle", "account_name", "check_id", "parse_handle"]

LONGEST_NAME = 150
"""Characters of a name: with its source and a work it must fit into an event's subject."""

LONGEST_ACCOUNT = 200
"""Characters of a name with its source, as events hold it."""

EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"})
"""Scripts that are written together, and together with Latin letters, which none of theirs looks like."""

WITHOUT_LOOSE_MARKS = frozenset({"LATIN", "CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "GEORGIAN", "CHEROKEE", ""})
"""Scripts whose accented letters are characters of their own: a mark that is left over there is a disguise."""

BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""Characters that show nothing, beyond those of the categories that `check_characters` refuses as a whole."""


class Handle(Struct, frozen=True):
    """An account's name at a source.

    Attributes:
        written: as the person wrote it, without blanks around it and in Unicode's form NFKC; sources are asked with this.
        key: what two ways of writing the same name share.
    """

    written: str
    key: str


def parse_handle(plugins: Plugins, source: str, given: str) -> Handle:
    """Return a handle that somebody gave.

    Raises:
        InvalidField: no such source, or this can be no handle there.
    """
    written = unicodedata.normalize("NFKC", given.strip()).strip()
    check_characters(written)
    key = _folded(normalise(plugins, source, written))
    if not key or max(len(written), len(key)) > LONGEST_NAME or not _fits(source, key):
        raise InvalidField(f"handle: found {len(key)} characters; allowed: 1 to {LONGEST_NAME}", field="handle")
    return Handle(written, key)


def check_id(source: str, external_id: str | None) -> None:
    """Refuse an account's id that is too long to name it by.

    Raises:
        InvalidField: says how long it may be.
    """
    if external_id is not None and not _fits(source, external_id):
        raise InvalidField(
            f"external_id: found {len(external_id)} characters; too many to name an account", field="external_id"
        )


def account_name(source: str, name: str) -> str:
    """Return the name under which the ledger knows an account: ``<source>:<id or handle>``, with no further colon.

    A work's subject is this, a colon and the work; so no account's works can be taken for those of another.
    """
    return f"{source}:{name.replace('%', '%25').replace(':', '%3A')}"


def check_characters(handle: str) -> None:
    """Refuse characters that cannot be seen, loose marks, and letters that look like those beside them.

    Raises:
        InvalidField: names the character.
    """
    base, scripts = "", set()
    for character in handle:
        category = unicodedata.category(character)
        if category[0] == "C" or category in {"Zl", "Zp", "Me"} or character in BLANK:
            raise _refused(character, "cannot stand in a handle")
        if category[0] == "L":
            base = _script(character)
            scripts.add(base)
        elif category[0] != "M":
            base = ""
        elif base in WITHOUT_LOOSE_MARKS:
            raise _refused(character, "cannot stand there in a handle")
    if len(scripts - EAST_ASIAN) > 1 or (scripts & EAST_ASIAN and scripts - EAST_ASIAN - {"LATIN"}):
        mixed = ", ".join(sorted(script.lower() for script in scripts))
        raise InvalidField(
            f"handle: its letters are of several scripts ({mixed}), of which one looks like another", field="handle"
        )


def _fits(source: str, name: str) -> bool:
    return len(account_name(source, name)) <= LONGEST_ACCOUNT


def _script(letter: str) -> str:
    return unicodedata.name(letter, "unknown").partition(" ")[0]


def _folded(name: str) -> str:
    once = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", once).strip()


def _refused(character: str, why: str) -> InvalidField:
    return InvalidField(f"handle: the character U+{ord(character):04X} {why}", field="handle")
