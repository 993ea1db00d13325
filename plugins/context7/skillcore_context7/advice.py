"""What follows from what Context7 showed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from skillcore.plugin import Advice, PathTopic
from skillcore_context7.prose import Library, Snippet

__all__ = ["documented", "match", "prerequisites", "split_version", "undocumented", "undocumented_version", "versioned_id"]

SUGGESTIONS = 3
CITATIONS = 5
_NEEDS = re.compile(
    r"\b(?:requir(?:e|es|ed|ing|ement|ements)|prerequisites?|depends? on|built on|needs?|must (?:be )?install(?:ed)?"
    r"|before you (?:start|begin|use)|familiar(?:ity)? with|knowledge of)\b",
    re.IGNORECASE,
)


def split_version(library: str) -> tuple[str, str]:
    """Split ``name@version``; the version is empty if there is none, and an @ in front belongs to the name."""
    name, at, version = library.strip().rpartition("@")
    return (name, version) if at and name else (library.strip(), "")


def match(name: str, libraries: Sequence[Library]) -> Library | None:
    """Return the first library of this name, or with this id; Context7 also lists what merely resembles it."""
    wanted = _plain(name)
    for library in libraries:
        if name.lower() == library.id.lower() or wanted in {_plain(library.title), _plain(library.id.rpartition("/")[2])}:
            return library
    return None


def versioned_id(library: Library, version: str) -> str | None:
    """Return the id under which the version is documented, or None if it is not; without a version the library's own."""
    if not version:
        return library.id
    for known in library.versions:
        if known.removeprefix("v") == version.removeprefix("v"):
            return f"{library.id}/{known}"
    return None


def documented(topic: PathTopic, library: Library, snippets: Sequence[Snippet]) -> Advice:
    """Say that there is documentation, and cite it."""
    titles = ", ".join(snippet.title for snippet in snippets[:SUGGESTIONS])
    return Advice(
        topic=topic.name,
        kind="documented",
        message=f"{library.title} ({library.id}) is documented: {titles}",
        citations=_unique(snippet.source for snippet in snippets)[:CITATIONS],
    )


def undocumented(topic: PathTopic, libraries: Sequence[Library]) -> Advice:
    """Say that no library of this name is documented, and name those that resemble it."""
    return Advice(
        topic=topic.name,
        kind="undocumented",
        message=f"Context7 has no documentation of {topic.library}",
        suggestions=tuple(f"{library.title} ({library.id})" for library in libraries[:SUGGESTIONS]),
    )


def undocumented_version(topic: PathTopic, library: Library) -> Advice:
    """Say that the library is documented, but not this version, and name those that are."""
    return Advice(
        topic=topic.name,
        kind="undocumented",
        message=f"Context7 has documentation of {library.title}, but none of {topic.library}",
        suggestions=(*library.versions[:SUGGESTIONS], library.id),
    )


def prerequisites(topic: PathTopic, topics: Sequence[PathTopic], snippets: Sequence[Snippet]) -> tuple[Advice, ...]:
    """Hint at topics of the path that the documentation says are needed, and that the path does not ask for.

    A mention counts if it stands in one sentence with a word such as "requires"; that is a hint and no proof.
    """
    advice = []
    for other in topics:
        names = {name for name in (other.name, split_version(other.library)[0]) if len(name) > 1}
        if other.name == topic.name or other.name in topic.prerequisites or topic.name in other.prerequisites:
            continue
        if other.library and other.library == topic.library:
            continue
        sources = _unique(snippet.source for snippet in snippets if _is_needed(names, snippet.text))
        if sources:
            message = f"the documentation of {topic.name} says that {other.name} is needed, which is no prerequisite of it here"
            advice.append(Advice(topic.name, "prerequisite", message, (other.name,), sources[:CITATIONS]))
    return tuple(advice)


def _is_needed(names: Iterable[str], text: str) -> bool:
    mentions = [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE) for name in names]
    return any(
        _NEEDS.search(sentence) and any(mention.search(sentence) for mention in mentions) for sentence in _sentences(text)
    )


def _sentences(text: str) -> list[str]:
    """Split prose into sentences; code is left out, since ``require(...)`` there says nothing about learning."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return re.split(r"(?<=[.!?])\s+|\n+", prose)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
