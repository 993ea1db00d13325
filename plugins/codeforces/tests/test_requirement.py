"""Which requirements and handles Codeforces can be asked about."""

from datetime import UTC, datetime

import msgspec
import pytest

from skillcore.plugin import InvalidRequirement
from skillcore_codeforces import Codeforces, Requirement, Settings, skillcore_plugin, skillcore_verification_sources

SOURCE = Codeforces(Settings().server)


def test_the_hooks_offer_one_source_with_the_pinned_server():
    assert skillcore_plugin().contract == ">=1.1,<2"
    (source,) = skillcore_verification_sources(skillcore_plugin().settings())
    assert (source.name, source.server.settings.command) == ("codeforces", "npx")
    assert source.server.settings.args == ("-y", "codeforces-mcp-server@1.0.2")
    assert source.server.settings.calls_per_second == 0.5


@pytest.mark.parametrize(
    "given",
    [
        {"contest_id": 1500, "problem_index": "A"},
        {"contest_id": 100001, "problem_index": "F1", "min_difficulty": 2.5},
        {"min_rating": 1800},
        {"min_rating": 800, "count": 3, "after": "2026-01-01T00:00:00+02:00"},
    ],
)
def test_either_form_is_accepted(given):
    SOURCE.check(msgspec.convert(given, Requirement))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "contest_id"),
        ({"after": "2026-01-01T00:00:00Z"}, "contest_id"),
        ({"contest_id": 1500}, "problem_index"),
        ({"problem_index": "A"}, "contest_id"),
        ({"contest_id": 1500, "problem_index": "A", "count": 2}, "count"),
        ({"contest_id": 1500, "problem_index": "A", "min_rating": 800}, "contest_id"),
        ({"problem_index": "A", "min_rating": 800}, "problem_index"),
    ],
)
def test_anything_but_one_form_is_refused_by_field(given, field):
    with pytest.raises(InvalidRequirement) as refusal:
        SOURCE.check(msgspec.convert(given, Requirement))
    assert refusal.value.field == field


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(InvalidRequirement) as refusal:
        SOURCE.check(Requirement(min_rating=800, after=datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)))
    assert refusal.value.field == "after"


@pytest.mark.parametrize(
    "given",
    [
        {"contest_id": 0, "problem_index": "A"},
        {"contest_id": "1500", "problem_index": "A"},
        {"contest_id": 1500, "problem_index": "A\n"},
        {"contest_id": 1500, "problem_index": ""},
        {"min_rating": 800, "count": 0},
        {"min_rating": 800, "min_difficulty": 11},
        {"min_rating": 800, "after": "2026-01-01T00:00:00"},
        {"min_rating": 800, "rating": 900},
    ],
)
def test_the_types_refuse_what_is_out_of_bounds(given):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(given), type=Requirement)


@pytest.mark.parametrize("handle", ["tourist&count=1#", "ab", "a" * 25, "", "ann\nbob", "Žofie", "a/b", "x;y", "%41nn"])
def test_what_cannot_be_a_handle_is_refused(handle):
    with pytest.raises(InvalidRequirement) as refusal:
        SOURCE.normalise(handle)
    assert refusal.value.field == "handle"


@pytest.mark.parametrize(("handle", "normal"), [("Fefer_Ivan", "fefer_ivan"), (" tourist ", "tourist"), ("a.b-c", "a.b-c")])
def test_handles_are_compared_in_lower_case(handle, normal):
    assert SOURCE.normalise(handle) == normal
