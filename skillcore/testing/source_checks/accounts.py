"""Whose work it is: handles, challenges, and figures of an account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillcore.plugin import (
    Account,
    Challenge,
    ChallengeProof,
    Identity,
    InvalidRequirement,
    IssuedChallenge,
    NotProved,
    SourceError,
    Unavailable,
    Verified,
)
from skillcore.testing.faults import Hang
from skillcore.testing.mutations import FOREIGN
from skillcore.testing.recordings import call_of
from skillcore.testing.responder import Handler
from skillcore.testing.samples import MetChallenge
from skillcore.testing.source_checks.failing import FAULTS, HASTY
from skillcore.testing.source_checks.frame import SourceFrame, always, shown
from skillcore.testing.source_checks.reading import damaged, is_answer
from skillcore.verification.figures import sound_figures

__all__ = ["AccountChecks"]

NO_HANDLES = ("", " ", "\t", "\n", "\0", "a\0b", "   \u3000 ")
"""What is a handle nowhere."""

ODD_HANDLES = (
    *("a" * 10_000, "../..", "a/b", "a?b=c&d#e", "%00", "a\nb", "a\r\nX: y", "{}", "[]", "null", "-1", "'--", "<b>", "\ud800"),
    *(
        "\u202eabc",
        "a\u200bb",
        "\ufeffann",
        "\uff41\uff4e\uff4e",
        "ANN",
        "İ",
        "ß",
        "ẞ",
        "Σς",
        "ŉ",
        "Ǆ",
        "a\u0301",
        "á",
        "😀",
        "٣",
        "\u2028",
    ),
)
"""What is a handle hardly anywhere, and turns up all the same."""

NUMBERS = (0, 1, 2, 2**32, 2**63, 2**64 - 1, *(number * 0x9E3779B97F4A7C15 % 2**64 for number in range(1, 59)))
"""64 numbers, as the engine draws them."""

STRANGER = "987654321012345678"
"""An id that no sample has."""

ACCIDENTS = 300
FEWEST = 32
AWAY = 20.0
"""Minutes by which a challenge is moved away from the act that met it."""

NAMES_HANDLE = "raise InvalidRequirement(…, field='handle') for whatever cannot be a handle there, and nothing else"


class AccountChecks(SourceFrame):
    """Checks of `normalise`, of challenges and of figures."""

    def test_handles_are_normalised_or_refused(self) -> None:
        """Guards accounts against look-alikes and crashes: every text is a handle in one spelling, or refused by name."""
        for handle in (*NO_HANDLES, *ODD_HANDLES, *(sample.handle for sample in self.samples())):
            self._normal(handle)

        @settings(max_examples=200, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(st.text(max_size=40))
        def any_text(handle: str) -> None:
            self._normal(handle)

        any_text()

    def test_what_is_no_handle_is_refused(self) -> None:
        """Guards against accounts without a name: blanks alone and null characters are refused by the field ``handle``."""
        for handle in NO_HANDLES:
            normal = self._normal(handle)
            if normal is not None:
                raise self.refuse(f"takes {handle!a} for the handle {normal!a}", NAMES_HANDLE)

    def test_the_samples_have_handles(self) -> None:
        """Guards people with ordinary names: the handles of the samples are accepted."""
        for account in (*self.accounts(), *(self.account(met) for met in self.challenges)):
            if self._normal(account.handle) is None:
                raise self.refuse(f"refuses the handle {account.handle!a} of its own sample", "mend `normalise`, or the sample")

    def test_who_takes_a_name_over_earns_nothing_by_it(self) -> None:
        """Guards people who were renamed, and others from whoever takes their name: another id is another account."""
        for sample in self.met:
            if sample.external_id is None:
                continue
            stranger = msgspec.structs.replace(sample, external_id=STRANGER)
            if isinstance(self.run(partial(self.outcome, stranger)), Verified):
                raise self.refuse(
                    f"verifies the work of {sample.handle!a} for an account with another id",
                    "where `account.external_id` is given, compare it with whose work the server shows",
                )

    def test_challenges_follow_from_their_number(self) -> None:
        """Guards proofs against being guessed or repeated: a number gives one challenge, many numbers give many."""
        self._need_challenges()
        for account in {self.account(met) for met in self.challenges}:
            made = [self._challenge(account, number) for number in NUMBERS]
            if made != [self._challenge(account, number) for number in NUMBERS]:
                raise self.refuse("makes different challenges of one number", "use nothing but the account and the number")
            keys = {challenge.key for challenge in made}
            if len(keys) < FEWEST:
                raise self.refuse(
                    f"makes {len(keys)} different challenges of {len(NUMBERS)} numbers",
                    f"have at least {FEWEST}: a challenge that many share is met by chance",
                )

    def test_challenges_are_met_within_their_time(self) -> None:
        """Guards proofs against old acts and late ones: what was done before the beginning or after the end is no proof."""
        self._need_challenges()
        for met in self.challenges:
            identity = self.run(partial(self._checked, met, met.issued()))
            if not isinstance(identity, Identity):
                raise self.refuse(f"gave {shown(identity)} for a challenge that {met.handle!a} met", "mend check_challenge")
            self._judge_identity(met, identity)
            for minutes, words in ((AWAY, "before it was issued"), (-AWAY, "after it had expired")):
                found = self.run(partial(self._checked, met, met.issued(minutes=minutes)))
                if not isinstance(found, NotProved):
                    raise self.refuse(
                        f"gave {shown(found)} for a challenge met {words}",
                        "compare the time of the act with issued_at and expires_at",
                    )

    def test_another_challenge_is_not_met_by_the_same_act(self) -> None:
        """Guards accounts against each other's challenges: what meets one challenge meets no other."""
        self._need_challenges()
        for met in self.challenges:
            account = self.account(met)
            others = [challenge for number in NUMBERS[:8] if (challenge := self._challenge(account, number)).key != met.key]
            for other in others[:4]:
                found = self.run(partial(self._checked, met, met.issued(key=other.key, data=other.data)))
                if isinstance(found, Identity) or not isinstance(found, NotProved | SourceError):
                    raise self.refuse(
                        f"gave {shown(found)} for the challenge {other.key!a} where {met.key!a} was met",
                        "look for what the challenge's key and data ask for",
                    )

    def test_damaged_answers_prove_no_account(self) -> None:
        """Guards accounts against chance: an answer that is cut, foreign, damaged or absent proves what the whole one does."""
        self._need_challenges()
        for met in self.challenges:
            for issued in (met.issued(), met.issued(minutes=AWAY)):
                self.run(partial(self._damaged_proof, met, issued))

    def test_figures_of_an_account_are_numbers(self) -> None:
        """Guards the profile page: figures are finite numbers under names, counts are whole and not negative, else it raises.

        A name that all sources share means what `Figure` says; the others are the source's own.
        """
        for account in self.accounts():
            for handler in (None, *(partial(always, fault) for fault in FAULTS)):
                found = self.run(partial(self._figures, account, handler))
                if not (isinstance(found, SourceError) or _are_figures(found)):
                    raise self.refuse(
                        f"gave {str(found)[:200]!a} for the figures of {account.handle!a}",
                        "return finite numbers by name, whole ones from 0 on for problems_solved and contributions, and let the"
                        " errors of the tools through",
                    )

    def _normal(self, handle: str) -> str | None:
        """Return the normal handle, or None where it is refused as it should be."""
        try:
            normal: object = self.source.normalise(handle)
            again: object = self.source.normalise(normal) if isinstance(normal, str) else None
        except InvalidRequirement as refusal:
            if refusal.field != "handle":
                raise self.refuse(f"refuses {handle!a} by the field {refusal.field!a}", NAMES_HANDLE) from refusal
            return None
        except BaseException as error:
            raise self.refuse(f"fails on the handle {handle[:100]!a} with {shown(error)}", NAMES_HANDLE) from error
        if not isinstance(normal, str) or again != normal:
            raise self.refuse(
                f"normalises {handle[:100]!a} to {normal!a:.100} and that to {again!a:.100}",
                "return a text that normalise leaves as it is",
            )
        return normal if normal and "\0" not in normal else None

    def _need_challenges(self) -> None:
        if not any(isinstance(proof, ChallengeProof) for proof in self.source.proofs):
            self.skip("sets no challenges")
        if not self.challenges:
            raise self.refuse("has a ChallengeProof and no sample of one", "add a MetChallenge to `challenges`")

    def _challenge(self, account: Account, number: int) -> Challenge:
        try:
            made: object = self.source.challenge(account, number)
            sound: Challenge = msgspec.json.decode(msgspec.json.encode(made), type=Challenge)
        except BaseException as error:
            raise self.refuse(
                f"makes no sound challenge of the number {number}: {shown(error)}",
                "return a Challenge within its bounds for every number from 0 on and below 2**64",
            ) from error
        if "\0" in "".join((sound.key, sound.instructions, *sound.data.keys(), *sound.data.values())):
            raise self.refuse(f"makes a challenge with a null character: {sound!a:.300}", "use ordinary text")
        return sound

    async def _checked(self, met: MetChallenge, issued: IssuedChallenge, handler: Handler | None = None) -> Any:
        tools = self.recital(handler)
        return await self.tried(lambda: self.source.check_challenge(tools, self.account(met), issued))

    def _judge_identity(self, met: MetChallenge, identity: Identity) -> None:
        try:
            msgspec.json.decode(msgspec.json.encode(identity), type=Identity)
        except Exception as error:
            raise self.refuse(f"proved an identity that does not hold: {error}", "keep to the bounds of Identity") from error
        if "\0" in f"{identity.external_id}{identity.mark}":
            raise self.refuse(
                f"proved an identity with a null character: {identity!a:.300}",
                "refuse it where the answer is parsed, by a pattern",
            )
        if self._normal(identity.handle) != self._normal(met.handle):
            raise self.refuse(
                f"proved {identity.handle!a} by what {met.handle!a} did",
                "return the handle of the account that met the challenge",
            )

    async def _damaged_proof(self, met: MetChallenge, issued: IssuedChallenge) -> None:
        tools = self.recital()
        whole = await self.tried(lambda: self.source.check_challenge(tools, self.account(met), issued))
        for raw in tools.answers:
            texts = [] if raw.failed else list(damaged(raw.body, self.spare, ACCIDENTS))
            foreign = [fault for fault in (*FAULTS, *FOREIGN) if not is_answer(fault, raw.body)]
            for broken in (*texts, *foreign):
                found = await self._checked(met, issued, self.but(call_of(raw.tool, raw.arguments), broken))
                fits = isinstance(found, SourceError) if isinstance(broken, Exception) else isinstance(found, Unavailable)
                written = isinstance(broken, str) and isinstance(found, NotProved) and _is_written(raw.body, broken, met.key)
                if not (fits or written or type(found) is type(whole)):
                    raise self.refuse(
                        f"made {shown(found)} of a damaged answer to {raw.tool} when it checked a challenge, and {shown(whole)}"
                        f" of the whole one; damaged it reads {str(broken)[:100]!a}",
                        "give the answer's Struct the types, bounds and patterns that the server keeps to; if the absence of a"
                        " key is an answer there, name the key in `spare`",
                    )
        hanging = self.recital(lambda tool, arguments: Hang(), HASTY)
        found = await self.tried(lambda: self.source.check_challenge(hanging, self.account(met), issued))
        if not isinstance(found, SourceError):
            raise self.refuse(f"gave {shown(found)} although no tool ever answered", "let the tools' Unavailable through")

    async def _figures(self, account: Account, handler: Handler | None) -> Any:
        tools = self.recital(handler)
        return await self.tried(lambda: self.source.get_user_stats(tools, account))


def _is_written(text: str, broken: str, key: str) -> bool:
    """Tell whether an answer only has other words where the key stood: people write freely there, so that it is an answer."""
    try:
        changes = list(_changes(json.loads(text), json.loads(broken)))
    except (ValueError, RecursionError):
        return False
    return bool(changes) and all(isinstance(old, str) and isinstance(new, str) and key in old for old, new in changes)


def _changes(before: Any, after: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what differs between two documents, as far inside as it can be told."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        pairs = [(before[key], after[key]) for key in before]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = list(zip(before, after, strict=True))
    else:
        if before != after:
            yield before, after
        return
    for pair in pairs:
        yield from _changes(*pair)


def _are_figures(found: object) -> bool:
    try:
        sound_figures("it", found)
    except Unavailable:
        return False
    return True
