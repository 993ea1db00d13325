"""Verdicts of whole histories, row by row; the sums are worked by hand."""

from datetime import UTC, datetime

import msgspec
import pytest

from skillcore.plugin import NotVerified, Unavailable, Undecided, Verified
from skillcore_codeforces.answers import Member, Party, Problem, RatingChange, Submission
from skillcore_codeforces.requirement import Requirement
from skillcore_codeforces.verdicts import difficulty_of, verdict_of

WANTED = Requirement(contest_id=1500, problem_index="A")
AT = 1_600_000_000  # 2020-09-13T12:26:40Z


def submission(number, verdict="OK", *, work=(1500, "A"), rating=1200, team=("ann",), kind="PRACTICE", at=None):
    return Submission(
        id=number,
        creation_time_seconds=AT + number if at is None else at,
        problem=Problem(contest_id=work[0], index=work[1], name="Going Home", tags=("hashing",), rating=rating),
        author=Party(members=tuple(Member(handle) for handle in team), participant_type=kind),
        verdict=verdict,
    )


@pytest.mark.parametrize(
    ("rating", "difficulty"), [(800, 1), (1100, 2), (1700, 4), (2600, 7), (3500, 10), (500, 1), (4000, 10), (None, None)]
)
def test_difficulty_is_linear_between_the_easiest_and_the_hardest(rating, difficulty):
    assert difficulty_of(rating) == (None if difficulty is None else pytest.approx(difficulty))


def test_an_accepted_submission_verifies_with_its_evidence():
    verdict = verdict_of([submission(3, rating=1700)], WANTED, {})
    (evidence,) = verdict.evidence
    assert evidence.work == "1500/A"
    assert evidence.occurred_at == datetime(2020, 9, 13, 12, 26, 43, tzinfo=UTC)
    assert (evidence.topics, evidence.difficulty, evidence.strength) == (("hashing",), 4.0, "judged")
    assert evidence.metadata == {
        "submission": 3,
        "problem": "Going Home",
        "rating": 1700,
        "participation": "PRACTICE",
        "team_size": 1,
    }


def test_the_first_acceptance_dates_the_work():
    rows = [submission(9), submission(5), submission(4, "WRONG_ANSWER"), submission(7)]
    assert verdict_of(rows, WANTED, {}).evidence[0].metadata["submission"] == 5


def test_after_leaves_out_what_came_before_or_then():
    moment = datetime.fromtimestamp(AT + 5, UTC)
    late = Requirement(contest_id=1500, problem_index="A", after=moment)
    assert isinstance(verdict_of([submission(9), submission(5)], late, {}), Verified)
    verdict = verdict_of([submission(5)], late, {})
    assert isinstance(verdict, NotVerified)
    assert "2020-09-13T12:26:45" in verdict.looked_for
    assert verdict.found.startswith("accepted earlier")


def test_numbers_and_not_times_say_which_acceptance_was_the_first():
    """As in the recording, where submission 196485 has a time before that of 196107."""
    rows = [submission(196_485, at=1_290_096_360), submission(196_107, at=1_290_505_195)]
    assert verdict_of(rows, WANTED, {}).evidence[0].metadata["submission"] == 196_107


def test_passing_the_pretests_is_no_acceptance_yet():
    """In the recordings no submission that was accepted for good rests on pretests alone."""
    preliminary = msgspec.structs.replace(submission(1), testset="PRETESTS")
    with pytest.raises(Unavailable, match="not judged yet: pretests passed"):
        verdict_of([preliminary], WANTED, {})
    assert isinstance(verdict_of([msgspec.structs.replace(preliminary, testset="TESTS")], WANTED, {}), Verified)
    failed = msgspec.structs.replace(preliminary, verdict="WRONG_ANSWER")
    assert isinstance(verdict_of([failed], WANTED, {}), NotVerified)


@pytest.mark.parametrize("verdict", ["WRONG_ANSWER", "PARTIAL", "SKIPPED", "CHALLENGED", "COMPILATION_ERROR", "REJECTED"])
def test_every_other_final_verdict_is_named(verdict):
    judged = verdict_of([submission(1, verdict), submission(2, verdict)], WANTED, {})
    assert judged == NotVerified("an accepted submission to 1500/A", f"submissions to it: 2 {verdict}")


