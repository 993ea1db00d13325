"""From a whole history to a verdict. Pure: rows in, verdict out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from skillcore.plugin import Evidence, NotVerified, Unavailable, Undecided, Verdict, Verified
from skillcore_codeforces.answers import RatingChange, Submission
from skillcore_codeforces.requirement import Requirement

__all__ = ["accepted", "difficulty_of", "evidence_of", "may_be_rated", "settled", "solved", "verdict_of"]

LOWEST, HIGHEST = 800, 3500
"""The ratings that Codeforces gives to its easiest and to its hardest problems."""

GYM = 100_000
"""Contests from this number on are trainings of the gym, which move nobody's rating."""

# What the judge says of a submission that it has finished with and not accepted. Whatever is not here, an absent verdict
# included, may still become an acceptance.
_REJECTIONS = frozenset(
    {
        "FAILED",
        "PARTIAL",
        "COMPILATION_ERROR",
        "RUNTIME_ERROR",
        "WRONG_ANSWER",
        "PRESENTATION_ERROR",
        "TIME_LIMIT_EXCEEDED",
        "MEMORY_LIMIT_EXCEEDED",
        "IDLENESS_LIMIT_EXCEEDED",
        "SECURITY_VIOLATED",
        "CRASHED",
        "INPUT_PREPARATION_CRASHED",
        "CHALLENGED",
        "SKIPPED",
        "REJECTED",
    }
)


def difficulty_of(rating: int | None) -> float | None:
    """Return a problem's difficulty on the common scale: ``1 + 9 * (rating - 800) / 2700``, kept within 1 and 10.

    The easiest problems (800) are 1, the hardest (3500) 10; a problem without a rating has no difficulty.
    """
    if rating is None:
        return None
    return min(max(1 + 9 * (rating - LOWEST) / (HIGHEST - LOWEST), 1.0), 10.0)


def accepted(row: Submission) -> bool:
    """Whether the submission is accepted for good: passing a contest's pretests is not enough."""
    return row.verdict == "OK" and row.testset != "PRETESTS"


def settled(row: Submission) -> bool:
    """Whether the judge has finished with the submission."""
    return accepted(row) or row.verdict in _REJECTIONS


def solved(rows: Iterable[Submission], after: datetime | None) -> dict[str, Submission]:
    """Return the first accepted submission to each problem, the earliest problem first.

    The first is the one with the lowest number. Times of submission mostly say the same; where Codeforces has set one
    anew they don't.
    """
    first: dict[str, Submission] = {}
    for row in sorted(rows, key=lambda row: row.id):
        if accepted(row) and _counts(row, after):
            first.setdefault(row.problem.work, row)
    return first


def may_be_rated(row: Submission) -> bool:
    """Whether the submission belongs to a contest that may have changed its one author's rating."""
    contest = row.problem.contest_id
    alone = len(row.author.members) == 1 and row.author.participant_type == "CONTESTANT"
    return alone and contest is not None and contest < GYM


def verdict_of(rows: Sequence[Submission], requirement: Requirement, ratings: Mapping[int, RatingChange]) -> Verdict:
    """Judge an account's whole history.

    Args:
        rows: every submission of the account.
        requirement: one that passed its check.
        ratings: by contest, what it did to the account's rating; empty before these are known.

    Raises:
        Unavailable: a submission that would decide is still being judged.
    """
    judge = _problem if requirement.min_rating is None else _several
    return judge(rows, requirement, ratings)


