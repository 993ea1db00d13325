"""The source through both servers, in good weather and bad: the published npm one, and a local one that speaks as the official.

The web behind them is the stand-in, with what each test adds to it.
"""

import sys
from pathlib import Path

import msgspec
import pytest

from skillcore.plugin import Account, NotFound, NotVerified, Refused, ServerSettings, Unavailable, Undecided, Verified
from skillcore.testing import tools_for
from skillcore.testing.tools import ONE_BY_ONE
from skillcore_github import Settings
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.requirement import Contribution
from skillcore_github.source import GitHub

ANN = Account("github", "Ann")
SHORT = msgspec.structs.replace(ONE_BY_ONE, call_timeout=2.5)
FAULTS = ["500", "429", "403", "hang", "drop", "html", "garbage", "empty"]


def source_of(dialect, *, max_pages=10):
    return GitHub(Settings().server, dialect, max_pages=max_pages)


@pytest.fixture(params=[pytest.param("npm", marks=pytest.mark.npm), "official"])
def server(request, upstream, shared):
    """A dialect and the settings of a server that speaks it."""
    if request.param == "npm":
        settings = request.getfixturevalue("npm_server")("github")
        assert Settings().server.args[-1] in settings.command.replace("+", "/")
        return NPM, settings
    script = Path(__file__).with_name("official_server.py")
    schemas = shared / "mcp" / "tools-github-official.json"
    return OFFICIAL, ServerSettings(command=sys.executable, args=(str(script), str(schemas), f"{upstream.url}/github"))


def commit(login, day, **more):
    when = {"date": f"2026-03-{day:02}T10:00:00Z"}
    return {"login": login, "commit": {"author": when, "committer": when}} | more


def pull(login, day, **more):
    return {"login": login, "merged_at": f"2026-03-{day:02}T10:00:00Z"} | more


@pytest.fixture
def world(upstream):
    """Repositories with work of Ann, Bob and nobody."""
    forged = {"name": "Ann", "email": "ann@users.noreply.github.com", "date": "2026-03-05T10:00:00Z"}
    commits = {
        "ann/work": [commit("Ann", 3), commit("ann", 9), commit("bob", 5), commit("ann", 6)],
        "team/work": [commit("ann", 2), commit("bob", 1)],
        "bob/play": [commit("bob", 1), commit("bob", 2)],
        "bob/forged": [commit("bob", 4), commit("x", 5, author=None, commit={"author": forged, "committer": forged})],
    }
    unmerged = {"merged_at": None}
    pulls = {
        "team/work": [pull("bob", 4), pull("ann", 5), pull("Ann", 6)],
        "bob/play": [pull("bob", 4), pull("ann", 5, **unmerged), pull("ann", 6, state="open", closed_at=None, **unmerged)],
    }
    for kind, repositories in (("commits", commits), ("pulls", pulls)):
        for repository, rows in repositories.items():
            owner, name = repository.split("/")
            upstream.control(f"github/{kind}", {"owner": owner, "repo": name, kind: rows})


# What is asked, and by work the day that the evidence is of; None where it is not verified.
CASES = [
    (Contribution("ann/work"), {"ann/work": 3}),
    (Contribution("ann/work", 3), {"ann/work": 9}),
    (Contribution("Ann/Work", 2, "repository"), {"ann/work": 6}),
    (Contribution("team/work"), {"team/work": 2}),
    (Contribution("team/work", 2, "pull_requests"), {"team/work#2": 5, "team/work#3": 6}),
    (Contribution("ann/work", 4), None),
    (Contribution("bob/play"), None),
    (Contribution("bob/forged"), None),
    (Contribution("team/work", 1, "repository"), None),
    (Contribution("bob/play", 1, "pull_requests"), None),
]


def agrees(verdict, days):
    if days is None:
        return isinstance(verdict, NotVerified)
    return isinstance(verdict, Verified) and days == {each.work: each.occurred_at.day for each in verdict.evidence}


async def test_ten_of_ten_cases_are_right(server, world):
    dialect, settings = server
    source = source_of(dialect)
    async with tools_for(source, settings=settings) as tools:
        wrong = [
            (requirement, verdict)
            for requirement, days in CASES
            if not agrees(verdict := await source.verify(tools, ANN, requirement), days)
        ]
    assert len(CASES) == 10
    assert wrong == []


async def test_recorded_facts_are_right(server):
    """`commits.PyGithub.*` and `commits.stapler_stapler.2020`; the oldest rows of the first, of 2012, have no ``html_url``."""
    dialect, settings = server
    facts = [("stapler/stapler", "jglick", Verified), ("stapler/stapler", "kohsuke", NotVerified)]
    if dialect is NPM:
        facts += [("PyGithub/PyGithub", "PGOLM", Verified), ("PyGithub/PyGithub", "jglick", NotVerified)]
    source = source_of(dialect)
    async with tools_for(source, settings=settings) as tools:
        for repo, login, kind in facts:
            assert isinstance(await source.verify(tools, Account("github", login), Contribution(repo)), kind), (repo, login)


