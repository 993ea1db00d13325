"""The source through the published server, in good weather and bad. The web behind it is the stand-in's recorded one."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from skillcore.plugin import Account, NotFound, NotVerified, Unavailable, Undecided, Verified
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
