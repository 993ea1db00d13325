"""Proof by a word in the public profile: what is asked, what meets it, and what doesn't."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from skillcore.plugin import (
    Account,
    ChallengeProof,
    Identity,
    InvalidRequirement,
    IssuedChallenge,
    NotFound,
    NotProved,
    Unavailable,
)
from skillcore.testing import Recital, ToolFault, accidents
from skillcore_leetcode import LeetCode, Settings, skillcore_plugin, skillcore_verification_sources

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
SOURCE = LeetCode(Settings().server, now=lambda: AT + timedelta(minutes=10))
ANN = Account("leetcode", "ann")
WORD = SOURCE.challenge(ANN, 7).key


def issued(key=WORD):
    return IssuedChallenge(key=key, data={}, issued_at=AT, expires_at=AT + timedelta(minutes=30))


def profile(**fields):
    """The answer in the shape of the recorded one, with these fields filled."""
    empty = {"realName": None, "userAvatar": None, "countryName": None, "githubUrl": None, "company": None, "school": None}
    return json.dumps({"username": "ann", "profile": {"username": "Ann"} | empty | {"ranking": 5} | fields})


UNKNOWN = json.dumps(
    {
        "username": "ann",
        "profile": {
            "allQuestionsCount": [{"difficulty": "All", "count": 4029}],
            "matchedUser": None,
            "recentSubmissionList": [],
        },
    }
)


async def judged(text, challenge=None):
    return await SOURCE.check_challenge(Recital(lambda tool, arguments: text), ANN, challenge or issued())


def test_the_settings_say_how_long_a_challenge_stays_open():
    assert SOURCE.proofs == (ChallengeProof(minutes=30),)
    settings = skillcore_plugin().settings(challenge_minutes=5)
    (source,) = skillcore_verification_sources(settings)
    assert source.proofs == (ChallengeProof(minutes=5),)
    assert source.challenge(ANN, 1).data["minutes"] == "5"
    assert source.challenge(ANN, 1).instructions.startswith("Within 5 minutes, ")


@pytest.mark.parametrize(
    ("number", "word"),
    [(0, "sc-0000000000000"), (1, "sc-0000000000001"), (33, "sc-0000000000011"), (2**64 - 1, "sc-fzzzzzzzzzzzz")],
)
def test_a_number_makes_a_word_of_its_own(number, word):
    """Sixty-four bits in digits of five: 33 is 1·32 + 1, and of the highest digit four bits are left."""
    challenge = SOURCE.challenge(ANN, number)
    assert (challenge.key, challenge.data["word"]) == (word, word)
    assert word in challenge.instructions
    assert "ann" in challenge.instructions


def test_different_numbers_make_different_words():
    numbers = [*range(2000), *(2**place for place in range(11, 64)), 2**64 - 1]
    assert len({SOURCE.challenge(ANN, number).key for number in numbers}) == len(numbers)


def test_nothing_is_asked_of_a_name_that_cannot_be():
    with pytest.raises(InvalidRequirement):
        SOURCE.challenge(Account("leetcode", "ann bob"), 1)


@pytest.mark.parametrize("field", ["realName", "school", "company"])
@pytest.mark.parametrize("form", ["{}", "Ann ({})", "  {} "])
async def test_the_word_in_a_field_of_the_profile_proves_the_account(field, form):
    identity = await judged(profile(**{field: form.format(WORD)}))
    assert identity == Identity(handle="Ann", mark=WORD)
    assert await judged(profile(**{field: form.format(WORD.upper())})) == identity


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"realName": ""},
        {"realName": "Ann"},
        {"realName": WORD[:-1]},
        {"realName": "sc-"},
        {"githubUrl": WORD},
        {"countryName": WORD},
    ],
)
async def test_anything_else_does_not(fields):
    verdict = await judged(profile(**fields))
    assert isinstance(verdict, NotProved)
    assert WORD in verdict.looked_for
    assert "no school" in verdict.found


async def test_another_challenges_word_does_not():
    other = SOURCE.challenge(ANN, 8).key
    assert isinstance(await judged(profile(realName=WORD), issued(other)), NotProved)


@pytest.mark.parametrize(
    ("minutes", "kind"), [(-20, NotProved), (-0.5, Identity), (0, Identity), (29, Identity), (30.5, Identity), (32, NotProved)]
)
async def test_the_word_counts_while_the_challenge_is_open(minutes, kind):
    """Half a minute is what two clocks may differ by."""
    source = LeetCode(Settings().server, now=lambda: AT + timedelta(minutes=minutes))
    verdict = await source.check_challenge(Recital(lambda tool, arguments: profile(realName=WORD)), ANN, issued())
    assert type(verdict) is kind
    if kind is NotProved:
        assert "2026-05-01T12:30:00" in verdict.looked_for


async def test_an_unknown_user_proves_nothing():
    with pytest.raises(NotFound, match="ann"):
        await judged(UNKNOWN)


async def test_no_damage_to_a_profile_proves_an_account():
    """The profile of somebody who never wrote the word."""
    texts = list(accidents(profile(realName="Ann", school="School of Life")))
    assert len(texts) > 50
    for text in texts:
        with suppress(NotFound, Unavailable):
            assert isinstance(await judged(text), NotProved), text


async def test_another_users_profile_is_no_answer():
    text = profile(realName=WORD).replace('"Ann"', '"Bob"')
    with pytest.raises(Unavailable):
        await judged(text)


def figures_of(text, standing=None, **more):
    """Serve a profile, and a record in contests."""
    record = {"userContestRanking": standing, "userContestRankingHistory": []} | more
    contests = json.dumps({"username": "ann", "contestRanking": record})
    tools = Recital(lambda tool, arguments: contests if tool == "get_user_contest_ranking" else text)
    return SOURCE.get_user_stats(tools, ANN)


async def test_figures_are_those_of_the_profile():
    """Rank and rows as the site writes them; what it leaves out is left out."""
    tried = [
        {"difficulty": "All", "count": 19, "submissions": 38},
        {"difficulty": "Easy", "count": 9, "submissions": 25},
        {"difficulty": "Medium", "count": 9, "submissions": 11},
        {"difficulty": "Hard", "count": 1, "submissions": 2},
    ]
    text = profile(ranking=4489756, totalSubmissionNum=tried)
    assert await figures_of(text, {"attendedContestsCount": 3, "rating": 1612.25, "globalRanking": 90_000}) == {
        "contest_rating": 1612.25,
        "ranking": 4489756.0,
        "submissions": 38.0,
        "problems_tried": 19.0,
        "problems_tried_easy": 9.0,
        "problems_tried_medium": 9.0,
        "problems_tried_hard": 1.0,
    }
    bare = profile(ranking=None, totalSubmissionNum=None)
    assert await figures_of(bare) == {}
    for wrong in ({}, {"rating": None}, {"rating": "1612"}, {"rating": -1}, []):
        with pytest.raises(Unavailable):
            await figures_of(bare, wrong)
    with pytest.raises(Unavailable):
        await SOURCE.get_user_stats(Recital(lambda tool, arguments: bare), ANN)  # a profile where contests were asked for
    with pytest.raises(NotFound):
        await SOURCE.get_user_stats(Recital(lambda tool, arguments: UNKNOWN), ANN)


async def test_a_rating_of_nothing_is_a_rating():
    bare = profile(ranking=None, totalSubmissionNum=None)
    assert await figures_of(bare, {"rating": 0}) == {"contest_rating": 0.0}


async def test_health_is_one_call():
    problem = {"titleSlug": "two-sum", "title": "Two Sum", "difficulty": "Easy", "topicTags": []}
    good = Recital(lambda tool, arguments: json.dumps({"titleSlug": "two-sum", "problem": problem}))
    assert await SOURCE.health_check(good) is None
    assert good.calls == [("get_problem", {"titleSlug": "two-sum"})]
    assert "two-sum" in await SOURCE.health_check(Recital(lambda tool, arguments: ToolFault("Problem two-sum not found")))
    with pytest.raises(Unavailable):
        await SOURCE.health_check(Recital(lambda tool, arguments: ToolFault("HTTP 500: no")))
