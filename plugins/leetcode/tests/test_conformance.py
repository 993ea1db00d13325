"""The source against the suite of its contract: over a window made by hand, and over one with recorded rows."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from skillcore.plugin import Account
from skillcore.testing import MetChallenge, Sample, SourceSuite
from skillcore_leetcode import LeetCode, Requirement, Settings

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "data" / "leetcode" / "recentAc.uwi.first3.2022-08.json"
BEGIN = 1_770_000_000
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)

# Slug and difficulty; the oldest first.
WORK = (("two-sum", "Easy"), ("3sum", "Medium"), ("lru-cache", "Medium"), ("two-sum", "Easy"), ("n-queens", "Hard"))
SOURCE = LeetCode(Settings().server, now=lambda: AT)
WORD = SOURCE.challenge(Account("leetcode", "ann"), 7).key
UNKNOWN = {"allQuestionsCount": [{"difficulty": "All", "count": 4029}], "matchedUser": None, "recentSubmissionList": []}


def solved(slug, **more):
    return Requirement(problem_slug=slug, **more)


def accepted(place, slug):
    """A row in the shape of ``recentAcSubmissionList``."""
    return {"id": str(900 + place), "title": slug, "titleSlug": slug, "time": None, "timestamp": str(BEGIN + 3600 * place)}


ROWS = {"ann": [accepted(place, slug) for place, (slug, _) in enumerate(WORK)][::-1], "new": []}


@cache
def recorded():
    """The recorded rows of a well-known competitor, the newest first."""
    answer = json.loads(RECORDED.read_text("utf-8"))
    return answer["data"]["recentAcSubmissionList"]


def profile(name):
    """A profile in the shape of ``matchedUser``, with the word of a challenge beside the name."""
    tried = [{"difficulty": level, "count": 3, "submissions": 9} for level in ("All", "Easy", "Medium", "Hard")]
    shown = {"realName": f"Ann {WORD}", "school": None, "company": None, "ranking": 5}
    return {"username": name, **shown, "totalSubmissionNum": tried}


class LeetCodeSuite(SourceSuite):
    source = SOURCE
    # A profile may show nothing of these, which is an answer.
    spare = ("realName", "school", "company", "ranking", "totalSubmissionNum")
    not_found = (Sample("nobody", solved("two-sum")),)

    def rows(self):
        return ROWS

    def answer(self, tool, arguments):
        if tool == "get_problem":
            slug = arguments["titleSlug"]
            found = {"titleSlug": slug, "title": slug, "difficulty": dict(WORK).get(slug, "Easy"), "topicTags": ["array"]}
            return json.dumps({"titleSlug": slug, "problem": found})
        name = arguments["username"]
        rows = self.rows().get(name.lower())
        if tool == "get_user_profile":
            return json.dumps({"username": name, "profile": profile(name) if rows is not None else UNKNOWN})
        if tool == "get_user_contest_ranking":
            record = {"userContestRanking": {"rating": 1612.5}, "userContestRankingHistory": []}
            return json.dumps({"username": name, "contestRanking": record})
        return json.dumps({"username": name, "submissions": {"data": {"recentAcSubmissionList": rows or []}}})


class TestConformance(LeetCodeSuite):
    met = (
        Sample("Ann", solved("two-sum")),
        Sample("ann", solved("3sum", min_difficulty=5)),
        Sample("ann", solved("lru-cache", after=datetime.fromtimestamp(BEGIN, UTC))),
    )
    not_met = (
        Sample("ann", solved("powx-n")),
        Sample("new", solved("two-sum")),
        Sample("ann", solved("two-sum", min_difficulty=5)),
    )
    challenges = (MetChallenge(handle="ann", key=WORD, done_at=AT),)


@pytest.mark.skipif(not RECORDED.is_file(), reason="the recordings beside the checkout are absent")
class TestRecordedConformance(LeetCodeSuite):
    met = (Sample("uwi", solved("find-the-k-sum-of-an-array")),)
    not_met = (Sample("uwi", solved("two-sum")),)
    challenges = TestConformance.challenges

    def rows(self):
        return {"uwi": recorded() if RECORDED.is_file() else [], "ann": []}
