"""Which requirements and user names LeetCode can be asked about."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from skillcore.plugin import InvalidRequirement
from skillcore_leetcode import LeetCode, Requirement, Settings, skillcore_plugin, skillcore_verification_sources

SOURCE = LeetCode(Settings().server)


def test_the_hooks_offer_one_source_with_the_pinned_server():
    assert skillcore_plugin().contract == ">=1.1,<2"
    (source,) = skillcore_verification_sources(skillcore_plugin().settings())
    assert (source.name, source.server.settings.command) == ("leetcode", "npx")
    assert source.server.settings.args == ("-y", "@jinzcdev/leetcode-mcp-server@1.4.0")


@pytest.mark.parametrize(
    ("given", "least"),
    [
        ({"problem_slug": "two-sum"}, None),
        ({"problem_slug": "3sum", "min_difficulty": "easy"}, 3),
        ({"problem_slug": "3sum", "min_difficulty": "medium"}, 5),
        ({"problem_slug": "3sum", "min_difficulty": "hard"}, 8),
        ({"problem_slug": "3sum", "min_difficulty": 4, "after": "2026-01-01T00:00:00Z"}, 4),
    ],
)
def test_a_slug_is_enough_and_difficulty_comes_as_word_or_number(given, least):
    requirement = msgspec.json.decode(json.dumps(given), type=Requirement)
    SOURCE.check(requirement)
    assert requirement.least == least


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"problem_slug": ""},
        {"problem_slug": "Two Sum"},
        {"problem_slug": "two-sum\n"},
        {"problem_slug": "two_sum/"},
        {"problem_slug": "two-sum", "min_difficulty": "extreme"},
        {"problem_slug": "two-sum", "min_difficulty": 0},
        {"problem_slug": "two-sum", "after": "2026-01-01T00:00:00"},
        {"problem_slug": "two-sum", "count": 2},
    ],
)
def test_the_types_refuse_everything_else(given):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(given), type=Requirement)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(InvalidRequirement) as refusal:
        SOURCE.check(Requirement(problem_slug="two-sum", after=datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)))
    assert refusal.value.field == "after"


def test_every_recorded_problem_can_be_asked_for(shared):
    """`questions_mini.2026-08-22.json`: 4029 problems, their slugs inside their addresses."""
    questions = json.loads((shared / "data" / "leetcode" / "questions_mini.2026-08-22.json").read_text("utf-8"))
    slugs = [question["url"].rstrip("/").rsplit("/", 1)[1] for question in questions]
    assert len(slugs) == 4029
    for slug in slugs:
        msgspec.convert({"problem_slug": slug}, Requirement)


@pytest.mark.parametrize("handle", ["", " ", "a" * 51, 'ann"}', "ann bob", "ann\n\nbob", "ann/../bob", "ännchen"])
def test_what_cannot_be_a_user_name_is_refused(handle):
    with pytest.raises(InvalidRequirement) as refusal:
        SOURCE.normalise(handle)
    assert refusal.value.field == "handle"


def test_user_names_are_kept_in_lower_case():
    assert SOURCE.normalise(" Uwi_1 ") == "uwi_1"
