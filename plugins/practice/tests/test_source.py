"""The source on its own: hooks, requirements, verdicts, and answers that cannot be trusted."""

import asyncio
import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillcore.plugin import Account, InvalidRequirement, NotFound, NotVerified, Unavailable, Verified
from skillcore_practice import skillcore_plugin, skillcore_verification_sources
from skillcore_practice.source import Practice, Solved

LEARNER = Account("practice", "practice-9")
PAGES = [
    {
        "exercises": [
            {
                "exercise": "python-loops-2",
                "solved_at": "2026-02-01T09:00:00+00:00",
                "topics": ["python", "loops"],
                "difficulty": 4,
            },
            {
                "exercise": "python-loops-3",
                "solved_at": "2026-02-02T09:00:00+00:00",
                "topics": ["python", "loops"],
                "difficulty": 5,
            },
        ],
        "page": 1,
        "pages": 2,
    },
    {
        "exercises": [
            {"exercise": "sql-joins-1", "solved_at": "2026-02-03T09:00:00+00:00", "topics": ["sql"], "difficulty": 3},
        ],
        "page": 2,
        "pages": 2,
    },
]
TEXTS = [json.dumps(page) for page in PAGES]
CASES = [
    (Solved("python-loops-2"), 4.0),
    (Solved("sql-joins-1"), 3.0),
    (Solved("sql-joins-1", min_difficulty=3), 3.0),
    (Solved("sql-joins-1", min_difficulty=3.5), None),
    (Solved("sql-joins-1", after=datetime(2026, 2, 3, 8, tzinfo=UTC)), 3.0),
    (Solved("sql-joins-1", after=datetime(2026, 2, 3, 9, tzinfo=UTC)), None),
    (Solved("python-loops-1"), None),
]


def judged(recite, texts, requirement):
    tools = recite(lambda tool, arguments: texts[arguments["page"] - 1])
    return asyncio.run(Practice().verify(tools, LEARNER, requirement))


def agrees(verdict, difficulty):
    if difficulty is None:
        return isinstance(verdict, NotVerified)
    return isinstance(verdict, Verified) and verdict.evidence[0].difficulty == difficulty


def test_the_source_is_off_unless_switched_on():
    info = skillcore_plugin()
    assert info.contract == ">=1.1,<2"
    assert list(skillcore_verification_sources(info.settings())) == []
    assert [source.name for source in skillcore_verification_sources(info.settings(enabled=True))] == ["practice"]


@pytest.mark.parametrize(("requirement", "difficulty"), CASES)
def test_verdicts(recite, requirement, difficulty):
    assert agrees(judged(recite, TEXTS, requirement), difficulty)


def test_evidence_says_what_was_done_and_that_it_is_practice(recite):
    verdict = judged(recite, TEXTS, Solved("python-loops-2"))
    (evidence,) = verdict.evidence
    assert (evidence.work, evidence.occurred_at) == ("python-loops-2", datetime(2026, 2, 1, 9, tzinfo=UTC))
    assert (evidence.topics, evidence.strength, evidence.metadata) == (("python", "loops"), "judged", {"practice": True})


def test_what_is_missing_is_said(recite):
    verdict = judged(recite, TEXTS, Solved("python-loops-1", 2.5, datetime(2026, 1, 1, tzinfo=UTC)))
    assert verdict.looked_for == "exercise python-loops-1 solved after 2026-01-01T00:00:00+00:00, of difficulty 2.5 or more"
    assert verdict.found == "3 other solved exercises"


async def test_an_unknown_learner_is_not_found_and_any_other_failure_is_an_outage(recite, failed_call):
    for words, kind in (("there is no practice learner 'practice-9'", NotFound), ("out of memory", Unavailable)):
        with pytest.raises(kind):
            await Practice().verify(recite(lambda tool, arguments, words=words: failed_call(words)), LEARNER, Solved("a-1"))


@pytest.mark.parametrize("handle", ["practice-1", " Practice-1 ", "ada"])
def test_handles_are_lowered(handle):
    assert Practice().normalise(handle) == handle.strip().lower()


@pytest.mark.parametrize("handle", ["", "practice 1", "-1", "a" * 41, "a/b", "a\nb"])
def test_other_handles_are_refused(handle):
    with pytest.raises(InvalidRequirement) as refusal:
        Practice().normalise(handle)
    assert refusal.value.field == "handle"


@pytest.mark.parametrize(
    "given_requirement",
    [
        {},
        {"exercise": ""},
        {"exercise": "a b"},
        {"exercise": "a-1\n"},
        {"exercise": "a-1", "min_difficulty": 11},
        {"exercise": "a-1", "after": "2026-01-01T00:00:00"},
        {"exercise": "a-1", "page": 2},
    ],
)
def test_requirements_of_the_wrong_form_do_not_decode(given_requirement):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given_requirement, Solved)


def endures(recite, texts, requirement, difficulty):
    try:
        verdict = judged(recite, texts, requirement)
    except Unavailable:
        return True
    return agrees(verdict, difficulty)


@pytest.mark.parametrize(("requirement", "difficulty"), CASES)
def test_no_single_damage_makes_another_verdict(recite, each_accident, requirement, difficulty):
    texts = [[text, TEXTS[1]] for text in each_accident(TEXTS[0])] + [[TEXTS[0], text] for text in each_accident(TEXTS[1])]
    assert len(texts) > 200
    assert [text for text in texts if not endures(recite, text, requirement, difficulty)] == []


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_heap_of_damages_makes_another_verdict(recite, damaged, data):
    requirement, difficulty = data.draw(st.sampled_from(CASES))
    place = data.draw(st.integers(0, 1))
    texts = list(TEXTS)
    texts[place] = data.draw(damaged(TEXTS[place]))
    assert endures(recite, texts, requirement, difficulty)
