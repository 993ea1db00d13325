"""The source against the suite of its contract: over a history made by hand, and over recorded submissions."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from skillcore.plugin import OAuthClient
from skillcore.testing import MetChallenge, Sample, SourceSuite, ToolFault
from skillcore_codeforces import Codeforces, Requirement, Settings
from skillcore_codeforces.problems import PROBLEMS

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "data" / "codeforces" / "user.status.tourist.2016.json"
BEGIN = 1_770_000_000
ASKED = PROBLEMS[7].key
CONTEST, _, INDEX = ASKED.partition("/")

# Contest, index, rating, verdict, authors; the oldest first. One problem is solved twice and one in a team.
WORK = (
    (1401, "D", 1900, "WRONG_ANSWER", ("ann",)),
    (1401, "D", 1900, "OK", ("ann",)),
    (1401, "E", 2200, "OK", ("petr", "ann")),
    (int(CONTEST), INDEX, None, "COMPILATION_ERROR", ("Ann",)),
    (1401, "D", 1900, "OK", ("ann",)),
    (1401, "F", 2400, "SKIPPED", ("ann",)),
    (100_200, "A", None, "OK", ("ann",)),
)
RATINGS = [{"contestId": 1401, "contestName": "Round", "handle": "ann", "rank": 9, "oldRating": 2100, "newRating": 2150}]


def submission(place, contest, index, rating, verdict, authors):
    """A submission in the shape of ``user.status``."""
    problem = {"contestId": contest, "index": index, "name": f"Problem {index}", "type": "PROGRAMMING", "tags": ["math"]}
    members = [{"handle": handle} for handle in authors]
    return {
        "id": 300_000_000 + place,
        "contestId": contest,
        "creationTimeSeconds": BEGIN + 3600 * place,
        "problem": problem if rating is None else problem | {"rating": rating},
        "author": {"contestId": contest, "members": members, "participantType": "CONTESTANT", "ghost": False},
        "verdict": verdict,
    }


ROWS = [submission(place, *work) for place, work in enumerate(WORK)][::-1]


@cache
def recorded():
    """The newest of the recorded submissions."""
    return json.loads(RECORDED.read_text("utf-8"))["result"][:20]


def unknown(handle):
    return ToolFault(f"Error: Codeforces API error: handle: User with handle {handle} not found")


def user(handle):
    return [{"handle": handle, "rating": 2150, "maxRating": 2200, "contribution": 0, "rank": "master", "maxRank": "master"}]


class CodeforcesSuite(SourceSuite):
    # A problem may lack its rating, and a submission its verdict while it is judged: that is an answer, not damage.
    spare = ("rating", "verdict")
    not_found = (Sample("nobody", Requirement(contest_id=1401, problem_index="D")),)

    def rows(self, handle):
        return None

    def answer(self, tool, arguments):
        handle = arguments["handles"][0] if tool == "get_user_info" else arguments["handle"]
        rows = self.rows(handle.lower())
        if tool == "get_user_info" and handle == "tourist":
            return json.dumps(user(handle))
        if rows is None:
            return unknown(handle)
        if tool == "get_user_submissions":
            return json.dumps(rows[arguments["from"] - 1 :][: arguments["count"]])
        return json.dumps(user(handle) if tool == "get_user_info" else RATINGS)


class TestConformance(CodeforcesSuite):
    source = Codeforces(Settings().server, oauth=OAuthClient())
    met = (
        Sample("Ann", Requirement(contest_id=1401, problem_index="D")),
        Sample("ann", Requirement(contest_id=1401, problem_index="E", min_difficulty=5)),
        Sample("ann", Requirement(min_rating=1900, count=2)),
    )
    not_met = (
        Sample("ann", Requirement(contest_id=1401, problem_index="F")),
        Sample("ann", Requirement(min_rating=2300, count=1, after=datetime(2026, 1, 1, tzinfo=UTC))),
        Sample("new", Requirement(contest_id=1401, problem_index="D")),
    )
    challenges = (MetChallenge(handle="ann", key=ASKED, done_at=datetime.fromtimestamp(BEGIN + 3 * 3600, UTC)),)

    def rows(self, handle):
        return {"ann": ROWS, "new": []}.get(handle)


@pytest.mark.skipif(not RECORDED.is_file(), reason="the recordings beside the checkout are absent")
class TestRecordedConformance(CodeforcesSuite):
    source = Codeforces(Settings().server, oauth=OAuthClient())
    met = (Sample("Tourist", Requirement(contest_id=643, problem_index="F")),)
    not_met = (Sample("tourist", Requirement(contest_id=1, problem_index="A")),)
    challenges = TestConformance.challenges

    def rows(self, handle):
        return {"tourist": recorded() if RECORDED.is_file() else [], "ann": ROWS}.get(handle)
