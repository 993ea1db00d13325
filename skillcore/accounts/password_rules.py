"""Which passwords people may choose: rules of NIST SP 800-63B-4, without a word about which characters they consist of.

Long enough, and none that attackers try first: no word of a list of 30,000 leaked ones, and not what everybody knows about its
person or about this service; nor any of these over and over. Nothing is asked of any other server.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Annotated

from msgspec import Meta
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from skillcore.accounts.passwords import normal
from skillcore.runtime.problems import InvalidField
from skillcore.runtime.settings import AuthSettings

__all__ = ["GivenPassword", "NewPassword", "check"]

NewPassword = Annotated[
    str,
    Meta(
        min_length=8,
        max_length=1024,
        description="Of `auth.min_characters` characters or more, and none that is easy to guess.",
        examples=["correct horse battery staple"],
    ),
]
GivenPassword = Annotated[str, Meta(max_length=1024, examples=["correct horse battery staple"])]
"""One to be compared: what holds for new ones need not hold for it."""

OURS = frozenset({"skillcore", "skill core", "skill-core"})
SEPARATORS = ".@_-+ "


def check(password: str, settings: AuthSettings, about: Iterable[str | None] = (), *, field: str = "password") -> None:
    """Refuse a password that is too easy to guess.

    Args:
        password: as typed.
        settings: how long it must be.
        about: what others know of its person: address, name.
        field: in which it came.

    Raises:
        InvalidField: names the field; what was wrong with it, and not the password.
    """
    given = normal(password)
    if len(given) < settings.min_characters:
        least = settings.min_characters
        raise InvalidField(
            f"{field}: it has {len(given)} characters: choose one of {least} or more, such as a sentence", field=field
        )
    plain = folded(given)
    if plain == "" or len(set(plain)) == 1 or unit(plain) in _leaked():
        raise InvalidField(f"{field}: it is one of those that everybody tries first: choose another one", field=field)
    known = OURS | {word for text in about if text for word in _words(folded(text))}
    if any(_repeats(plain, word) for word in known):
        raise InvalidField(f"{field}: it says no more than what others know of you or of this service", field=field)


def folded(text: str) -> str:
    """Return a text without case and the space around it."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def unit(text: str) -> str:
    """Return what a text repeats from its beginning to its end; the text itself, if it repeats nothing.

    A text repeats with period p just if it stands in itself, doubled, at p.
    """
    return text[: (text + text).find(text, 1)]


def _repeats(text: str, word: str) -> bool:
    """Tell whether a text is a word, once or over and over."""
    return bool(word) and text == word * (len(text) // len(word))


def _words(text: str) -> set[str]:
    """Return what stands in a text: all of it, the part before an @, and the same without what separates words."""
    local = text.partition("@")[0]
    return {text, local, *(part.translate(str.maketrans("", "", SEPARATORS)) for part in (text, local))}


@cache
def _leaked() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])
