"""Damaged answers: whatever happens to one on its way, it is taken for an outage or leaves the verdict as it was."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillcore.plugin import Account, NotVerified, Unavailable, Verified
from skillcore.testing import Recital, accidents, damages
from skillcore_github import Settings
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.requirement import Contribution
from skillcore_github.source import GitHub

DIALECTS = {"npm": NPM, "official": OFFICIAL}
# Nobody is a possible author or merger, and null or nothing a possible time of merging: their absence is no damage.
SPARE = ("author", "user", "merged_at", "merged_by", "closed_by")


def commit(number, login):
    """A commit in the shape of ``commits.PyGithub.2026.1``, with what either server keeps of it."""
    sha = f"{number:040x}"
    signature = {"name": login, "email": f"{login}@example.invalid", "date": f"2026-03-{number:02}T10:00:00Z"}
    return {
        "sha": sha,
        "url": f"https://api.github.com/repos/ann/work/commits/{sha}",
        "html_url": f"https://github.com/ann/work/commit/{sha}",
        "commit": {"message": "Work", "author": signature, "committer": signature},
        "author": {"login": login, "id": len(login), "type": "User"},
    }


def pull(number, login, merged_at):
    """A pull request in the shape of ``pulls.PyGithub.closed.2012``, likewise."""
    return {
        "number": number,
        "html_url": f"https://github.com/ann/work/pull/{number}",
        "state": "closed",
        "title": "Work",
        "user": {"login": login, "id": len(login), "type": "User"},
        "merged_at": merged_at,
    }


COMMITS = json.dumps([commit(4, "ann"), commit(3, "robert"), commit(2, "ann")])
PULLS = json.dumps([pull(3, "ann", "2026-03-03T10:00:00Z"), pull(2, "robert", "2026-03-02T10:00:00Z"), pull(1, "ann", None)])
MERGE = json.dumps(
    pull(3, "ann", "2026-03-03T10:00:00Z")
    | {"merged": True, "merged_by": "robert", "closed_by": {"login": "robert", "id": 6, "type": "User"}}
    | {"closed_at": "2026-03-03T10:00:00Z", "pull_request": {"merged_at": "2026-03-03T10:00:00Z"}}
)
"""A pull request by itself, with what each of the servers shows of it."""

CASES = [
    (Contribution("ann/work"), {"ann/work": 2}),
    (Contribution("ann/work", 2, "repository"), {"ann/work": 4}),
    (Contribution("ann/work", 3), None),
    (Contribution("ann/work", 1, "pull_requests"), {"ann/work#3": 3}),
    (Contribution("ann/work", 2, "pull_requests"), None),
]


def judged(dialect, commits, pulls, requirement, merge=MERGE):
    source = GitHub(Settings().server, DIALECTS[dialect], max_pages=3)
    texts = {"list_commits": commits, "list_pull_requests": pulls, "pull_request_read": merge, "get_issue": merge}
    tools = Recital(lambda tool, arguments: texts[tool])
    return asyncio.run(source.verify(tools, Account("github", "ann"), requirement))


def agrees(verdict, days):
    if days is None:
        return isinstance(verdict, NotVerified)
    if not isinstance(verdict, Verified):
        return False
    strengths = {each.strength for each in verdict.evidence}
    right = {"judged"} if "#" in next(iter(days)) else {"asserted"}
    return days == {each.work: each.occurred_at.day for each in verdict.evidence} and strengths == right


def endures(dialect, commits, pulls, requirement, days, merge=MERGE):
    try:
        verdict = judged(dialect, commits, pulls, requirement, merge)
    except Unavailable:
        return True
    return agrees(verdict, days)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("requirement", "days"), CASES)
def test_the_whole_answers_give_these_verdicts(dialect, requirement, days):
    assert agrees(judged(dialect, COMMITS, PULLS, requirement), days)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_that_gives_shorter_pages_is_read_to_the_end(dialect):
    """GitHub's own page has 30 rows; a hundred were asked for."""
    rows = [commit(number, "robert") for number in range(1, 31)] + [commit(31, "ann")]

    def answer(tool, arguments):
        start = (arguments["page"] - 1) * 30
        return json.dumps(rows[start : start + 30])

    source = GitHub(Settings().server, DIALECTS[dialect], max_pages=3)
    verdict = asyncio.run(source.verify(Recital(answer), Account("github", "ann"), Contribution("ann/work")))
    assert agrees(verdict, {"ann/work": 31})


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("requirement", "days"), CASES)
def test_no_single_damage_makes_another_verdict(dialect, requirement, days):
    pairs = [(text, PULLS) for text in accidents(COMMITS, spare=SPARE)]
    pairs += [(COMMITS, text) for text in accidents(PULLS, spare=SPARE)]
    assert len(pairs) > 500
    assert [pair for pair in pairs if not endures(dialect, *pair, requirement, days)] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_single_damage_to_a_pull_request_makes_it_prove_something_else(dialect):
    requirement, days = CASES[3]
    texts = list(accidents(MERGE, spare=SPARE))
    assert len(texts) > 100
    assert [text for text in texts if not endures(dialect, COMMITS, PULLS, requirement, days, text)] == []


@pytest.mark.parametrize("key", ["author", "user", "merged_at"])
def test_a_key_that_the_npm_server_always_sends_must_be_there(key):
    texts = [
        json.dumps([{name: row[name] for name in row if name != key} for row in json.loads(text)]) for text in (COMMITS, PULLS)
    ]
    kind = "commits" if key == "author" else "pull_requests"
    with pytest.raises(Unavailable):
        judged("npm", *texts, Contribution("ann/work", 1, kind))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_heap_of_damages_makes_another_verdict(data):
    requirement, days = data.draw(st.sampled_from(CASES))
    dialect = data.draw(st.sampled_from(sorted(DIALECTS)))
    commits, pulls = COMMITS, PULLS
    if requirement.kind == "pull_requests":
        pulls = data.draw(damages(PULLS, spare=SPARE))
    else:
        commits = data.draw(damages(COMMITS, spare=SPARE))
    # An empty list is what a repository without any looks like: nobody can tell.
    assert "[]" in {commits, pulls} or endures(dialect, commits, pulls, requirement, days)
