"""How strong a merged pull request is as evidence, whose work counts under which name, and what was asked to find out."""

from datetime import UTC, datetime

import pytest

from skillcore.plugin import Account, NotVerified, Unavailable, Undecided, Verified
from skillcore.testing import Recital, ToolFault
from skillcore_github import Settings
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.requirement import Contribution
from skillcore_github.source import GitHub

DIALECTS = {"npm": NPM, "official": OFFICIAL}
ANN = Account("github", "Ann", "7")
T1, T2, T3 = "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z"
PULLS = Contribution("team/work", kind="pull_requests")


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return request.param


@pytest.fixture
def verify(handlers, world, dialect):
    """Verify a requirement in the world as it is, by one of the servers; the calls that it took are in ``calls``."""

    async def verify(requirement, account=ANN, *, max_pages=10, lacks=()):
        answer = getattr(handlers, dialect)(world)

        def lacking(tool, arguments):
            return ToolFault(f"Unknown tool: {tool}") if tool in lacks else answer(tool, arguments)

        tools = Recital(lacking)
        verify.calls = tools.calls
        return await GitHub(Settings().server, DIALECTS[dialect], max_pages=max_pages).verify(tools, account, requirement)

    return verify


def strengths(verdict):
    assert isinstance(verdict, Verified), verdict
    return {item.work: (item.strength, item.metadata["merged_by"]) for item in verdict.evidence}


async def test_merged_by_another_person_is_judged_and_by_oneself_authenticated(verify, world):
    world.pull("team/work", 7, T1, by=8)
    world.pull("team/work", 7, T2, by=7)
    verdict = await verify(Contribution("team/work", 2, "pull_requests"))
    assert strengths(verdict) == {"team/work#1": ("judged", "bob"), "team/work#2": ("authenticated", "ann")}


async def test_a_program_is_nobody_who_judges(verify, world, dialect):
    bot = world.person("mergify[bot]", 70, "Bot")
    world.pull("team/work", 7, T1, by=bot)
    ((strength, _),) = strengths(await verify(PULLS)).values()
    assert strength == "authenticated"


async def test_nobody_known_to_have_merged_it_judges_nothing(verify, world):
    world.pull("team/work", 7, T1, by=None)
    assert strengths(await verify(PULLS)) == {"team/work#1": ("authenticated", None)}


@pytest.mark.parametrize("dialect", ["npm"])
@pytest.mark.parametrize(("closed_at", "strength"), [(T3, "authenticated"), ("2026-03-01T10:00:04Z", "judged")])
async def test_who_closed_it_merged_it_only_if_that_was_at_once(verify, world, closed_at, strength):
    """The npm server does not show who merged; closing is what it shows."""
    world.pull("team/work", 7, T1, by=8, closed_at=closed_at)
    assert strengths(await verify(PULLS))["team/work#1"][0] == strength


async def test_one_that_is_not_shown_by_itself_is_authenticated(verify, world, dialect, handlers):
    world.pull("team/work", 7, T1, by=8)
    answer = getattr(handlers, dialect)(world)

    def lists_only(tool, arguments):
        if tool in {"get_issue", "pull_request_read"}:
            return answer(tool, arguments | {"issue_number": 99, "pullNumber": 99})
        return answer(tool, arguments)

    verdict = await GitHub(Settings().server, DIALECTS[dialect], max_pages=1).verify(Recital(lists_only), ANN, PULLS)
    assert strengths(verdict) == {"team/work#1": ("authenticated", None)}


async def test_another_one_in_its_place_is_no_answer(verify, world, dialect, handlers):
    """Another's, another one of the same author's, and one of the same number in another repository."""
    world.pull("team/work", 7, T1, by=8)
    world.pull("team/work", 8, T2, by=7)
    world.pull("team/work", 7, T2, by=8)
    world.pull("team/other", 7, T2, by=8)
    answer = getattr(handlers, dialect)(world)
    for change in (*({"issue_number": number, "pullNumber": number} for number in (2, 3)), {"repo": "other"}):

        def misled(tool, arguments, change=change):
            return answer(tool, arguments | change if tool in {"get_issue", "pull_request_read"} else arguments)

        with pytest.raises(Unavailable):
            await GitHub(Settings().server, DIALECTS[dialect], max_pages=1).verify(Recital(misled), ANN, PULLS)


async def test_at_most_twenty_are_asked_about(verify, world):
    for minute in range(25):
        world.pull("team/work", 7, f"2026-03-01T10:{minute:02}:00Z", by=8)
    verdict = await verify(Contribution("team/work", 25, "pull_requests"))
    found = [strength for strength, _ in strengths(verdict).values()]
    assert found == ["judged"] * 20 + ["authenticated"] * 5
    assert sum(tool in {"get_issue", "pull_request_read"} for tool, _ in verify.calls) == 20


async def test_nobody_is_asked_about_what_does_not_verify(verify, world):
    world.pull("team/work", 7, T1, by=8)
    assert isinstance(await verify(Contribution("team/work", 2, "pull_requests")), NotVerified)
    assert [tool for tool, _ in verify.calls] == ["list_pull_requests"]


