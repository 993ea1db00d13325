"""The source over its own server, as the engine runs both: verdicts, past work, and proofs of an account."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from msgspec.structs import replace
from skillcore.plugin import (
    Account,
    Identity,
    InvalidRequirement,
    IssuedChallenge,
    NotFound,
    NotProved,
    NotVerified,
    Tools,
    Verified,
)
from skillcore.testing import tools_for

from skillcore_practice import Settings, notes, skillcore_plugin, skillcore_verification_sources
from skillcore_practice.source import Exercises, Solved

ALL = Account("practice", "practice-1")
EVERY_SECOND = Account("practice", "practice-2".upper())
EVERY_THIRD = Account("practice", "practice-3")
NONE = Account("practice", "practice-4")
SOURCE = Exercises()


served = pytest.mark.asyncio(loop_scope="module")
"""For tests that share one server: starting it takes longer than all of them."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tools(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tools]:
    """The tools over a server with notes of its own."""
    directory = str(tmp_path_factory.mktemp("notes"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PRACTICE_NOTES", directory)
        async with tools_for(SOURCE, replace(SOURCE.server.settings, env={"PRACTICE_NOTES": directory})) as tools:
            yield tools


def test_the_source_is_off_unless_switched_on() -> None:
    assert skillcore_plugin().settings is Settings
    assert list(skillcore_verification_sources(Settings())) == []
    (offered,) = skillcore_verification_sources(Settings(enabled=True))
    assert offered.name == "practice"


@served
async def test_solved_exercises_verify(tools: Tools) -> None:
    cases = [
        (ALL, Solved("python-loops-2"), 4.0),
        (EVERY_SECOND, Solved("python-variables-2"), 2.0),
        (EVERY_THIRD, Solved("sql-joins-3"), 5.0),
        (ALL, Solved("sql-windows-3", min_difficulty=9), 9.0),
        (ALL, Solved("python-loops-2", after=datetime(2026, 1, 9, 8, tzinfo=UTC)), 4.0),
    ]
    for account, requirement, difficulty in cases:
        verdict = await SOURCE.verify(tools, account, requirement)
        assert isinstance(verdict, Verified), (account, requirement)
        assert [(one.work, one.difficulty) for one in verdict.evidence] == [(requirement.exercise, difficulty)]


@served
async def test_what_is_not_there_does_not(tools: Tools) -> None:
    cases = [
        (EVERY_SECOND, Solved("python-variables-1"), "12 other solved exercises"),
        (NONE, Solved("python-loops-2"), "0 other solved exercises"),
        (ALL, Solved("python-loops-4"), "24 other solved exercises"),
        (ALL, Solved("python-loops-2", min_difficulty=4.5), "solved, but of difficulty 4"),
        (ALL, Solved("python-loops-2", after=datetime(2026, 1, 9, 9, tzinfo=UTC)), "solved at 2026-01-09T09:00:00+00:00"),
    ]
    for account, requirement, found in cases:
        verdict = await SOURCE.verify(tools, account, requirement)
        assert isinstance(verdict, NotVerified), (account, requirement)
        assert (verdict.looked_for.split(" ")[1], verdict.found) == (requirement.exercise, found)


@served
async def test_evidence_says_what_was_done_and_that_it_is_made_up(tools: Tools) -> None:
    verdict = await SOURCE.verify(tools, ALL, Solved("python-loops-2"))
    assert isinstance(verdict, Verified)
    (evidence,) = verdict.evidence
    assert evidence.occurred_at == datetime(2026, 1, 9, 9, tzinfo=UTC)
    assert (evidence.topics, evidence.strength, evidence.metadata) == (("python", "loops"), "judged", {"practice": True})


@served
async def test_a_missing_account_is_not_the_same_as_missing_work(tools: Tools) -> None:
    with pytest.raises(NotFound, match="practice-1 is one"):
        await SOURCE.verify(tools, Account("practice", "nobody"), Solved("python-loops-2"))


@served
async def test_past_work_comes_in_pages_and_goes_on_after_any_of_them(tools: Tools) -> None:
    """24 exercises: pages of 10, 10 and 4, and nothing new after the last one."""
    pages = [page async for page in SOURCE.history(tools, ALL, None)]
    works = [evidence.work for page in pages for evidence in page.evidence]
    assert [(len(page.evidence), page.done, page.total) for page in pages] == [(10, 10, 24), (10, 20, 24), (4, 24, 24)]
    assert (works[0], works[-1], len(set(works))) == ("python-variables-1", "sql-windows-3", 24)
    for number, page in enumerate(pages, start=1):
        assert [later async for later in SOURCE.history(tools, ALL, page.cursor)] == pages[number:]


@served
async def test_figures_of_a_profile(tools: Tools) -> None:
    assert await SOURCE.get_user_stats(tools, EVERY_THIRD) == {"problems_solved": 8, "hardest": 9}
    assert await SOURCE.get_user_stats(tools, NONE) == {"problems_solved": 0, "hardest": 0}
    assert await SOURCE.health_check(tools) is None


def issued(account: Account, number: int, *, ago: timedelta = timedelta(seconds=1)) -> IssuedChallenge:
    """Return a challenge as the engine hands it back, given some time ago for half an hour."""
    challenge, began = SOURCE.challenge(account, number), datetime.now(UTC) - ago
    expires = began + timedelta(minutes=30)
    return IssuedChallenge(key=challenge.key, data=challenge.data, issued_at=began, expires_at=expires)


@served
async def test_the_note_that_was_asked_for_proves_an_account_and_no_other(tools: Tools) -> None:
    challenge = issued(EVERY_SECOND, 7)
    assert isinstance(await SOURCE.check_challenge(tools, EVERY_SECOND, challenge), NotProved)
    note = notes.write("practice-2", challenge.data["word"])
    notes.write("practice-2", "another")
    identity = await SOURCE.check_challenge(tools, EVERY_SECOND, challenge)
    assert identity == Identity(handle="practice-2", mark=note.written_at)
    assert isinstance(await SOURCE.check_challenge(tools, EVERY_SECOND, issued(EVERY_SECOND, 8)), NotProved)
    assert isinstance(await SOURCE.check_challenge(tools, ALL, challenge), NotProved)


@served
async def test_a_note_from_before_or_after_the_challenge_proves_nothing(tools: Tools) -> None:
    for ago in (timedelta(hours=1), timedelta(hours=-1)):
        challenge = issued(ALL, 9, ago=ago)
        notes.write("practice-1", challenge.key)
        assert isinstance(await SOURCE.check_challenge(tools, ALL, challenge), NotProved), ago


@pytest.mark.parametrize("handle", ["practice-1", " Ada-2 ", "ADA"])
def test_handles_are_lowered(handle: str) -> None:
    assert SOURCE.normalise(handle) == handle.strip().lower()


@pytest.mark.parametrize("handle", ["", "practice 1", "-1", "a" * 41, "a/b", "a\nb"])
def test_other_handles_are_refused(handle: str) -> None:
    with pytest.raises(InvalidRequirement) as refusal:
        SOURCE.normalise(handle)
    assert refusal.value.field == "handle"
