"""The source over the dojo's own server, against what its katas and students say."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from skillcore.plugin import (
    Account,
    Identity,
    InvalidRequirement,
    IssuedChallenge,
    NotFound,
    NotProved,
    NotVerified,
    Tools,
    Unavailable,
    Verified,
)
from skillcore.testing import tools_for

from skillcore_dojo import Settings, skillcore_plugin, skillcore_verification_sources
from skillcore_dojo.answers import failure
from skillcore_dojo.source import Completed, Dojo

SOURCE = Dojo()
KENJI, MIKA, AOI = (Account("dojo", name) for name in ("kenji", "Mika", "aoi"))
CHANGED = datetime(2026, 3, 1, 12, tzinfo=UTC)


served = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tools() -> AsyncIterator[Tools]:
    async with tools_for(SOURCE) as tools:
        yield tools


@served
async def test_completed_katas_are_evidence_with_their_rank_as_difficulty(tools: Tools) -> None:
    ranks = {"hello-dojo": 1, "snail-walk": 4, "game-of-go": 8, "prime-sieve-stream": 10}
    for kata, difficulty in ranks.items():
        verdict = await SOURCE.verify(tools, KENJI, Completed(kata, min_difficulty=difficulty))
        assert isinstance(verdict, Verified)
        assert [(one.work, one.difficulty) for one in verdict.evidence] == [(kata, difficulty)]
    verdict = await SOURCE.verify(tools, MIKA, Completed("binary-trees"))
    assert isinstance(verdict, Verified)
    (evidence,) = verdict.evidence
    assert evidence.occurred_at == datetime(2026, 1, 6, 8, tzinfo=UTC)
    assert (evidence.topics, evidence.metadata) == (("trees", "recursion"), {"rank": "3 kyu"})


@served
async def test_what_is_missing_is_said(tools: Tools) -> None:
    cases = {
        Completed("hello-dojo"): "3 other katas",
        Completed("binary-trees", min_difficulty=6.5): "completed, but it is of 3 kyu, difficulty 6",
        Completed("binary-trees", after=datetime(2026, 1, 6, 8, tzinfo=UTC)): "completed at 2026-01-06T08:00:00+00:00",
    }
    for requirement, found in cases.items():
        verdict = await SOURCE.verify(tools, MIKA, requirement)
        assert isinstance(verdict, NotVerified)
        assert (verdict.looked_for.split(" ")[2], verdict.found) == (requirement.kata, found)


@served
async def test_past_katas_come_in_pages_from_any_cursor(tools: Tools) -> None:
    pages = [page async for page in SOURCE.history(tools, KENJI, None)]
    assert [(len(page.evidence), page.done, page.total) for page in pages] == [(5, 5, 12), (5, 10, 12), (2, 12, 12)]
    assert len({evidence.work for page in pages for evidence in page.evidence}) == 12
    for number, page in enumerate(pages, start=1):
        assert [later async for later in SOURCE.history(tools, KENJI, page.cursor)] == pages[number:]
    assert [page async for page in SOURCE.history(tools, AOI, None)] == []


@served
async def test_an_account_is_its_number_and_not_its_name(tools: Tools) -> None:
    wanted = Completed("binary-trees")
    with pytest.raises(NotFound, match="no student of this name"):
        await SOURCE.verify(tools, Account("dojo", "nobody"), wanted)
    with pytest.raises(NotFound, match="another student"):
        await SOURCE.verify(tools, Account("dojo", "mika", external_id="1001"), wanted)
    assert isinstance(await SOURCE.verify(tools, Account("dojo", "mika", external_id="1002"), wanted), Verified)


@served
async def test_a_motto_proves_an_account_while_the_challenge_is_open(tools: Tools) -> None:
    key = SOURCE.challenge(KENJI, 7).key
    early, late = CHANGED - timedelta(minutes=1), CHANGED + timedelta(minutes=1)
    identity = await SOURCE.check_challenge(tools, KENJI, IssuedChallenge(key=key, data={}, issued_at=early, expires_at=late))
    assert identity == Identity(handle="kenji", external_id="1001", mark="1001 1772366400")
    for account, word, begin in ((MIKA, key, early), (KENJI, "dojo-8", early), (KENJI, key, late)):
        challenge = IssuedChallenge(key=word, data={}, issued_at=begin, expires_at=late + timedelta(minutes=9))
        assert isinstance(await SOURCE.check_challenge(tools, account, challenge), NotProved)


@served
async def test_figures_of_a_profile(tools: Tools) -> None:
    assert await SOURCE.get_user_stats(tools, MIKA) == {"honour": 30, "problems_solved": 3, "hardest": 10}
    assert await SOURCE.get_user_stats(tools, AOI) == {"honour": 0, "problems_solved": 0, "hardest": 0}


def test_the_words_of_a_failure() -> None:
    closed = failure("The dojo is closed for 30 seconds.")
    assert isinstance(closed, Unavailable)
    assert (closed.limited, closed.retry_after) == (True, 30)
    assert isinstance(failure("There is no student called x in this dojo."), NotFound)
    assert isinstance(failure("<p>There is no student called x in this dojo.</p>"), Unavailable)


@pytest.mark.parametrize("handle", ["", "ab", "a b c", "a" * 17, "émile"])
def test_what_is_no_name_is_refused(handle: str) -> None:
    with pytest.raises(InvalidRequirement) as refusal:
        SOURCE.normalise(handle)
    assert refusal.value.field == "handle"


def test_the_settings_reach_the_source() -> None:
    assert skillcore_plugin().settings is Settings
    (offered,) = skillcore_verification_sources(Settings(page=2))
    assert isinstance(offered, Dojo)
    assert offered.page == 2