async def test_commits_are_asserted(verify, world):
    world.commit("team/work", 7, T1)
    verdict = await verify(Contribution("team/work"))
    assert [(item.work, item.strength) for item in verdict.evidence] == [("team/work", "asserted")]


@pytest.mark.parametrize("kind", ["commits", "pull_requests"])
async def test_a_bot_s_work_does_not_count_whatever_its_name(verify, world, kind, dialect):
    """GitHub's own server does not tell an account's kind: there its name alone gives a bot away."""
    world.person("ann[bot]", 7, "Bot")
    world.commit("team/work", 7, T1)
    world.pull("team/work", 7, T1, by=8)
    assert isinstance(await verify(Contribution("team/work", kind=kind)), NotVerified)


@pytest.mark.parametrize("kind", ["commits", "pull_requests", "repository"])
async def test_a_renamed_account_keeps_its_work(verify, world, kind):
    """Linked as Ann with the number 7; everything that GitHub shows says ``anna`` now."""
    world.commit("ann/work", 7, T1)
    world.pull("ann/work", 7, T1, by=8)
    world.rename(7, "anna")
    repo = "ann/work"
    if kind == "repository":
        world.commit("anna/work", 7, T1)
        repo = "anna/work"
    verdict = await verify(Contribution(repo, kind=kind))
    assert isinstance(verdict, Verified)
    assert verdict.evidence[0].occurred_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["commits", "pull_requests"])
async def test_who_took_over_an_old_login_has_no_part_in_it(verify, world, kind):
    world.rename(7, "anna")
    world.person("ann", 9)
    world.commit("team/work", 9, T1)
    world.pull("team/work", 9, T1, by=8)
    assert isinstance(await verify(Contribution("team/work", kind=kind)), NotVerified)
    world.commit("team/work", 7, T2)
    world.pull("team/work", 7, T2, by=8)
    verdict = await verify(Contribution("team/work", kind=kind))
    assert [item.occurred_at.day for item in verdict.evidence] == [2]
    assert isinstance(await verify(Contribution("team/work", 2, kind)), NotVerified)


async def test_an_account_known_by_its_login_alone_is_its_login(verify, world):
    world.commit("team/work", 7, T1)
    vouched = Account("github", "ann")
    assert isinstance(await verify(Contribution("team/work"), vouched), Verified)
    world.rename(7, "anna")
    assert isinstance(await verify(Contribution("team/work"), vouched), NotVerified)
    assert "search_users" not in {tool for tool, _ in verify.calls}


@pytest.fixture
def long_list(world):
    """Ann's two commits behind 150 of Bob's."""
    for number in range(2):
        world.commit("team/work", 7, f"2026-01-0{number + 1}T10:00:00Z")
    for number in range(150):
        world.commit("team/work", 8, f"2026-02-{1 + number // 10:02}T10:{number % 10:02}:00Z")


@pytest.mark.parametrize("dialect", ["official"])
class TestLongLists:
    """GitHub's own server lists an author's commits alone, so that a long list need not be read."""

    async def test_an_account_that_kept_its_name_costs_one_page(self, verify, world, long_list):
        assert isinstance(await verify(Contribution("team/work", 2), max_pages=1), Verified)
        assert [tool for tool, _ in verify.calls] == ["list_commits"]
        nobody = Account("github", "cem", str(world.person("cem", 10)))
        assert isinstance(await verify(Contribution("team/work"), nobody, max_pages=1), NotVerified)
        assert [tool for tool, _ in verify.calls] == ["list_commits", "search_users"]

    async def test_a_new_name_is_found_in_everybody_s_list_and_then_asked_for(self, verify, world, long_list):
        world.rename(7, "anna")
        verdict = await verify(Contribution("team/work", 2), max_pages=2)
        assert verdict.evidence[0].occurred_at.day == 2
        world.commit("team/work", 7, "2026-04-01T10:00:00Z")
        verdict = await verify(Contribution("team/work", 3), max_pages=1)
        assert isinstance(verdict, Verified)
        assert [arguments.get("author") for tool, arguments in verify.calls if tool == "list_commits"] == ["ann", None, "anna"]

    async def test_a_new_name_beyond_what_is_read_is_undecided(self, verify, world, long_list):
        world.rename(7, "anna")
        assert isinstance(await verify(Contribution("team/work"), max_pages=1), Undecided)

    async def test_a_server_without_a_search_for_people_reads_everybody_s_list(self, verify, world, long_list):
        world.rename(7, "anna")
        assert isinstance(await verify(Contribution("team/work", 2), lacks=("search_users",)), Verified)
        nobody = Account("github", "cem", str(world.person("cem", 10)))
        assert isinstance(await verify(Contribution("team/work"), nobody, lacks=("search_users",)), NotVerified)
        assert isinstance(await verify(Contribution("team/work"), nobody, lacks=("search_users",), max_pages=1), Undecided)

    async def test_rows_of_nobody_are_no_hindrance(self, verify, world):
        world.commit("team/work", None, T1)
        world.commit("team/work", 7, T2)
        world.rename(7, "anna")
        assert isinstance(await verify(Contribution("team/work")), Verified)
