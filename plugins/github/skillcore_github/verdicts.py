"""From what a repository's lists show to a verdict. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skillcore.plugin import Account, Evidence, NotVerified, Undecided, Verdict, Verified
from skillcore_github.answers import Commit, MergedPull, PullRequest
from skillcore_github.people import is_own
from skillcore_github.requirement import Contribution
from skillcore_github.searches import Merge

__all__ = ["commits_verdict", "counted_pulls", "merged_evidence", "pulls_verdict"]


def commits_verdict(
    requirement: Contribution, account: Account, login: str, commits: Sequence[Commit], *, complete: bool
) -> Verdict:
    """Judge by the account's own commits. The work is the repository, whatever the number of commits.

    Args:
        requirement: of kind ``commits`` or ``repository``.
        account: whose commits count.
        login: its handle in lower case.
        commits: those that were listed, by anybody.
        complete: whether the repository has no others.
    """
    repository = commits[0].repository if commits else requirement.repo.lower()
    looked_for = _looked_for(requirement, login)
    own = sorted({commit.sha: commit for commit in commits if is_own(commit.author, account, login)}.values(), key=_authored)
    owner = repository.partition("/")[0]
    if requirement.kind == "repository" and owner not in _names(own, login):
        return NotVerified(looked_for=looked_for, found=f"{repository} belongs to {owner}")
    counted = [commit for commit in own if requirement.after is None or commit.authored_at > requirement.after]
    if len(counted) < requirement.min_commits:
        found = f"{len(counted)} of them among {len(commits)} commits"
        return NotVerified(looked_for=looked_for, found=found) if complete else _undecided(looked_for, found)
    decisive = counted[requirement.min_commits - 1]
    return Verified(
        (
            Evidence(
                work=repository,
                occurred_at=decisive.authored_at,
                strength="asserted",
                metadata={"kind": requirement.kind, "commit": decisive.sha, "commits": len(own), "complete": complete},
            ),
        )
    )


def counted_pulls(requirement: Contribution, account: Account, login: str, pulls: Sequence[PullRequest]) -> list[MergedPull]:
    """Return the account's own merged pull requests that count, the first merged first; arguments as for `commits_verdict`."""
    own = {pull.number: pull.merged for pull in pulls if is_own(pull.author, account, login)}
    merged = [pull for pull in own.values() if pull and (requirement.after is None or pull.merged_at > requirement.after)]
    return sorted(merged, key=lambda pull: pull.place)


def merged_evidence(pull: MergedPull, merge: Merge | None) -> Evidence:
    """Return what a merged pull request proves. Whoever opened it was signed in; who merged it may not be known."""
    return Evidence(
        work=pull.work,
        occurred_at=pull.merged_at,
        strength="authenticated" if merge is None else merge.strength,
        metadata={"kind": "pull_requests", "merged_by": merge.by if merge and merge.by else None},
    )


def pulls_verdict(
    requirement: Contribution,
    account: Account,
    login: str,
    pulls: Sequence[PullRequest],
    merges: Mapping[str, Merge],
    *,
    complete: bool,
) -> Verdict:
    """Judge by the account's own merged pull requests, each a work of its own.

    Args:
        requirement: of kind ``pull_requests``.
        account: whose pull requests count.
        login: its handle in lower case.
        pulls: the closed ones that were listed, by anybody.
        complete: whether the repository has no others.
        merges: how the counted ones were merged, by work, as far as that was asked.
    """
    counted = counted_pulls(requirement, account, login, pulls)
    if len(counted) < requirement.min_commits:
        looked_for = _looked_for(requirement, login)
        own = sum(is_own(pull.author, account, login) for pull in pulls)
        found = f"{len(counted)} of them among {own} closed pull requests by {login}"
        return NotVerified(looked_for=looked_for, found=found) if complete else _undecided(looked_for, found)
    return Verified(tuple(merged_evidence(pull, merges.get(pull.work)) for pull in counted[: requirement.min_commits]))


def _authored(commit: Commit) -> tuple[object, str]:
    return commit.authored_at, commit.sha


def _names(own: Sequence[Commit], login: str) -> set[str]:
    """Return what the account is called: as its commits say today, since a login can have changed after it was linked."""
    return {commit.author.login.lower() for commit in own if commit.author is not None} or {login}


def _looked_for(requirement: Contribution, login: str) -> str:
    things = "merged pull requests" if requirement.kind == "pull_requests" else "commits"
    whose = f"a repository of {login} with" if requirement.kind == "repository" else "at least"
    words = f"{whose} {requirement.min_commits} {things} by {login} in {requirement.repo}"
    return words if requirement.after is None else f"{words} after {requirement.after.isoformat()}"


def _undecided(looked_for: str, found: str) -> Undecided:
    return Undecided(
        reason=f"looked for {looked_for}; found {found}, and the list goes on",
        would_decide="the rest of the list: raise max_pages in [plugins.github], or ask for newer or fewer contributions",
    )
