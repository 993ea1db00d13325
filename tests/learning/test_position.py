"""Where somebody stands on a path, by hand."""

from __future__ import annotations

from msgspec import Struct

from skillcore.learning.position import standing


class Topic(Struct, frozen=True):
    name: str
    prerequisites: tuple[str, ...] = ()


WEB = (Topic("HTML"), Topic("CSS", ("html",)), Topic("JS", ("html",)), Topic("React", ("JS", "css")))


def told(*done: str) -> tuple[str, str | None, float]:
    found = standing(WEB, set(done))
    return "".join(topic.state[0] for topic in found.topics), found.current, found.progress


def test_worked_by_hand() -> None:
    assert told() == ("alll", "HTML", 0.0)
    assert told("html") == ("caal", "CSS", 25.0)
    assert told("html", "css") == ("ccal", "JS", 50.0)
    assert told("html", "js", "cooking") == ("cacl", "CSS", 50.0)
    assert told("html", "css", "js") == ("ccca", "React", 75.0)
    assert told("html", "css", "js", "react") == ("cccc", None, 100.0)


def test_what_was_done_before_its_time_counts_and_opens_nothing_that_needs_more() -> None:
    assert told("js") == ("alcl", "HTML", 25.0)
    assert told("css", "react") == ("aclc", "HTML", 50.0)
    missing = {topic.name: topic.missing for topic in standing(WEB, {"css", "react"}).topics}
    assert missing == {"HTML": (), "CSS": ("html",), "JS": ("html",), "React": ("JS",)}


def test_a_path_without_topics_has_no_progress() -> None:
    found = standing((), {"html"})
    assert (found.topics, found.current, found.progress) == ((), None, 0.0)
