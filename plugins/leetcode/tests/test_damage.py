"""Damaged answers: whatever happens to one on its way, it is taken for an outage or leaves the verdict as it was."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillcore.plugin import Account, NotFound, NotVerified, Unavailable, Undecided, Verified
from skillcore.testing import Recital, accidents, damages
from skillcore_leetcode import LeetCode, Requirement, Settings

SOURCE = LeetCode(Settings().server)
TWO_SUM = Requirement(problem_slug="two-sum")


def listed(slugs):
    """A list in the shape of ``recentAc.uwi.first3.2022-08.json``, as the server wraps it."""
    rows = [
        {
            "id": str(779_000_000 + place),
            "title": slug,
            "titleSlug": slug,
            "time": None,
            "timestamp": str(1_661_050_111 - place),
        }
        for place, slug in enumerate(slugs)
    ]
    return {"username": "uwi", "submissions": {"data": {"recentAcSubmissionList": rows}}}


QUESTIONS = [{"difficulty": "All", "count": 4029}, {"difficulty": "Easy", "count": 960}]
KNOWN = {"username": "uwi", "profile": {"username": "uwi", "realName": None, "ranking": 4489756}}
UNKNOWN = {"username": "uwi", "profile": {"allQuestionsCount": QUESTIONS, "matchedUser": None, "recentSubmissionList": []}}
PROBLEM = {
    "titleSlug": "two-sum",
    "problem": {"titleSlug": "two-sum", "title": "Two Sum", "difficulty": "Easy", "topicTags": ["array", "hash-table"]},
}
TOOLS = ("get_recent_ac_submissions", "get_user_profile", "get_problem")

CASES = {
    "solved": ([listed(["3sum", "two-sum"]), KNOWN, PROBLEM], Verified),
    "not solved": ([listed(["3sum", "powx-n"]), KNOWN, PROBLEM], NotVerified),
    "nothing": ([listed([]), KNOWN, PROBLEM], NotVerified),
    "out of sight": ([listed(["3sum"] * 20), KNOWN, PROBLEM], Undecided),
    "unknown": ([listed([]), UNKNOWN, PROBLEM], NotFound),
}


def judged(texts):
    tools = Recital(lambda tool, arguments: texts[TOOLS.index(tool)])
    try:
        return type(asyncio.run(SOURCE.verify(tools, Account("leetcode", "uwi"), TWO_SUM)))
    except (NotFound, Unavailable) as error:
        return type(error)


def with_one(texts, place, text):
    return [text if number == place else whole for number, whole in enumerate(texts)]


@pytest.mark.parametrize("name", CASES)
def test_no_single_damage_makes_another_verdict(name):
    answers, kind = CASES[name]
    texts = [json.dumps(answer) for answer in answers]
    assert judged(texts) is kind
    damaged = [with_one(texts, place, text) for place in range(3) for text in accidents(texts[place])]
    assert len(damaged) > 200
    assert [broken for broken in damaged if judged(broken) not in (kind, Unavailable)] == []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_heap_of_damages_makes_another_verdict(data):
    answers, kind = CASES[data.draw(st.sampled_from(sorted(CASES)))]
    texts = [json.dumps(answer) for answer in answers]
    place = data.draw(st.integers(0, 2))
    broken = with_one(texts, place, data.draw(damages(texts[place])))
    assert judged(broken) in (kind, Unavailable), broken
