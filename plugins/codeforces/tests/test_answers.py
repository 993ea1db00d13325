"""The decoders against what was recorded: API answers of ``data/codeforces`` and rows of ``upstream/observed.md``."""

import json

import msgspec
import pytest

from skillcore.plugin import NotFound, Unavailable
from skillcore_codeforces.answers import RatingChange, Submission, failed, failed_for, history_of, user_of, window_of


@pytest.fixture(scope="module")
def recorded(shared):
    """The result of a recorded answer, as the server passes it on."""

    def text(name):
        return json.dumps(json.loads((shared / "data" / "codeforces" / name).read_text("utf-8"))["result"], indent=2)

    return text


@pytest.mark.parametrize(
    ("recording", "handle", "rows"),
    [
        ("user.status.tourist.2016.json", "tourist", 1350),
        ("user.status.tourist.last2.2026-09.json", "TOURIST", 2),
        ("user.status.Fefer_Ivan.first50.2015-12.json", "Fefer_Ivan", 50),
    ],
)
def test_recorded_histories_decode(recorded, recording, handle, rows):
    history = history_of(handle)(recorded(recording))
    assert len({row.id for row in history}) == rows


def test_a_recorded_row_keeps_its_facts(recorded):
    row = history_of("tourist")(recorded("user.status.tourist.last2.2026-09.json"))[0]
    assert (row.problem.work, row.problem.rating, row.verdict) == ("1401/F", 2400, "OK")
    assert row.problem.tags == ("binary search", "bitmasks", "data structures")
    assert row.at.isoformat() == "2026-09-13T19:12:27+00:00"


def test_a_recorded_contest_decodes_with_all_its_verdicts(recorded):
    rows = msgspec.json.decode(recorded("contest.status.374.2015-12.json"), type=list[Submission])
    assert len(rows) == 50


def test_the_recorded_rating_history_decodes(recorded):
    changes = msgspec.json.decode(recorded("user.rating.Fefer_Ivan.2015-12.json"), type=list[RatingChange])
    assert len(changes) == 73
    assert changes[0] == RatingChange(contest_id=1, old_rating=1500, new_rating=1502)


def test_recorded_profiles_decode(recorded):
    assert user_of("tourist")(recorded("user.info.tourist.2026-09.json")).rating == 3301
    assert user_of("test_tarou")(recorded("user.info.test_tarou.2015-12.json")).rating is None


def test_every_failure_observed_is_judged_by_its_words(observed):
    """`observed.md`, section Codeforces: each call that the server reported as failed."""
    rows = [row for row in observed if row["section"].startswith("Codeforces") and row["isError"] == "true"]
    assert len(rows) > 20
    for row in rows:
        error = failed_for("nobody_has_this")(row["first 200 characters"])
        if "nobody_has_this" in row["input"]:
            assert type(error) is NotFound, row
        else:
            assert type(error) is Unavailable, row
            assert error.limited == (row["upstream"] == "429"), row


def test_recorded_refusals_of_the_api_are_judged_as_the_server_words_them(shared):
    """`data/codeforces/errors.json`: only the sentence about the very handle means that it does not exist."""
    for entry in json.loads((shared / "data" / "codeforces" / "errors.json").read_text("utf-8")):
        if "body" in entry:
            comment = json.loads(entry["body"])["comment"]
            error = failed_for("zz_no_such_handle_zz")(f"Error: Codeforces API error: {comment}")
            assert (type(error) is NotFound) == ("zz_no_such_handle_zz not found" in comment)
            assert getattr(error, "limited", False) == (comment == "Call limit exceeded")


@pytest.mark.parametrize(
    "text",
    [
        "Error: Codeforces API error: handle: User with handle bob not found",
        "<html>User with handle ann not found</html>",
        "Error: Codeforces API error: handle: User with handle ann not found. Try again",
        "",
    ],
)
def test_no_other_text_says_that_ann_does_not_exist(text):
    error = failed_for("ann")(text)
    assert type(error) is Unavailable
    assert not error.limited


def test_a_rate_limit_without_a_reason_is_one_too():
    assert failed("Error: Codeforces API error: Request failed with status code 429").limited


def test_no_recorded_acceptance_rests_on_pretests(recorded):
    rows = history_of("tourist")(recorded("user.status.tourist.2016.json"))
    rows += history_of("Fefer_Ivan")(recorded("user.status.Fefer_Ivan.first50.2015-12.json"))
    assert {row.verdict for row in rows if row.testset == "PRETESTS"} >= {"WRONG_ANSWER", "COMPILATION_ERROR", "SKIPPED"}
    assert [row.id for row in rows if row.testset == "PRETESTS" and row.verdict == "OK"] == []


ROW = {
    "id": 7,
    "creationTimeSeconds": 1_500_000_000,
    "problem": {"contestId": 4, "index": "A", "name": "Watermelon", "tags": ["math"]},
    "author": {"members": [{"handle": "ann"}], "participantType": "PRACTICE"},
    "verdict": "OK",
}


def test_a_row_of_somebody_else_makes_the_page_worthless():
    page = json.dumps([ROW, ROW | {"author": {"members": [{"handle": "bob"}], "participantType": "PRACTICE"}}])
    with pytest.raises(Unavailable, match="somebody else"):
        history_of("ann")(page)


def test_a_problem_of_another_archive_has_its_name_and_no_contest():
    problem = {"problemsetName": "acmsguru", "index": "100", "name": "A+B", "tags": []}
    (row,) = history_of("ann")(json.dumps([ROW | {"problem": problem}]))
    assert row.problem.work == "acmsguru/100"
    with pytest.raises(msgspec.ValidationError):
        history_of("ann")(json.dumps([ROW | {"problem": {"index": "A", "name": "A+B", "tags": []}}]))


def test_a_profile_of_somebody_else_is_refused():
    for text in ('[{"handle": "bob"}]', "[]", '[{"handle": "ann"}, {"handle": "ann"}]'):
        with pytest.raises(Unavailable):
            user_of("ann")(text)


def test_a_window_holds_what_was_asked_for():
    rows = [ROW | {"id": number} for number in (9, 8, 7)]
    assert [row.id for row in window_of("ann", 3)(json.dumps(rows))] == [9, 8, 7]
    for count, told in ((2, rows), (3, rows[::-1]), (3, [rows[0], rows[0]])):
        with pytest.raises(Unavailable):
            window_of("ann", count)(json.dumps(told))
