"""The source through the published server, in good weather and bad. The web behind it is the stand-in's recorded one."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from skillcore.plugin import (
    Account,
    Identity,
    IssuedChallenge,
    NotFound,
    NotProved,
    NotVerified,
    Unavailable,
    Undecided,
    Verified,
)
from skillcore.testing import tools_for
from skillcore.testing.tools import ONE_BY_ONE
from skillcore_leetcode import LeetCode, Requirement, Settings

pytestmark = pytest.mark.npm

SOURCE = LeetCode(Settings().server)
SHORT = msgspec.structs.replace(ONE_BY_ONE, call_timeout=2.5)


@pytest.fixture
def server(npm_server):
    """Settings of the published server, the version that the plugin starts by default."""
    settings = npm_server("leetcode")
    assert Settings().server.args[-1] in settings.command.replace("+", "/")
    return settings


TWENTY = [
    "two-sum", "add-two-numbers", "longest-substring-without-repeating-characters", "median-of-two-sorted-arrays",
    "longest-palindromic-substring", "zigzag-conversion", "reverse-integer", "string-to-integer-atoi", "palindrome-number",
    "regular-expression-matching", "container-with-most-water", "integer-to-roman", "roman-to-integer", "3sum",
    "longest-common-prefix", "3sum-closest", "4sum", "valid-parentheses", "merge-two-sorted-lists", "generate-parentheses",
]  # fmt: skip

LISTS = {
    "ann": ["two-sum", "3sum", "median-of-two-sorted-arrays"],
    "ben": [],
    "cem": TWENTY,
    "dee": TWENTY[:19],
}
# Who, what is asked, the verdict, and the difficulty of the problem on the common scale (Easy 3, Medium 5, Hard 8).
CASES = [
    ("ann", {"problem_slug": "two-sum"}, Verified, 3),
    ("ann", {"problem_slug": "3sum", "min_difficulty": "medium"}, Verified, 5),
    ("ann", {"problem_slug": "median-of-two-sorted-arrays"}, Verified, 8),
    ("ann", {"problem_slug": "two-sum", "min_difficulty": "hard"}, NotVerified, None),
    ("ann", {"problem_slug": "powx-n"}, NotVerified, None),
    ("ben", {"problem_slug": "two-sum"}, NotVerified, None),
    ("cem", {"problem_slug": "powx-n"}, Undecided, None),
    ("cem", {"problem_slug": "generate-parentheses"}, Verified, 5),
    ("dee", {"problem_slug": "generate-parentheses"}, NotVerified, None),
    ("nobody_has_this", {"problem_slug": "two-sum"}, NotFound, None),
]


async def test_ten_of_ten_cases_are_right(server, upstream):
    for username, slugs in LISTS.items():
        rows = [{"titleSlug": slug, "timestamp": str(1_700_000_000 - place)} for place, slug in enumerate(slugs)]
        upstream.control("leetcode/profile", {"username": username})
        upstream.control("leetcode/recent-ac", {"username": username, "submissions": rows})
    async with tools_for(SOURCE, settings=server) as tools:
        for username, asked, kind, difficulty in CASES:
            try:
                verdict = await SOURCE.verify(tools, Account("leetcode", username), msgspec.convert(asked, Requirement))
            except NotFound as error:
                verdict = error
            assert isinstance(verdict, kind), (username, asked, verdict)
            if isinstance(verdict, Verified):
                (evidence,) = verdict.evidence
                place = LISTS[username].index(asked["problem_slug"])
                assert (evidence.work, evidence.difficulty) == (asked["problem_slug"], difficulty)
                assert evidence.occurred_at == datetime.fromtimestamp(1_700_000_000 - place, UTC)


async def test_recorded_accounts_of_both_sites(server):
    """`recentAc.uwi` and `recentAc.leetcode-cn`, whose times are numbers."""
    async with tools_for(SOURCE, settings=server) as tools:
        for username, slug, at in (
            ("uwi", "find-the-k-sum-of-an-array", 1_661_050_111),
            ("leetcode-cn", "ransom-note", 1_651_309_989),
        ):
            verdict = await SOURCE.verify(tools, Account("leetcode", username), Requirement(problem_slug=slug))
            assert verdict.evidence[0].occurred_at == datetime.fromtimestamp(at, UTC)
            assert verdict.evidence[0].topics


@pytest.mark.parametrize("mode", ["500", "429", "403", "hang", "drop", "html", "garbage", "empty"])
async def test_a_fault_makes_no_verdict_and_leaves_no_trace(server, upstream, mode):
    solved, unsolved = (
        Requirement(problem_slug="amount-of-time-for-binary-tree-to-be-infected"),
        Requirement(problem_slug="3sum"),
    )
    uwi = Account("leetcode", "uwi")
    async with tools_for(SOURCE, settings=server, resilience=SHORT) as tools:
        upstream.faults.set("leetcode", mode)
        for requirement in (solved, unsolved):
            with pytest.raises(Unavailable) as refusal:
                await SOURCE.verify(tools, uwi, requirement)
            assert refusal.value.limited == (mode == "429")
            # A body cut short hangs this server just as silence does: its process is replaced.
            assert refusal.value.hung == (mode in {"hang", "drop"})
        upstream.faults.lift()
        assert isinstance(await SOURCE.verify(tools, uwi, solved), Verified)
        assert isinstance(await SOURCE.verify(tools, uwi, unsolved), NotVerified)


async def test_errors_of_graphql_make_no_verdict(server, upstream):
    body = '{"errors": [{"message": "Something went wrong"}], "data": {"recentAcSubmissionList": null, "matchedUser": null}}'
    async with tools_for(SOURCE, settings=server, resilience=SHORT) as tools:
        upstream.faults.set("leetcode", "answer", body=body)
        with pytest.raises(Unavailable):
            await SOURCE.verify(tools, Account("leetcode", "uwi"), Requirement(problem_slug="3sum"))
        upstream.faults.lift()
        upstream.faults.set("leetcode", "answer", body=body, contains="matchedUser")
        with pytest.raises(Unavailable):
            await SOURCE.verify(tools, Account("leetcode", "nobody_has_this"), Requirement(problem_slug="3sum"))


async def test_a_process_with_two_hanging_calls_is_replaced_while_the_hang_lasts(server, upstream):
    """Two hanging requests block the whole process, calls that would not hang included (`observed.md`, across calls)."""
    async with tools_for(SOURCE, settings=server, resilience=SHORT) as tools:
        upstream.faults.set("leetcode", "hang", contains="wigiwee")
        hanging = (SOURCE.verify(tools, Account("leetcode", "wigiwee"), Requirement(problem_slug="3sum")) for _ in range(2))
        errors = await asyncio.gather(*hanging, return_exceptions=True)
        assert [type(error) for error in errors] == [Unavailable, Unavailable]
        verdict = await SOURCE.verify(tools, Account("leetcode", "uwi"), Requirement(problem_slug="find-the-k-sum-of-an-array"))
        assert isinstance(verdict, Verified)


# Every text that a person can write into a profile, as the site's GraphQL names it.
WRITTEN = {
    "realName": "Ann",
    "aboutMe": "About",
    "school": "School",
    "company": "Company",
    "countryName": "Country",
    "websites": ["https://ann.example"],
    "skillTags": ["skill"],
}


async def test_of_a_profile_s_texts_the_server_passes_on_name_school_company_and_country(server, upstream):
    """Why the word of a challenge goes into one of the first three: the summary, websites and skills are left out."""
    upstream.control("leetcode/profile", {"username": "ann"} | WRITTEN)
    async with tools_for(SOURCE, settings=server) as tools:
        answer = json.loads(await tools.read("get_user_profile", {"username": "ann"}, str))
    shown = {key for key, text in WRITTEN.items() if answer["profile"].get(key) == text}
    assert shown == {"realName", "school", "company", "countryName"}
    assert "About" not in json.dumps(answer)


async def test_the_server_would_also_show_what_does_not_compile(server, upstream):
    """The second-best proof, which is not used: rows of every outcome, with times and without ids."""
    upstream.control("leetcode/recent-ac", {"username": "ann", "submissions": [FAILED]})
    async with tools_for(SOURCE, settings=server) as tools:
        answer = json.loads(await tools.read("get_recent_submissions", {"username": "ann", "limit": 20}, str))
    (row,) = answer["submissions"]
    assert {key: row[key] for key in FAILED} == FAILED
    assert "id" not in row


FAILED = {"titleSlug": "two-sum", "timestamp": "1700000000", "statusDisplay": "Compile Error"}


@pytest.mark.parametrize("field", ["realName", "school", "company"])
async def test_a_word_in_the_profile_proves_an_account(server, upstream, field):
    ann = Account("leetcode", "Ann")
    word, other = (SOURCE.challenge(ann, number).key for number in (2**40, 2**41))
    begun = datetime.now(UTC)
    issued, another = (
        IssuedChallenge(key=key, data={}, issued_at=begun, expires_at=begun + timedelta(minutes=30)) for key in (word, other)
    )
    async with tools_for(SOURCE, settings=server) as tools:
        upstream.control("leetcode/profile", {"username": "Ann", "realName": "Ann", "aboutMe": word})
        assert isinstance(await SOURCE.check_challenge(tools, ann, issued), NotProved)
        upstream.control("leetcode/profile", {"username": "Ann", field: f"Ann {word}"})
        assert await SOURCE.check_challenge(tools, ann, issued) == Identity(handle="Ann", mark=word)
        assert isinstance(await SOURCE.check_challenge(tools, ann, another), NotProved)
        with pytest.raises(NotFound):
            await SOURCE.check_challenge(tools, Account("leetcode", "nobody_has_this"), issued)
        upstream.faults.set("leetcode", "500")
        with pytest.raises(Unavailable):
            await SOURCE.check_challenge(tools, ann, issued)


async def test_history_is_read_once_and_goes_on_with_what_is_new(server, upstream):
    """Twenty of the 4029 recorded problems, with the difficulties that the recording gives them."""
    rows = [{"titleSlug": slug, "timestamp": str(1_700_000_000 + place)} for place, slug in enumerate(TWENTY)]
    upstream.control("leetcode/recent-ac", {"username": "fay", "submissions": rows})
    fay = Account("leetcode", "fay")
    async with tools_for(SOURCE, settings=server) as tools:
        pages = [page async for page in SOURCE.history(tools, fay, None)]
        evidence = [item for page in pages for item in page.evidence]
        assert [item.work for item in evidence] == TWENTY
        assert {item.work: item.difficulty for item in evidence if item.work in DIFFICULT} == DIFFICULT
        assert all(item.topics for item in evidence)
        assert [bool(page.gap) for page in pages] == [True, False, False, False]
        assert [page async for page in SOURCE.history(tools, fay, pages[-1].cursor)] == []
        upstream.control("leetcode/recent-ac", {"username": "fay", "submissions": [{"titleSlug": "powx-n"}]})
        (page,) = [page async for page in SOURCE.history(tools, fay, pages[-1].cursor)]
        assert ([item.work for item in page.evidence], page.gap) == (["powx-n"], "")
        with pytest.raises(NotFound):
            _ = [page async for page in SOURCE.history(tools, Account("leetcode", "nobody_has_this"), None)]


DIFFICULT = {"two-sum": 3, "3sum": 5, "median-of-two-sorted-arrays": 8, "regular-expression-matching": 8, "4sum": 5}


async def test_figures_of_a_recorded_profile_and_health(server):
    async with tools_for(SOURCE, settings=server) as tools:
        assert await SOURCE.get_user_stats(tools, Account("leetcode", "wigiwee")) == {"ranking": 4489756.0}
        assert await SOURCE.health_check(tools) is None