@pytest.mark.parametrize("verdict", ["TESTING", None, "SUBMITTED", "ok", "ACCEPTED?"])
def test_a_verdict_that_may_still_change_is_no_ground_for_a_verdict(verdict):
    with pytest.raises(Unavailable, match="1500/A is not judged yet"):
        verdict_of([submission(2, verdict), submission(1, "WRONG_ANSWER")], WANTED, {})
    assert isinstance(verdict_of([submission(2, verdict), submission(1)], WANTED, {}), Verified)
    assert isinstance(verdict_of([submission(2, verdict, work=(1500, "B"))], WANTED, {}), NotVerified)


def test_nothing_tried_says_how_much_was_looked_at():
    verdict = verdict_of([submission(1, work=(1500, "B")), submission(2, work=(1501, "A"))], WANTED, {})
    assert verdict == NotVerified("an accepted submission to 1500/A", "no submission to it among 2")


def test_team_and_gym_submissions_count_without_a_rating_change():
    gym = Requirement(contest_id=100_001, problem_index="b")
    row = submission(1, work=(100_001, "B"), rating=None, team=("bob", "ann"), kind="CONTESTANT")
    (evidence,) = verdict_of([row], gym, {100_001: RatingChange(100_001, 1500, 1600)}).evidence
    assert (evidence.work, evidence.difficulty, evidence.metadata["team_size"]) == ("100001/B", None, 2)
    assert "rating_change" not in evidence.metadata


@pytest.mark.parametrize(
    ("kind", "team", "changed"),
    [
        ("CONTESTANT", ("ann",), True),
        ("CONTESTANT", ("ann", "bob"), False),
        ("PRACTICE", ("ann",), False),
        ("VIRTUAL", ("ann",), False),
    ],
)
def test_the_rating_change_belongs_to_those_who_competed_alone(kind, team, changed):
    ratings = {1500: RatingChange(1500, 1500, 1465), 1501: RatingChange(1501, 1465, 1700)}
    (evidence,) = verdict_of([submission(1, kind=kind, team=team)], WANTED, ratings).evidence
    assert evidence.metadata.get("rating_change") == (-35 if changed else None)
    assert evidence.metadata.get("new_rating") == (1465 if changed else None)


def test_min_difficulty_is_the_sources_own():
    def least(difficulty):
        return Requirement(contest_id=1500, problem_index="A", min_difficulty=difficulty)

    assert isinstance(verdict_of([submission(1, rating=1700)], least(4), {}), Verified)
    verdict = verdict_of([submission(1, rating=1700)], least(4.1), {})
    assert isinstance(verdict, NotVerified)
    assert verdict.found == "accepted, but its rating of 1700 makes it 4.0"
    assert isinstance(verdict_of([submission(1, rating=None)], least(1), {}), Undecided)
    assert isinstance(verdict_of([], least(1), {}), NotVerified)


SEVERAL = [
    submission(8, work=(1500, "C"), rating=1900),
    submission(7, work=(1500, "C"), rating=1900),
    submission(6, work=(1500, "B"), rating=1800),
    submission(5, work=(1500, "A"), rating=1799),
    submission(4, work=(7, "E"), rating=None),
    submission(3, "WRONG_ANSWER", work=(9, "F"), rating=2500),
]


def test_different_problems_from_a_rating_on_are_counted():
    verdict = verdict_of(SEVERAL, Requirement(min_rating=1800, count=2), {})
    assert [evidence.work for evidence in verdict.evidence] == ["1500/B", "1500/C"]
    assert [evidence.metadata["submission"] for evidence in verdict.evidence] == [6, 7]
    assert [evidence.work for evidence in verdict_of(SEVERAL, Requirement(min_rating=1800), {}).evidence] == ["1500/B"]


def test_too_few_are_not_enough():
    verdict = verdict_of(SEVERAL, Requirement(min_rating=1800, count=3), {})
    assert verdict == NotVerified("3 accepted problem(s) rated 1800 or more", "2 such problem(s) among 6 submissions")
    harder = Requirement(min_rating=1800, count=2, min_difficulty=4.5)  # from a rating of 1850 on
    assert isinstance(verdict_of(SEVERAL, harder, {}), NotVerified)


def test_an_unjudged_submission_matters_only_if_it_could_complete_the_count():
    waiting = [submission(10, "TESTING", work=(11, "A"), rating=2000), *SEVERAL]
    with pytest.raises(Unavailable):
        verdict_of(waiting, Requirement(min_rating=1800, count=3), {})
    assert isinstance(verdict_of(waiting, Requirement(min_rating=1800, count=2), {}), Verified)
    assert isinstance(verdict_of(waiting, Requirement(min_rating=1800, count=4), {}), NotVerified)
