"""The decoders against what was recorded: answers of ``data/leetcode`` and rows of ``upstream/observed.md``."""

import json

import msgspec
import pytest

from skillcore.plugin import NotFound, Unavailable
from skillcore_leetcode.answers import failed, problem_of, profile_of, recent_of


@pytest.fixture(scope="module")
def recorded(shared):
    """A recorded list of accepted submissions, wrapped as the server wraps it."""

    def text(name, username):
        answer = json.loads((shared / "data" / "leetcode" / name).read_text("utf-8"))
        rows = answer.get("data", answer)["recentAcSubmissionList"]
        return json.dumps({"username": username, "submissions": {"data": {"recentAcSubmissionList": rows}}})

    return text


@pytest.mark.parametrize(
    ("recording", "username", "rows", "first", "at"),
    [
        ("recentAc.uwi.first3.2022-08.json", "uwi", 3, "find-the-k-sum-of-an-array", "2022-08-21T02:48:31+00:00"),
        ("recentAc.leetcode-cn.2022-05.json", "x", 15, "ransom-note", "2022-04-30T09:13:09+00:00"),
        (
            "recentAc-submitStatsGlobal.wigiwee.2026-04.json",
            "wigiwee",
            3,
            "reverse-words-in-a-string",
            "2026-04-29T11:53:59+00:00",
        ),
    ],
)
def test_recorded_lists_decode_with_both_kinds_of_time(recorded, recording, username, rows, first, at):
    accepted = recent_of(username)(recorded(recording, username))
    assert len(accepted) == rows
    assert (accepted[0].title_slug, accepted[0].at.isoformat()) == (first, at)


# What `observed.md` shows in full of the rows about LeetCode in good weather.
UNKNOWN = (
    '{"username":"nobody_has_this","profile":{"allQuestionsCount":[{"difficulty":"All","count":4029},'
    '{"difficulty":"Easy","count":960},{"difficulty":"Medium","count":2103},{"difficulty":"Hard","count":966}],'
    '"matchedUser":null,"recentSubmissionList":[]}}'
)
KNOWN = (
    '{"username":"wigiwee","profile":{"username":"wigiwee","realName":null,"userAvatar":null,"countryName":null,'
    '"githubUrl":null,"company":null,"school":null,"ranking":4489756,"totalSubmissionNum":null}}'
)
NOTHING = '{"username":"nobody_has_this","submissions":{"data":{"recentAcSubmissionList":[]}}}'


def test_these_texts_are_the_observed_ones(observed):
    said = {
        (row["tool"], row["input"]): row
        for row in observed
        if row["section"] == "LeetCode, stdio" and row["upstream"] == "good"
    }
    for tool, username, text in (
        ("get_user_profile", "nobody_has_this", UNKNOWN),
        ("get_user_profile", "wigiwee", KNOWN),
        ("get_recent_ac_submissions", "nobody_has_this", NOTHING),
    ):
        row = said[tool, f'{{"username": "{username}"}}']
        assert text[:200] == row["first 200 characters"]
        assert len(text) == int(row["length"])


def test_a_profile_tells_known_users_from_unknown_ones():
    assert profile_of("wigiwee")(KNOWN).username == "wigiwee"
    assert profile_of("nobody_has_this")(UNKNOWN) is None
    assert profile_of("Wigiwee")(KNOWN.replace('{"username":"wigiwee"', '{"username":"Wigiwee"', 1)).username == "wigiwee"


def test_an_empty_list_says_nothing_about_its_user():
    assert recent_of("nobody_has_this")(NOTHING) == []


@pytest.mark.parametrize(
    "profile",
    [
        None,
        {},
        {"matchedUser": None},
        {"matchedUser": None, "recentSubmissionList": []},
        {"matchedUser": None, "allQuestionsCount": [], "recentSubmissionList": []},
        {"matchedUser": None, "allQuestionsCount": [{"difficulty": "All", "count": 1}], "recentSubmissionList": None},
        {"matchedUser": None, "allQuestionsCount": [{"difficulty": "All", "count": 1}], "recentSubmissionList": [{}]},
        {"matchedUser": {"username": "ann"}, "allQuestionsCount": [{"count": 1}], "recentSubmissionList": []},
        {"username": "bob"},
        {"username": None},
        {"username": "ann", "matchedUser": None},
    ],
)
def test_a_profile_that_says_neither_is_no_answer(profile):
    with pytest.raises((Unavailable, msgspec.ValidationError)):
        profile_of("ann")(json.dumps({"username": "ann", "profile": profile}))


