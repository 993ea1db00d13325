"""How a source reads answers: whole ones rightly, and damaged ones never as a verdict that they do not carry."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings

from skillcore.plugin import NotFound, NotVerified, SourceError, Unavailable, Verified
from skillcore.testing.faults import Answer, ToolFault
from skillcore.testing.mutations import FOREIGN, accidents, cuts, damages
from skillcore.testing.recordings import Call, call_of
from skillcore.testing.samples import Sample
from skillcore.testing.source_checks.frame import Outcome, SourceFrame, agree, shown

__all__ = ["FEWEST", "ReadingChecks", "damaged", "is_answer"]

WORK = 5_000_000
"""Characters of damaged answers that are tried of one answer."""

ACCIDENTS = 3000
FEWEST = 50
"""Answers with one damage inside that are tried in all, and of each answer at least."""

HEAPS = 200
"""Heaps of damage that are tried in all."""

STRICTER = (
    "give every field of the answer's Struct the type, the bounds and the pattern that the server keeps to, so that what breaks"
    " them is Unavailable; if the absence of a key is an answer there, name the key in `spare`"
)


class ReadingChecks(SourceFrame):
    """Checks of verdicts and of how answers are read."""

    def test_requirements_that_are_met_are_verified(self) -> None:
        """Guards the way through: where the work was done, the source finds it and names evidence."""
        self._expect(self.met, Verified, "met", "look at what the server answers and at what `verify` makes of it")

    def test_requirements_that_are_not_met_are_not_verified(self) -> None:
        """Guards the verdict against being given away: where the work is not there, the source says so."""
        self._expect(self.not_met, NotVerified, "not_met", "return NotVerified where the server answered in full")

    def test_accounts_that_do_not_exist_are_not_found(self) -> None:
        """Guards people who mistyped a name: they are told so, and the engine does not ask again and again."""
        if not self.not_found:
            self.skip("has no sample in `not_found`")
        self._expect(self.not_found, NotFound, "not_found", "raise NotFound for the server's word for an unknown account")

    def test_damaged_answers_never_change_a_verdict(self) -> None:
        """Guards against verdicts out of cut, foreign or wrongly typed answers: each is Unavailable, or changes nothing.

        Every answer behind every sample is cut at many places, replaced by failures that real servers give as ordinary
        text, and damaged inside, one place at a time.
        """
        answers = sum(len(self.texts(sample)) for sample in self.samples())
        for sample in self.samples():
            self.run(partial(self._damage, sample, max(FEWEST, ACCIDENTS // max(1, answers))))

    def test_heaps_of_damage_never_change_a_verdict(self) -> None:
        """Guards against damage that only shows together with other damage: up to three places at once, drawn at random."""
        answers = [
            (sample, call, text)
            for sample in (*self.met, *self.not_met)
            for call, text in self.texts(sample).items()
            if _document(text) is not None
        ]
        for sample, call, text in answers:
            self._heaps(sample, call, text, max(20, HEAPS // len(answers)))

    def test_answers_reported_as_failed_are_never_verdicts(self) -> None:
        """Guards against taking the text of a failed call for an answer, even if it looks like one."""
        for sample in self.met:
            for call, text in self.texts(sample).items():
                for words in (text, *FOREIGN):
                    found = self.run(partial(self._with, sample, call, ToolFault(words)))
                    if not isinstance(found, SourceError):
                        raise self.refuse(
                            f"returned {shown(found)} although {call[0]} was reported as failed",
                            "leave the errors of the tools to the engine, or raise another SourceError from them",
                        )

    def _expect(self, samples: Sequence[Sample], kind: type, where: str, remedy: str) -> None:
        if not samples:
            raise self.refuse(f"its suite has no sample in `{where}`", f"add a Sample to `{where}`")
        for sample in samples:
            found = self.run(partial(self.outcome, sample))
            if not isinstance(found, kind):
                raise self.refuse(
                    f"gave {shown(found)} and not {kind.__name__} for {sample.requirement!r} of {sample.handle!a}", remedy
                )

    async def _with(self, sample: Sample, call: Call, answer: Answer) -> Outcome:
        """Verify with another answer to one call."""
        return await self.outcome(sample, self.but(call, answer))

    async def _damage(self, sample: Sample, most: int) -> None:
        tools = self.recital()
        whole = await self.verified(tools, sample)
        for raw in tools.answers:
            if not raw.failed:
                call = call_of(raw.tool, raw.arguments)
                for text in damaged(raw.body, self.spare, most):
                    self._judge(whole, await self._with(sample, call, text), raw.tool, raw.body, text)

    def _heaps(self, sample: Sample, call: Call, text: str, most: int) -> None:
        whole = self.run(lambda: self.outcome(sample))
        examples = max(5, min(most, WORK // 20 // max(1, len(text))))

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(damages(text, spare=self.spare))
        def heap(broken: str) -> None:
            if not is_answer(broken, text):
                self._judge(whole, self.run(lambda: self._with(sample, call, broken)), call[0], text, broken)

        heap()

    def _judge(self, whole: Outcome, found: Outcome, tool: str, text: str, broken: str) -> None:
        # Where an answer is prose, its beginning may well be a shorter answer: then it may only not verify.
        prose = _document(text) is None and isinstance(found, NotVerified)
        if not (isinstance(found, Unavailable) or agree(whole, found) or prose):
            raise self.refuse(
                f"made {shown(found)} of a damaged answer to {tool}, and {shown(whole)} of the whole one; damaged it reads"
                f" {_around(text, broken)}",
                STRICTER,
            )


def damaged(text: str, spare: Collection[str], most: int) -> Iterator[str]:
    """Yield damaged versions of an answer, as many as can be tried in a reasonable time."""
    yield from (cut for cut in cuts(text) if not is_answer(cut, text))
    yield from (foreign for foreign in FOREIGN if not is_answer(foreign, text))
    if _document(text) is not None:
        yield from accidents(text, spare=spare, most=min(most, max(FEWEST, WORK // max(1, len(text)))))


def _document(text: str) -> Any:
    """Return the object or list that a text holds in JSON, or None."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict | list) else None


def is_answer(broken: Answer, text: str) -> bool:
    """Tell whether nobody could see that this is damaged: an empty list where a list stands, and the text itself."""
    if not isinstance(broken, str):
        return False
    return broken == text or (broken in {"[]", "{}"} and type(_document(text)) is type(json.loads(broken)))


def _around(text: str, broken: str) -> str:
    """Show the place where a damaged text begins to differ."""
    same = next((place for place, (one, other) in enumerate(zip(text, broken, strict=False)) if one != other), len(broken))
    piece = broken[max(0, same - 40) : same + 60]
    return f"…{piece!a}…" if len(broken) > 100 else f"{broken!a}"
