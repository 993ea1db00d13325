"""How names of skills are compared."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["normalise"]


def normalise(name: str) -> str:
    """Return a name as it is compared: ``C++`` and ``c plus plus`` differ, ``Binary Search`` and ``binary_search`` do not.

    Letters are folded in case and width, ``+`` and ``#`` are spelt out since languages are told apart by them, and all
    else that is neither letter nor digit separates words.
    """
    folded = unicodedata.normalize("NFKC", name).casefold().replace("+", "plus").replace("#", "sharp")
    return "-".join(re.findall(r"[^\W_]+", folded))