async def test_a_repository_that_is_not_shown_is_not_found(server):
    dialect, settings = server
    source = source_of(dialect)
    async with tools_for(source, settings=settings) as tools:
        for kind in ("commits", "pull_requests", "repository"):
            with pytest.raises(NotFound, match="nobody/nothing"):
                await source.verify(tools, ANN, Contribution("nobody/nothing", kind=kind))


async def test_long_lists_are_read_in_pages_up_to_the_limit(server, upstream):
    dialect, settings = server
    own = [commit("ann", 1 + number % 28) for number in range(220)]
    upstream.control("github/commits", {"owner": "ann", "repo": "long", "commits": own})
    source = source_of(dialect)
    async with tools_for(source, settings=settings) as tools:
        assert isinstance(await source.verify(tools, ANN, Contribution("ann/long", 220)), Verified)
        assert isinstance(await source.verify(tools, ANN, Contribution("ann/long", 221)), NotVerified)
        assert [entry["query"]["page"] for entry in upstream.log()] == ["1", "2", "3"] * 2
        brief = source_of(dialect, max_pages=2)
        verdict = await brief.verify(tools, Account("github", "bob"), Contribution("ann/long"))
        # Only the npm server has to read everybody's commits to find none by Bob.
        assert isinstance(verdict, Undecided if dialect is NPM else NotVerified)


async def test_a_fault_makes_no_verdict_and_leaves_no_trace(server, upstream, world):
    """All in one session: what one fault left behind would show under the next."""
    dialect, settings = server
    source = source_of(dialect)
    asked = [CASES[place] for place in (0, 4, 6, 9)]
    async with tools_for(source, settings=settings, resilience=SHORT) as tools:
        for mode in FAULTS:
            upstream.faults.set("github", mode)
            for requirement, _ in asked if mode != "hang" else asked[:1]:
                with pytest.raises(Unavailable) as refusal:
                    await source.verify(tools, ANN, requirement)
                assert refusal.value.limited == (mode in {"429", "403"}), mode
                assert refusal.value.hung == (mode == "hang"), mode
            upstream.faults.lift()
            for requirement, days in asked:
                assert agrees(await source.verify(tools, ANN, requirement), days), mode


async def test_a_page_of_something_in_github_s_place_makes_no_verdict(server, upstream, world):
    """A proxy's page for people, with the statuses that mean much when they are GitHub's."""
    dialect, settings = server
    source = source_of(dialect)
    async with tools_for(source, settings=settings) as tools:
        for status in (401, 403, 404, 409, 429):
            upstream.faults.set("github", "answer", status=status, body="<html>Be patient</html>", kind="text/html")
            for requirement in (Contribution("ann/work"), Contribution("team/work", 2, "pull_requests")):
                with pytest.raises(Unavailable) as refusal:
                    await source.verify(tools, ANN, requirement)
                assert refusal.value.limited == (status == 429), status
            upstream.faults.lift()


async def test_a_fault_on_a_later_page_makes_no_verdict(server, upstream):
    dialect, settings = server
    own = [commit("ann", 1) for _ in range(130)]
    upstream.control("github/commits", {"owner": "ann", "repo": "long", "commits": own})
    source = source_of(dialect)
    async with tools_for(source, settings=settings) as tools:
        upstream.faults.set("github", "500", contains='"page": "2"')
        with pytest.raises(Unavailable):
            await source.verify(tools, ANN, Contribution("ann/long", 200))


async def test_a_token_is_used_and_an_unknown_one_refused(server, upstream, world):
    dialect, settings = server
    upstream.control("github/tokens", {"token": "known", "login": "service"})
    source = source_of(dialect)
    for token in ("known", "unknown"):
        env = {**settings.env, "GITHUB_PERSONAL_ACCESS_TOKEN": token}
        async with tools_for(source, settings=msgspec.structs.replace(settings, env=env)) as tools:
            if token == "known":
                assert isinstance(await source.verify(tools, ANN, Contribution("ann/work")), Verified)
            else:
                with pytest.raises(Refused, match="Bad credentials"):
                    await source.verify(tools, ANN, Contribution("ann/work"))


@pytest.mark.npm
async def test_the_npm_server_fails_at_a_pull_request_of_a_deleted_account(npm_server):
    """The recorded pull requests of PyGithub name no owner of their branches; see `observed.md`."""
    source = source_of(NPM)
    async with tools_for(source, settings=npm_server("github")) as tools:
        with pytest.raises(Unavailable, match="Invalid input"):
            await source.verify(tools, Account("github", "jacquev6"), Contribution("PyGithub/PyGithub", kind="pull_requests"))
