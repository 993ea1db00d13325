"""Verdicts: whose work counts, how much of it, and when it was done."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from skillcore.plugin import Account, InvalidRequirement, NotVerified, Undecided, Verified
from skillcore_github import Settings, skillcore_plugin, skillcore_verification_sources
from skillcore_github.answers import Commit, PullRequest
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.people import Person, is_bot
from skillcore_github.requirement import Contribution
from skillcore_github.source import GitHub
from skillcore_github.verdicts import commits_verdict, pulls_verdict

ANN = Account("github", "Ann")
START = datetime(2026, 3, 1, tzinfo=UTC)


def day(number):
    return START + timedelta(days=number)


def commit(number, login, account_id=99, repository="team/work"):
    person = Person(login, account_id) if login else None
    return Commit(f"{number:040x}", repository, person, day(number))


def pull(number, login, merged=True):
    return PullRequest(number, "team/work", Person(login, 99) if login else None, day(number) if merged else None)


def on_commits(commits, *, account=ANN, complete=True, **asked):
    requirement = Contribution(**{"repo": "Team/Work"} | asked)
    return commits_verdict(requirement, account, account.handle.lower(), commits, complete=complete)


def on_pulls(pulls, *, complete=True, **asked):
    return pulls_verdict(Contribution("Team/Work", kind="pull_requests", **asked), ANN, "ann", pulls, {}, complete=complete)


def test_the_work_is_the_repository_and_dates_from_the_decisive_commit():
    verdict = on_commits([commit(5, "ann"), commit(4, "bob"), commit(3, "ANN"), commit(1, "ann")], min_commits=2)
    assert isinstance(verdict, Verified)
    (evidence,) = verdict.evidence
    assert (evidence.work, evidence.occurred_at, evidence.strength) == ("team/work", day(3), "asserted")
    assert (evidence.difficulty, evidence.topics) == (None, ())
    assert evidence.metadata == {"kind": "commits", "commit": f"{3:040x}", "commits": 3, "complete": True}


@pytest.mark.parametrize("others", [[commit(1, "bob")], [commit(1, None)], [commit(1, "annabel")], []])
def test_only_commits_of_the_login_count(others):
    verdict = on_commits([*others, *others])
    assert verdict == NotVerified("at least 1 commits by ann in Team/Work", f"0 of them among {2 * len(others)} commits")


def test_a_commit_listed_twice_counts_once():
    assert isinstance(on_commits([commit(1, "ann"), commit(1, "ann")], min_commits=2), NotVerified)


def test_the_number_of_an_account_outweighs_its_login():
    linked = Account("github", "ann", "7")
    assert isinstance(on_commits([commit(1, "ann", 8)], account=linked), NotVerified)
    assert isinstance(on_commits([commit(1, "ann-renamed", 7)], account=linked), Verified)
    assert isinstance(on_commits([commit(1, "ann", 7)], account=linked), Verified)


def test_a_bot_s_work_is_nobody_s():
    for bot in (Person("ann", 7, bot=True), Person("ann", 99, bot=True)):
        row = Commit("a" * 40, "team/work", bot, day(1))
        for account in (ANN, Account("github", "ann", "7")):
            assert isinstance(on_commits([row], account=account), NotVerified)
    assert is_bot("dependabot[bot]")
    assert is_bot("ann", "Bot")
    assert not is_bot("robot", "User")


def test_only_later_commits_count_after_a_time():
    commits = [commit(3, "ann"), commit(2, "ann"), commit(1, "ann")]
    verdict = on_commits(commits, after=day(1), min_commits=2)
    assert isinstance(verdict, Verified)
    assert verdict.evidence[0].occurred_at == day(3)
    assert isinstance(on_commits(commits, after=day(2), min_commits=2), NotVerified)


def test_a_list_that_goes_on_decides_nothing_against_anyone():
    verdict = on_commits([commit(1, "bob")], complete=False)
    assert isinstance(verdict, Undecided)
    assert "max_pages" in verdict.would_decide
    assert isinstance(on_commits([commit(1, "ann")], complete=False), Verified)
    assert isinstance(on_pulls([pull(1, "bob")], complete=False), Undecided)


def test_a_repository_must_be_ones_own():
    own = [commit(1, "ann", repository="ann/work")]
    assert isinstance(on_commits(own, kind="repository", repo="ann/work"), Verified)
    verdict = on_commits([commit(1, "ann")], kind="repository")
    assert isinstance(verdict, NotVerified)
    assert verdict.found == "team/work belongs to team"


def test_a_repository_that_moved_is_known_by_its_present_name():
    moved = [commit(1, "ann", repository="company/work")]
    verdict = on_commits(moved, repo="ann/work")
    assert isinstance(verdict, Verified)
    assert verdict.evidence[0].work == "company/work"
    assert isinstance(on_commits(moved, kind="repository", repo="ann/work"), NotVerified)


def test_each_merged_pull_request_is_a_work():
    verdict = on_pulls(
        [pull(9, "ann", merged=False), pull(8, "ann"), pull(7, "bob"), pull(6, "ann"), pull(5, "Ann")], min_commits=2
    )
    assert isinstance(verdict, Verified)
    works = [(evidence.work, evidence.occurred_at, evidence.strength) for evidence in verdict.evidence]
    assert works == [("team/work#5", day(5), "authenticated"), ("team/work#6", day(6), "authenticated")]


@pytest.mark.parametrize("pulls", [[pull(1, "ann", merged=False)], [pull(1, "bob")], [pull(1, None)], []])
def test_pull_requests_of_others_or_unmerged_do_not_count(pulls):
    assert isinstance(on_pulls(pulls), NotVerified)


def test_only_later_merges_count_after_a_time():
    assert isinstance(on_pulls([pull(2, "ann")], after=day(2)), NotVerified)
    assert isinstance(on_pulls([pull(2, "ann")], after=day(1)), Verified)


@pytest.fixture
def source():
    return GitHub(Settings().server, NPM, max_pages=10)


@pytest.mark.parametrize("handle", ["octocat", " OctoCat ", "a-b", "a" * 39, "ann_corp", "0"])
def test_logins_are_lowered(source, handle):
    assert source.normalise(handle) == handle.strip().lower()


@pytest.mark.parametrize("handle", ["", "-a", "a-", "a--b", "a" * 40, "a/b", "a b", "a?b", "ann\nbob", "é"])
def test_other_handles_are_refused(source, handle):
    with pytest.raises(InvalidRequirement) as refusal:
        source.normalise(handle)
    assert refusal.value.field == "handle"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"repo": "ann/.."}, "repo"),
        ({"repo": "-ann/work"}, "repo"),
        ({"repo": "a--b/work"}, "repo"),
        ({"repo": "ann/work", "min_difficulty": 2}, "min_difficulty"),
        ({"repo": "ann/work", "min_commits": 1001}, "min_commits"),
    ],
)
def test_requirements_that_cannot_hold_are_refused_by_field(source, given, field):
    with pytest.raises((InvalidRequirement, msgspec.ValidationError)) as refusal:
        source.check(msgspec.convert(given, Contribution))
    assert field in str(refusal.value) or refusal.value.field == field


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"repo": "work"},
        {"repo": "ann/work/more"},
        {"repo": "ann/work?x=1"},
        {"repo": "ann/work\n"},
        {"repo": "ann/work", "kind": "stars"},
        {"repo": "ann/work", "min_commits": 0},
        {"repo": "ann/work", "after": "2026-01-01T00:00:00"},
        {"repo": "ann/work", "author": "bob"},
    ],
)
def test_requirements_of_the_wrong_form_do_not_decode(given):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Contribution)


@pytest.mark.parametrize(
    ("settings", "dialect"),
    [
        ({}, NPM),
        ({"server": {"url": "https://mcp.test/mcp"}}, OFFICIAL),
        ({"server": {"url": "https://mcp.test/mcp"}, "dialect": "npm"}, NPM),
        ({"dialect": "official"}, OFFICIAL),
    ],
)
def test_the_dialect_follows_from_the_settings(settings, dialect):
    shape = skillcore_plugin().settings
    (source,) = skillcore_verification_sources(msgspec.convert(settings, shape))
    assert source.server.tools == dialect.tools


def test_the_tools_are_those_of_the_servers(shared):
    """`mcp/tools-github-npm.json` and `tools-github-official.json`: each tool exists and takes the arguments."""
    for dialect, file in ((NPM, "tools-github-npm.json"), (OFFICIAL, "tools-github-official.json")):
        offered = msgspec.json.decode((shared / "mcp" / file).read_bytes())["tools"]
        schemas = {tool["name"]: tool["inputSchema"] for tool in offered}
        for tool in (*dialect.tools, *dialect.further_tools):
            assert set(schemas[tool.name]["required"]) <= set(tool.arguments) <= set(schemas[tool.name]["properties"])
