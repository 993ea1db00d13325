"""Sources that break the contract in one way each, and the test of the suite that catches it, in words that help."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import time
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
import pytest
from msgspec import Struct

from skillcore.plugin import (
    Challenge,
    Evidence,
    Identity,
    InvalidRequirement,
    MCPServer,
    NotFound,
    NotProved,
    NotVerified,
    Page,
    SourceError,
    Tool,
    Unavailable,
    Verified,
)
from skillcore.testing import Nonconformance, Sample, SourceSuite
from tests.testing.gym import FIRST, Gym, GymSuite, Listing, Moment, Note, Row, Solved, failure


class VerifiesEverybody(Gym):
    async def verify(self, tools, account, requirement):
        await self.rows(tools, account)
        return Verified((Evidence(work=requirement.exercise, occurred_at=FIRST, strength="judged"),))


class VerifiesNobody(Gym):
    async def verify(self, tools, account, requirement):
        return NotVerified(looked_for=requirement.exercise, found=f"{len(await self.rows(tools, account))} others")


class KnowsEverybody(Gym):
    async def verify(self, tools, account, requirement):
        try:
            return await super().verify(tools, account, requirement)
        except NotFound:
            return NotVerified(looked_for=requirement.exercise, found="nothing")


class ReadsWhatItFinds(Gym):
    """Takes the beginning of a cut answer, and rows of any type."""

    async def listing(self, tools, handle, page):
        def parse(text):
            rows = [found for found in text.split('{"id"')[1:] if '"at": "' in found and '"exercise": "' in found]
            if not rows:
                return json.loads(text) and Listing((), False)
            return Listing(tuple(self.row(found) for found in rows), '"more": true' in text)

        return await tools.read("solved", {"handle": handle, "page": page}, parse, failure=failure)

    def row(self, found):
        exercise = found.partition('"exercise": "')[2].partition('"')[0]
        moment = found.partition('"at": "')[2].partition('"')[0]
        return Row(0, exercise, datetime.fromisoformat(moment or FIRST.isoformat()))


class LooseRow(Struct, frozen=True):
    exercise: str = ""
    at: datetime = FIRST


class LooseListing(Struct, frozen=True):
    rows: tuple[LooseRow, ...] = ()
    more: bool = False


class GoesByNamesAlone(Gym):
    """Knows accounts by their ids, and does not look whose work it is."""

    samples = {"met": (Sample("ann", Solved("loops-1"), external_id="1"),)}  # noqa: RUF012 - nobody changes it


class TakesDefaultsForAnswers(Gym):
    async def listing(self, tools, handle, page):
        return await tools.call("solved", {"handle": handle, "page": page}, LooseListing, failure=failure)


class RaisesKeyError(Gym):
    async def listing(self, tools, handle, page):
        answer = await tools.call("solved", {"handle": handle, "page": page}, dict, failure=failure)
        return msgspec.convert({"rows": answer["rows"], "more": answer["more"]}, Listing)


class ReadsFailuresAsNothing(Gym):
    async def rows(self, tools, account):
        try:
            return await super().rows(tools, account)
        except NotFound:
            raise
        except SourceError:
            return []


class TakesNoAnswerForWork(Gym):
    async def verify(self, tools, account, requirement):
        try:
            return await super().verify(tools, account, requirement)
        except NotFound:
            raise
        except SourceError:
            return Verified((Evidence(work=requirement.exercise, occurred_at=FIRST, strength="asserted"),))


class ForgetsRateLimits(Gym):
    async def verify(self, tools, account, requirement):
        try:
            return await super().verify(tools, account, requirement)
        except Unavailable as error:
            raise Unavailable(f"the gym is closed: {error}") from error


class ForgetsRefusals(Gym):
    async def verify(self, tools, account, requirement):
        try:
            return await super().verify(tools, account, requirement)
        except NotFound:
            raise
        except SourceError as error:
            raise Unavailable(str(error)) from error


class ExitsOnFailure(Gym):
    async def verify(self, tools, account, requirement):
        try:
            return await super().verify(tools, account, requirement)
        except Unavailable as error:
            raise SystemExit(3) from error


class SwallowsCancellation(Gym):
    async def listing(self, tools, handle, page):
        with contextlib.suppress(asyncio.CancelledError):
            return await super().listing(tools, handle, page)
        return Listing((), False)


class RefusesToEnd(Gym):
    async def listing(self, tools, handle, page):
        ended = 0
        while ended < 3:
            with contextlib.suppress(asyncio.CancelledError):
                return await super().listing(tools, handle, page)
            ended += 1
        raise Unavailable("ended at last")


class WaitsForEver(Gym):
    async def listing(self, tools, handle, page):
        try:
            return await super().listing(tools, handle, page)
        except Unavailable:
            await asyncio.Event().wait()


class WaitsForEverInItsHealth(Gym):
    async def health_check(self, tools):
        await asyncio.Event().wait()


class CallsItselfHealthy(Gym):
    async def health_check(self, tools):
        with contextlib.suppress(SourceError):
            await super().health_check(tools)


class SaysNumbersOfItsHealth(Gym):
    async def health_check(self, tools):
        return 200


class LeavesTasks(Gym):
    async def verify(self, tools, account, requirement):
        self_help = asyncio.ensure_future(asyncio.Event().wait())
        assert not self_help.done()
        return await super().verify(tools, account, requirement)


class BlocksTheLoop(Gym):
    async def verify(self, tools, account, requirement):
        time.sleep(1.2)  # noqa: ASYNC251 - the mistake under test
        return await super().verify(tools, account, requirement)


class CallsWhatItDidNotDeclare(Gym):
    server = MCPServer(tools=(Tool("solved", ("handle",)), Tool("note", ("handle",))), settings=Gym.server.settings)


class CountsItsUsers(Gym):
    def __init__(self):
        self.seen = set()

    async def verify(self, tools, account, requirement):
        self.seen.add(account.handle)
        return await super().verify(tools, account, requirement)


class CountsInItsClass(Gym):
    asked = 0

    async def verify(self, tools, account, requirement):
        type(self).asked += 1
        return await super().verify(tools, account, requirement)


_answers: dict[str, Any] = {}


class CountsInItsModule(Gym):
    async def listing(self, tools, handle, page):
        _answers[handle] = listing = await super().listing(tools, handle, page)
        return listing


class KeepsAnswers(Gym):
    def __init__(self):
        self.kept = {}

    async def rows(self, tools, account):
        if account.handle not in self.kept:
            self.kept[account.handle] = await super().rows(tools, account)
        return self.kept[account.handle]


class KeepsTheAccount(Gym):
    """Shares an attribute between verifications: right, as long as they come one after the other."""

    async def rows(self, tools, account):
        self.account, rows = account, []
        more, page = True, 0
        while more:
            page += 1
            listing = await self.listing(tools, self.normalise(self.account.handle), page)
            rows, more = rows + list(listing.rows), listing.more
        return rows


class WaitsForOthers(Gym):
    def __init__(self):
        self.turn = asyncio.Lock()

    async def verify(self, tools, account, requirement):
        async with self.turn:
            return await super().verify(tools, account, requirement)


class ReadsForEver(Gym):
    async def rows(self, tools, account):
        rows, more, page = [], True, 0
        while more:
            page += 1
            listing = await self.listing(tools, self.normalise(account.handle), page)
            rows, more = rows + list(listing.rows), listing.more
        return rows


class TellsForEver(Gym):
    async def history(self, tools, account, after):
        for page in itertools.count(1):
            listing = await self.listing(tools, account.handle, page)
            yield Page(evidence=(), cursor=str(page))
            if not listing.more:
                return


class LosesTimeZones(Gym):
    def evidence(self, row):
        return Evidence(work=row.exercise, occurred_at=row.at.replace(tzinfo=None), strength="judged")


class NamesTooMuch(Gym):
    def evidence(self, row):
        return Evidence(work=row.exercise * 50, occurred_at=row.at, strength="judged")


class NamesWorkWithNulls(Gym):
    def evidence(self, row):
        return Evidence(work=f"{row.exercise}\0", occurred_at=row.at, strength="judged")


class NamesTopicsWithNulls(Gym):
    def evidence(self, row):
        return Evidence(work=row.exercise, occurred_at=row.at, strength="judged", topics=("loops", "li\0sts"))


class MistakesMilliseconds(Gym):
    def evidence(self, row):
        return Evidence(work=row.exercise, occurred_at=row.at.replace(year=row.at.year + 1000), strength="judged")


class GuessesDifficulties(Gym):
    def evidence(self, row):
        return Evidence(work=row.exercise, occurred_at=row.at, strength="judged", difficulty=11)


class NamesWorkTwice(Gym):
    async def history(self, tools, account, after):
        rows = await self.rows(tools, account)
        for place in range(int(after or 0), len(rows)):
            yield Page(evidence=(self.evidence(rows[place]),), cursor=str(place + 1))


class LosesWorkOnResume(Gym):
    async def history(self, tools, account, after):
        skipped = None if after is None else str(int(after) + 1)
        async for page in super().history(tools, account, skipped):
            yield page


class BeginsAgainOnResume(Gym):
    async def history(self, tools, account, after):
        async for page in super().history(tools, account, None):
            yield page


class RedatesOnResume(Gym):
    async def history(self, tools, account, after):
        if after is not None:
            first = self.evidence((await self.rows(tools, account))[0])
            earlier = msgspec.structs.replace(first, occurred_at=first.occurred_at - timedelta(days=1))
            yield Page(evidence=(earlier,), cursor=after)
        async for page in super().history(tools, account, after):
            yield page


class TellsTheLastPageAgain(Gym):
    async def history(self, tools, account, after):
        behind = None if after is None else str(max(0, int(after) - 1))
        async for page in super().history(tools, account, behind):
            yield page


class WritesLongCursors(Gym):
    async def history(self, tools, account, after):
        async for page in super().history(tools, account, None if after is None else after.rstrip()):
            yield msgspec.structs.replace(page, cursor=page.cursor + " " * 2000)


class WritesNullsInCursors(Gym):
    async def history(self, tools, account, after):
        async for page in super().history(tools, account, None if after is None else after.rstrip("\0")):
            yield msgspec.structs.replace(page, cursor=page.cursor + "\0")


class MiscountsHistory(Gym):
    async def history(self, tools, account, after):
        async for page in super().history(tools, account, after):
            yield msgspec.structs.replace(page, total=1)


class ReturnsAList(Gym):
    def history(self, tools, account, after):
        return [Page(evidence=(), cursor="1")]


class ForgetsToYield(Gym):
    async def history(self, tools, account, after):
        return [Page(evidence=(), cursor="1")]


class TellsWhatItGets(Gym):
    """Ends its history where an answer is missing, as if it were told."""

    async def history(self, tools, account, after):
        with contextlib.suppress(Unavailable):
            async for page in super().history(tools, account, after):
                yield page


class CrashesOnJunk(Gym):
    def normalise(self, handle):
        return handle.strip().lower().encode("ascii").decode()


class ChangesItsMind(Gym):
    def normalise(self, handle):
        return f"@{handle.strip().lower()}" if handle.strip() else super().normalise(handle)


class NamesNoField(Gym):
    def normalise(self, handle):
        try:
            return super().normalise(handle)
        except InvalidRequirement as error:
            raise InvalidRequirement(error.message, field="name") from error


class TakesAnyHandle(Gym):
    def normalise(self, handle):
        return handle.strip().lower() or "anonymous"


class RefusesItsOwn(Gym):
    def normalise(self, handle):
        if len(handle.strip()) < 4:
            raise InvalidRequirement("too short", field="handle")
        return super().normalise(handle)


class MakesRandomChallenges(Gym):
    numbers = itertools.count()

    def challenge(self, account, number):
        return super().challenge(account, next(self.numbers))


class MakesOneChallenge(Gym):
    def challenge(self, account, number):
        return super().challenge(account, 7)


class MakesNoChallenge(Gym):
    def challenge(self, account, number):
        return Challenge(key="", instructions="do something")


class ChallengesWithNulls(Gym):
    changes: ClassVar[dict[str, Any]] = {}

    def challenge(self, account, number):
        return msgspec.structs.replace(super().challenge(account, number), **self.changes)


class NamesChallengesWithNulls(ChallengesWithNulls):
    changes: ClassVar[dict[str, Any]] = {"key": "no\0te"}


class InstructsWithNulls(ChallengesWithNulls):
    changes: ClassVar[dict[str, Any]] = {"instructions": "write\0"}


class NamesDataWithNulls(ChallengesWithNulls):
    changes: ClassVar[dict[str, Any]] = {"data": {"\0": "note"}}


class GivesDataWithNulls(ChallengesWithNulls):
    changes: ClassVar[dict[str, Any]] = {"data": {"note": "\0"}}


class ProvesIdentitiesWithNulls(Gym):
    changes: ClassVar[dict[str, Any]] = {}

    async def check_challenge(self, tools, account, challenge):
        found = await super().check_challenge(tools, account, challenge)
        return msgspec.structs.replace(found, **self.changes) if isinstance(found, Identity) else found


class ProvesIdsWithNulls(ProvesIdentitiesWithNulls):
    changes: ClassVar[dict[str, Any]] = {"external_id": "47\0"}


class MarksActsWithNulls(ProvesIdentitiesWithNulls):
    changes: ClassVar[dict[str, Any]] = {"mark": "\0"}


class TakesOldActs(Gym):
    async def check_challenge(self, tools, account, challenge):
        note = await tools.call("note", {"handle": account.handle}, Note, failure=failure)
        if note.text == challenge.key and note.at <= challenge.expires_at:
            return Identity(handle=account.handle)
        return NotProved(looked_for=challenge.key, found=note.text)


class TakesLateActs(Gym):
    async def check_challenge(self, tools, account, challenge):
        note = await tools.call("note", {"handle": account.handle}, Note, failure=failure)
        if note.text == challenge.key and note.at >= challenge.issued_at:
            return Identity(handle=account.handle)
        return NotProved(looked_for=challenge.key, found=note.text)


class TakesAnyAct(Gym):
    async def check_challenge(self, tools, account, challenge):
        note = await tools.call("note", {"handle": account.handle}, Note, failure=failure)
        if challenge.issued_at <= note.at <= challenge.expires_at:
            return Identity(handle=account.handle)
        return NotProved(looked_for=challenge.key, found=note.text)


class ProvesSomebodyElse(Gym):
    async def check_challenge(self, tools, account, challenge):
        found = await super().check_challenge(tools, account, challenge)
        return Identity(handle="bob") if isinstance(found, Identity) else found


class SearchesTheText(Gym):
    async def check_challenge(self, tools, account, challenge):
        text = await tools.read("note", {"handle": account.handle}, str, failure=failure)
        if challenge.key in text and challenge.issued_at <= FIRST <= challenge.expires_at:
            return Identity(handle=account.handle)
        return NotProved(looked_for=challenge.key, found=text)


class CountsToInfinity(Gym):
    async def get_user_stats(self, tools, account):
        return {"solved": math.inf}


class OwesProblems(Gym):
    async def get_user_stats(self, tools, account):
        return {"problems_solved": -1}


class SolvesHalves(Gym):
    async def get_user_stats(self, tools, account):
        return {"contributions": 0.5, "rank": 0.5}


class ShowsTooMuch(Gym):
    async def get_user_stats(self, tools, account):
        return {f"day {number}": number for number in range(51)}


class AsksForAnything(Struct, frozen=True, forbid_unknown_fields=True):
    exercise: object
    after: Any = None


class TakesAnything(Gym):
    requirement = AsksForAnything

    def check(self, requirement):
        return None


class Sloppy(Struct, frozen=True):
    exercise: str
    after: datetime | None = None


class IgnoresUnknownFields(Gym):
    requirement = Sloppy


class HasNoStruct(Gym):
    requirement = dict


class HasNoSchema(Gym):
    class Odd(Struct, frozen=True, forbid_unknown_fields=True):
        exercise: complex

    requirement = Odd


class ForgetsOnTheWay(Gym):
    class Forgetful(Struct, frozen=True, forbid_unknown_fields=True):
        exercise: str
        after: datetime | None = None

        def __post_init__(self):
            if self.after is not None:
                msgspec.structs.force_setattr(self, "after", None)

    requirement = Forgetful


class CrashesOnCheck(Gym):
    def check(self, requirement):
        if requirement.after is None:
            raise TypeError("after is None")


class NamesNoFieldOnCheck(Gym):
    def check(self, requirement):
        if requirement.after is None:
            raise InvalidRequirement("give a time", field="time")


class RefusesItsSamples(Gym):
    def check(self, requirement):
        if requirement.after is None:
            raise InvalidRequirement("give a time", field="after")


BROKEN = [
    (VerifiesEverybody, "test_requirements_that_are_not_met_are_not_verified", "gave Verified"),
    (VerifiesNobody, "test_requirements_that_are_met_are_verified", "gave NotVerified"),
    (KnowsEverybody, "test_accounts_that_do_not_exist_are_not_found", "gave NotVerified"),
    (ReadsWhatItFinds, "test_damaged_answers_never_change_a_verdict", "of a damaged answer to solved"),
    (TakesDefaultsForAnswers, "test_damaged_answers_never_change_a_verdict", "made NotVerified"),
    (TakesDefaultsForAnswers, "test_heaps_of_damage_never_change_a_verdict", "of a damaged answer to solved"),
    (RaisesKeyError, "test_damaged_answers_never_change_a_verdict", r"made (KeyError|ValidationError)"),
    (ReadsFailuresAsNothing, "test_a_server_that_fails_altogether_gives_no_verdict", "gave NotVerified"),
    (TakesNoAnswerForWork, "test_answers_reported_as_failed_are_never_verdicts", "was reported as failed"),
    (TakesNoAnswerForWork, "test_a_server_that_fails_altogether_gives_no_verdict", "gave Verified"),
    (ForgetsRateLimits, "test_only_source_errors_leave_it", "of a rate limit"),
    (ForgetsRefusals, "test_only_source_errors_leave_it", "of refused credentials"),
    (ExitsOnFailure, "test_only_source_errors_leave_it", "gave SystemExit"),
    (ReadsFailuresAsNothing, "test_a_hanging_tool_ends_at_the_deadline", "solved never answered"),
    (WaitsForEver, "test_a_hanging_tool_ends_at_the_deadline", "did not come to an end within 1 s of its last call"),
    (SwallowsCancellation, "test_it_can_be_cancelled_at_every_call", "verify ended with .* after it was cancelled"),
    (RefusesToEnd, "test_it_can_be_cancelled_at_every_call", "verify went on after it was cancelled during call 1"),
    (CallsWhatItDidNotDeclare, "test_it_calls_the_tools_that_it_declares", "calls solved with page in verify"),
    (LeavesTasks, "test_nothing_is_left_running", "Event.wait"),
    (BlocksTheLoop, "test_it_never_holds_up_the_loop", "held up the loop for 1"),
    (WaitsForEverInItsHealth, "test_its_health_check_is_bounded", "did not come to an end"),
    (CallsItselfHealthy, "test_its_health_check_is_bounded", "although its server hangs"),
    (SaysNumbersOfItsHealth, "test_its_health_check_is_bounded", "of its health"),
    (CountsItsUsers, "test_it_remembers_nothing", r"self\.seen was \[\] and is \["),
    (CountsInItsClass, "test_it_remembers_nothing", r"CountsInItsClass\.asked was 0 and is"),
    (CountsInItsModule, "test_it_remembers_nothing", r"test_broken_sources\._answers"),
    (KeepsAnswers, "test_every_verification_asks_the_server_afresh", "made 3 calls for 'ann' and, asked again, 0"),
    (KeepsTheAccount, "test_verifications_of_two_users_give_what_they_give_alone", "were verified together"),
    (WaitsForOthers, "test_verifications_of_two_users_give_what_they_give_alone", "did not come to an end"),
    (ReadsForEver, "test_pages_come_to_an_end", "called tools more than 1000 times"),
    (TellsForEver, "test_history_comes_to_an_end", "more than 1000"),
    (LosesTimeZones, "test_evidence_is_sound", "a time without a zone in verify for 'ann': 'loops-1'"),
    (NamesTooMuch, "test_evidence_is_sound", "that does not hold"),
    (NamesWorkWithNulls, "test_evidence_is_sound", "a null character in verify for 'ann'"),
    (NamesTopicsWithNulls, "test_evidence_is_sound", "a null character in verify for 'ann'"),
    (NamesWorkWithNulls, "test_history_is_sound", "a null character in the history of 'ann'"),
    (MistakesMilliseconds, "test_evidence_is_sound", "a time to come"),
    (GuessesDifficulties, "test_history_is_sound", "that does not hold"),
    (LosesTimeZones, "test_history_is_sound", "a time without a zone in the history of 'ann'"),
    (WritesLongCursors, "test_history_is_sound", "gives the cursor"),
    (WritesNullsInCursors, "test_history_is_sound", "gives the cursor"),
    (MiscountsHistory, "test_history_is_sound", "says that 2 of 1 works"),
    (ReturnsAList, "test_history_is_sound", "a history that is list"),
    (ForgetsToYield, "test_history_is_sound", "a history that is coroutine"),
    (NamesWorkTwice, "test_history_names_each_work_once", "names 'loops-1' of 'ann' twice"),
    (LosesWorkOnResume, "test_history_goes_on_after_any_page", "loses 'lists-1' of 'ann'"),
    (BeginsAgainOnResume, "test_history_goes_on_after_any_page", "twice in its history, taken up after page 1"),
    (RedatesOnResume, "test_history_goes_on_after_any_page", "tells 'loops-1' of 'ann' otherwise"),
    (TellsTheLastPageAgain, "test_history_that_is_told_has_nothing_to_add", "again after the last page"),
    (TellsWhatItGets, "test_damaged_answers_make_no_history", r"told \d works of 6"),
    (TellsWhatItGets, "test_a_hanging_tool_stops_history", "although no tool answered"),
    (CrashesOnJunk, "test_handles_are_normalised_or_refused", "fails on the handle .* with UnicodeEncodeError"),
    (ChangesItsMind, "test_handles_are_normalised_or_refused", "and that to '@@"),
    (NamesNoField, "test_handles_are_normalised_or_refused", "by the field 'name'"),
    (TakesAnyHandle, "test_what_is_no_handle_is_refused", "for the handle 'anonymous'"),
    (RefusesItsOwn, "test_the_samples_have_handles", "refuses the handle 'ann' of its own sample"),
    (GoesByNamesAlone, "test_who_takes_a_name_over_earns_nothing_by_it", "verifies the work of 'ann' for an account with an"),
    (MakesRandomChallenges, "test_challenges_follow_from_their_number", "different challenges of one number"),
    (MakesOneChallenge, "test_challenges_follow_from_their_number", "makes 1 different challenges"),
    (MakesNoChallenge, "test_challenges_follow_from_their_number", "no sound challenge of the number 0"),
    (NamesChallengesWithNulls, "test_challenges_follow_from_their_number", "a challenge with a null character"),
    (InstructsWithNulls, "test_challenges_follow_from_their_number", "a challenge with a null character"),
    (NamesDataWithNulls, "test_challenges_follow_from_their_number", "a challenge with a null character"),
    (GivesDataWithNulls, "test_challenges_follow_from_their_number", "a challenge with a null character"),
    (ProvesIdsWithNulls, "test_challenges_are_met_within_their_time", "an identity with a null character"),
    (MarksActsWithNulls, "test_challenges_are_met_within_their_time", "an identity with a null character"),
    (TakesOldActs, "test_challenges_are_met_within_their_time", "met before it was issued"),
    (TakesLateActs, "test_challenges_are_met_within_their_time", "met after it had expired"),
    (ProvesSomebodyElse, "test_challenges_are_met_within_their_time", "proved 'bob' by what 'ann' did"),
    (TakesAnyAct, "test_another_challenge_is_not_met_by_the_same_act", "where 'note77' was met"),
    (SearchesTheText, "test_damaged_answers_prove_no_account", "when it checked a challenge"),
    (CountsToInfinity, "test_figures_of_an_account_are_numbers", "inf"),
    (OwesProblems, "test_figures_of_an_account_are_numbers", "-1"),
    (SolvesHalves, "test_figures_of_an_account_are_numbers", "0.5"),
    (ShowsTooMuch, "test_figures_of_an_account_are_numbers", "day 0"),
    (HasNoStruct, "test_its_requirement_has_a_schema", "has <class 'dict'> for its requirement"),
    (HasNoSchema, "test_its_requirement_has_a_schema", "without a JSON schema"),
    (ForgetsOnTheWay, "test_requirements_survive_the_way_through_the_database", "comes back from JSON as"),
    (RefusesItsSamples, "test_requirements_survive_the_way_through_the_database", "refuses its own sample"),
    (IgnoresUnknownFields, "test_unknown_fields_are_refused_by_name", "takes the unknown field"),
    (
        TakesAnything,
        "test_values_of_the_wrong_type_are_refused_by_field",
        "takes anything for the requirement's field exercise",
    ),
    (CrashesOnCheck, "test_incomplete_requirements_are_judged", "fails in `check`"),
    (NamesNoFieldOnCheck, "test_incomplete_requirements_are_judged", "'time' with words that name no field"),
]


def suite_for(source: Gym) -> SourceSuite:
    kind = type(f"Test{type(source).__name__}", (GymSuite,), {"source": source} | getattr(source, "samples", {}))
    suite: SourceSuite = kind()
    return suite


@pytest.mark.parametrize(("broken", "test", "words"), BROKEN)
def test_a_broken_source_is_caught_and_told_what_to_do(broken, test, words):
    with pytest.raises(Nonconformance, match=words) as caught:
        getattr(suite_for(broken()), test)()
    assert str(caught.value).startswith("gym: ")
    assert caught.value.remedy
    assert str(caught.value).endswith(f"Remedy: {caught.value.remedy}")


class RemembersNothing(Gym):
    """Tells what was done again behind a cursor once more, with the later time."""

    async def history(self, tools, account, after):
        told = set()
        for row in await self.rows(tools, account):
            if row.exercise not in told and (after is None or row.at.isoformat() > after):
                told.add(row.exercise)
                yield Page(evidence=(self.evidence(row),), cursor=row.at.isoformat())


def test_work_that_was_done_again_may_be_told_again_by_a_later_run():
    suite_for(RemembersNothing()).test_history_goes_on_after_any_page()


class FreeNote(Struct, frozen=True):
    """A note in which people write what they like."""

    text: str
    at: Moment


class TakesFreeNotes(Gym):
    """Takes any words for a note, as most sites do."""

    async def check_challenge(self, tools, account, challenge):
        note = await tools.call("note", {"handle": account.handle}, FreeNote, failure=failure)
        if note.text != challenge.key or not challenge.issued_at <= note.at <= challenge.expires_at:
            return NotProved(looked_for=challenge.key, found=note.text)
        return Identity(handle=account.handle, mark=note.at.isoformat())


class ForgivesBrokenNotes(TakesFreeNotes):
    """Takes an answer that it cannot read for one without a note."""

    async def check_challenge(self, tools, account, challenge):
        try:
            return await super().check_challenge(tools, account, challenge)
        except Unavailable:
            return NotProved(looked_for=challenge.key, found="no note")


def test_where_people_write_freely_other_words_are_an_answer():
    suite_for(TakesFreeNotes()).test_damaged_answers_prove_no_account()


def test_an_answer_that_cannot_be_read_is_none_for_free_words_either():
    with pytest.raises(Nonconformance, match="when it checked a challenge"):
        suite_for(ForgivesBrokenNotes()).test_damaged_answers_prove_no_account()


def test_every_test_of_the_suite_catches_somebody():
    tests = {name for name in dir(SourceSuite) if name.startswith("test_")}
    assert tests == {test for _, test, _ in BROKEN}


def test_every_test_of_the_suite_says_what_it_guards():
    for name in dir(SourceSuite):
        if name.startswith("test_"):
            assert (getattr(SourceSuite, name).__doc__ or "").startswith("Guards "), name


def test_a_suite_without_samples_asks_for_them():
    empty = type("TestEmpty", (GymSuite,), {"met": (), "not_met": (), "challenges": ()})()
    for test, words in (
        ("test_requirements_that_are_met_are_verified", "no sample in `met`"),
        ("test_requirements_that_are_not_met_are_not_verified", "no sample in `not_met`"),
        ("test_challenges_are_met_within_their_time", "no sample of one"),
    ):
        with pytest.raises(Nonconformance, match=words):
            getattr(empty, test)()
