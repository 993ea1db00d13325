"""From a window of recent submissions to a verdict. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from skillcore.plugin import Evidence, NotVerified, Undecided, Verdict, Verified
from skillcore_leetcode.answers import Accepted, Problem
from skillcore_leetcode.reading import WINDOW
from skillcore_leetcode.requirement import DIFFICULTY, Requirement

__all__ = ["accepted", "evidence_of", "first_accepted", "not_shown"]


def first_accepted(rows: Sequence[Accepted], requirement: Requirement) -> Accepted | None:
    """Return the earliest submission that counts among those shown."""
    fit = [
        row
        for row in rows
        if row.title_slug == requirement.problem_slug and (requirement.after is None or row.at > requirement.after)
    ]
    return min(fit, key=lambda row: row.at, default=None)


def evidence_of(row: Accepted, problem: Problem | None) -> Evidence:
    """Return what an accepted submission proves; without its problem, neither topics nor difficulty are known."""
    return Evidence(
        work=row.title_slug,
        occurred_at=row.at,
        topics=problem.topic_tags if problem else (),
        difficulty=DIFFICULTY[problem.difficulty.lower()] if problem else None,
        strength="judged",
        metadata={"submission": row.id, "problem": problem.title if problem else None},
    )


def accepted(row: Accepted, problem: Problem | None, requirement: Requirement) -> Verdict:
    """Judge an accepted submission by how hard its problem is."""
    evidence = evidence_of(row, problem)
    if requirement.least is not None:
        if evidence.difficulty is None:
            return Undecided(f"{row.title_slug} was accepted, but LeetCode does not say how hard it is", "its difficulty")
        if evidence.difficulty < requirement.least:
            looked_for = f"an accepted submission to {row.title_slug}, of difficulty {requirement.least:g} or more"
            return NotVerified(looked_for, f"accepted, but its difficulty is {evidence.difficulty:g}")
    return Verified((evidence,))


def not_shown(rows: Sequence[Accepted], requirement: Requirement) -> NotVerified | Undecided:
    """Judge a list without the submission: complete if it is short, a mere window if it is full."""
    slug = requirement.problem_slug
    since = "" if requirement.after is None else f" after {requirement.after.isoformat()}"
    if len(rows) >= WINDOW:
        return Undecided(
            f"{slug} is not among the {len(rows)} accepted submissions that LeetCode shows; it may be older than these",
            f"submit an accepted solution to {slug} again, and have it checked before {WINDOW} others are accepted",
        )
    earlier = [row for row in rows if row.title_slug == slug]
    found = f"accepted earlier, at {max(row.at for row in earlier).isoformat()}" if earlier else f"{len(rows)} others"
    return NotVerified(f"an accepted submission to {slug}{since}", found)