def _problem(rows: Sequence[Submission], requirement: Requirement, ratings: Mapping[int, RatingChange]) -> Verdict:
    wanted = (requirement.contest_id, (requirement.problem_index or "").upper())
    looked_for = f"an accepted submission to {wanted[0]}/{wanted[1]}{_since(requirement)}"
    tried = [row for row in rows if (row.problem.contest_id, row.problem.index.upper()) == wanted]
    first = next(iter(solved(tried, requirement.after).values()), None)
    if first is None:
        _refuse_to_guess(tried, requirement)
        return NotVerified(looked_for, _told(tried, len(rows)))
    rating, least = first.problem.rating, requirement.min_difficulty or 1
    difficulty = difficulty_of(rating)
    if requirement.min_difficulty is None or (difficulty is not None and difficulty >= least):
        return Verified((evidence_of(_earliest(tried)[first.problem.work], ratings),))
    if difficulty is None:
        return Undecided(f"{first.problem.work} was accepted, but Codeforces gives it no rating", "a rating of the problem")
    found = f"accepted, but its rating of {rating} makes it {difficulty:.1f}"
    return NotVerified(f"{looked_for}, of difficulty {least:g} or more", found)


def _several(rows: Sequence[Submission], requirement: Requirement, ratings: Mapping[int, RatingChange]) -> Verdict:
    count, fit = requirement.count or 1, [row for row in rows if _hard_enough(row, requirement)]
    found = solved(fit, requirement.after)
    if len(found) >= count:
        earliest = _earliest(fit)
        return Verified(tuple(evidence_of(earliest[work], ratings) for work in list(found)[:count]))
    _refuse_to_guess([row for row in fit if row.problem.work not in found], requirement, but_for=count - len(found))
    harder = "" if requirement.min_difficulty is None else f" and of difficulty {requirement.min_difficulty:g} or more"
    looked_for = f"{count} accepted problem(s) rated {requirement.min_rating} or more{harder}{_since(requirement)}"
    return NotVerified(looked_for, f"{len(found)} such problem(s) among {len(rows)} submissions")


def _earliest(rows: Iterable[Submission]) -> dict[str, Submission]:
    """Return the first acceptance of each problem, whatever a requirement's ``after`` asks.

    A requirement may ask for work after some time. What the ledger keeps of it is the work, with the date that an import
    would give it too.
    """
    return solved(rows, None)


def _hard_enough(row: Submission, requirement: Requirement) -> bool:
    rating, difficulty = row.problem.rating, difficulty_of(row.problem.rating)
    if rating is None or difficulty is None:
        return False
    return rating >= (requirement.min_rating or 0) and difficulty >= (requirement.min_difficulty or 1)


def _refuse_to_guess(rows: Iterable[Submission], requirement: Requirement, *, but_for: int = 1) -> None:
    """Raise if submissions to as many problems as are missing have no final verdict."""
    waiting = [row for row in rows if not settled(row) and _counts(row, requirement.after)]
    if len({row.problem.work for row in waiting}) >= but_for:
        said = "pretests passed" if waiting[0].verdict == "OK" else waiting[0].verdict or "no verdict"
        raise Unavailable(f"submission {waiting[0].id} to {waiting[0].problem.work} is not judged yet: {said}")


def _counts(row: Submission, after: datetime | None) -> bool:
    return after is None or row.at > after


def _since(requirement: Requirement) -> str:
    return "" if requirement.after is None else f" after {requirement.after.isoformat()}"


def _told(tried: Sequence[Submission], total: int) -> str:
    if not tried:
        return f"no submission to it among {total}"
    if early := solved(tried, None):
        return f"accepted earlier, at {next(iter(early.values())).at.isoformat()}"
    verdicts = Counter(row.verdict or "no verdict" for row in tried)
    return "submissions to it: " + ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))


def evidence_of(row: Submission, ratings: Mapping[int, RatingChange]) -> Evidence:
    """Return the evidence of an accepted submission; of team mates only the number is kept."""
    facts: dict[str, Any] = {
        "submission": row.id,
        "problem": row.problem.name,
        "rating": row.problem.rating,
        "participation": row.author.participant_type,
        "team_size": len(row.author.members),
    }
    change = ratings.get(row.problem.contest_id or 0) if may_be_rated(row) else None
    if change is not None:
        facts |= {"rating_change": change.new_rating - change.old_rating, "new_rating": change.new_rating}
    return Evidence(
        work=row.problem.work,
        occurred_at=row.at,
        topics=row.problem.tags,
        difficulty=difficulty_of(row.problem.rating),
        strength="judged",
        metadata=facts,
    )