def test_every_failure_observed_is_an_outage_or_a_limit(observed):
    """`observed.md`, both LeetCode sections: failures that came as a success, and those that the server reported."""
    rows = [row for row in observed if row["section"].startswith("LeetCode") and row["upstream"] not in ("good", "slow, 3 s")]
    passed_as_success = [row for row in rows if row["isError"] == "false"]
    reported = [row for row in rows if row["isError"] == "true"]
    assert min(len(passed_as_success), len(reported)) >= 10
    for row in passed_as_success:
        with pytest.raises(Unavailable) as refusal:
            recent_of("uwi")(row["first 200 characters"])
        assert refusal.value.limited == (row["upstream"] == "429"), row
    for row in reported:
        error = failed(row["first 200 characters"])
        assert type(error) is Unavailable, row
        assert error.limited == (row["upstream"] == "429"), row


def test_errors_of_graphql_are_no_answer(shared):
    """`data/leetcode/errors.json`: GraphQL's errors, which the server passes on beside the data."""
    entries = json.loads((shared / "data" / "leetcode" / "errors.json").read_text("utf-8"))
    bodies = [entry["body"] for entry in entries if "errors" in entry.get("body", {})]
    assert len(bodies) == 2
    for body in bodies:
        with pytest.raises((Unavailable, msgspec.ValidationError)):
            recent_of("ann")(json.dumps({"username": "ann", "submissions": body}))
        listed = body | {"data": {"recentAcSubmissionList": []}}
        with pytest.raises(Unavailable, match="errors"):
            recent_of("ann")(json.dumps({"username": "ann", "submissions": listed}))


def test_a_page_that_quotes_a_status_is_not_taken_at_its_word():
    assert not failed("HTTP 500 Internal Server Error: HTTP 429 Too Many Requests").limited
    assert type(failed("HTTP 404 Not Found: Problem two-sum not found")) is Unavailable


def test_a_missing_problem_is_not_found():
    """`observed.md`: get_problem of no-such-problem."""
    assert type(failed("Problem no-such-problem not found")) is NotFound


PROBLEM = (
    '{"titleSlug":"two-sum","problem":{"titleSlug":"two-sum","questionId":"1","title":"Two Sum","content":null,'
    '"difficulty":%s,"topicTags":["array","hash-table"],"codeSnippets":[],"exampleTestcases":null}}'
)


def test_a_problem_has_one_of_three_difficulties():
    problem = problem_of("two-sum")(PROBLEM % '"Easy"')
    assert (problem.title, problem.difficulty, problem.topic_tags) == ("Two Sum", "Easy", ("array", "hash-table"))
    for other in ('"Extreme"', "null", "1"):
        with pytest.raises(msgspec.ValidationError):
            problem_of("two-sum")(PROBLEM % other)
    with pytest.raises(Unavailable):
        problem_of("3sum")(PROBLEM % '"Easy"')


@pytest.mark.parametrize("timestamp", ["", "-1", "12x", "99999999999", None, -5, 1.5, 10**12, True])
def test_a_time_is_seconds_or_nothing(timestamp):
    rows = [{"titleSlug": "two-sum", "timestamp": timestamp}]
    answer = {"username": "ann", "submissions": {"data": {"recentAcSubmissionList": rows}}}
    with pytest.raises(msgspec.ValidationError):
        recent_of("ann")(json.dumps(answer))


def test_a_list_of_accepted_submissions_holds_no_others():
    rows = [{"titleSlug": "two-sum", "timestamp": 5, "statusDisplay": "Wrong Answer"}]
    with pytest.raises(msgspec.ValidationError):
        recent_of("ann")(json.dumps({"username": "ann", "submissions": {"data": {"recentAcSubmissionList": rows}}}))
