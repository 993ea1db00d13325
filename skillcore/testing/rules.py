"""The conformance suite for signal rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from skillcore.ledger.preparation import check
from skillcore.plugin import Event, SignalRule, SkillSignal
from skillcore.testing.elsewhere import derived
from skillcore.testing.pure import History, PureFrame, shown

__all__ = ["RuleSample", "RuleSuite"]


class RuleSample(Struct, frozen=True):
    """An event, and the signals that must follow from it.

    Attributes:
        event: as `skillcore.testing.event` makes it.
        signals: all of them, in any order; none if nothing follows.
    """

    event: Event
    signals: tuple[SkillSignal, ...] = ()


class RuleSuite(PureFrame):
    """The whole suite for a rule: one subclass, whose name begins with ``Test``, is all that an author adds.

    Example:
        class TestVolunteering(RuleSuite):
            rule = Volunteering()
            samples = (
                RuleSample(
                    event("platform.volunteered", subject_id="soup-kitchen", skills=["cooking"]),
                    (SkillSignal("cooking", "platform", "soup-kitchen", "joined"),),
                ),
            )

    The rule is tried with events of all its kinds, as `skillcore.testing.events` draws them. No test needs a fixture.

    Attributes:
        rule: the object under test.
        samples: events with the signals that must follow.
        event_kinds: kinds that no installed plugin offers.
        fields: strategies for fields of payloads, by name, where values of the right type are not enough.
    """

    rule: ClassVar[SignalRule]
    samples: ClassVar[Sequence[RuleSample]] = ()

    @property
    def _tried(self) -> SignalRule:
        """The object under test."""
        return self.rule

    def _exercise(self, history: Sequence[Event]) -> None:
        """Derive the signals of each event."""
        for event in history:
            derived(self.rule, event)

    def _sampled(self) -> list[History]:
        """Return each sample's event."""
        return [(sample.event,) for sample in self.samples]

    def test_samples_leave_their_signals(self) -> None:
        """Guards what the rule is for: the events that the author names leave the signals that the author expects."""
        if not self.samples:
            self._skip("has no sample in `samples`")
        for sample in self.samples:
            found = self._signals(sample.event)
            if sorted(map(repr, found)) != sorted(map(repr, sample.signals)):
                raise self._refuse(
                    f"leaves {_named(found)} and not {_named(sample.signals)} for {shown([sample.event])}",
                    "look at `derive`, or at the sample",
                )

    def test_its_signals_are_sound(self) -> None:
        """Guards the ledger, which takes signals with known words and finite weights, and keeps none of mentorship."""
        for history in self._histories():
            for event in history:
                for signal in self._signals(event):
                    self._judge(signal, event)

    def _signals(self, event: Event) -> list[SkillSignal]:
        found: list[SkillSignal] = self._contained(lambda: derived(self.rule, event), [event])
        return found

    def _judge(self, signal: object, event: Event) -> None:
        if not isinstance(signal, SkillSignal):
            raise self._refuse(f"leaves a {type(signal).__name__} for {shown([event])}", "return SkillSignals")
        skill: object = signal.skill_id
        if not isinstance(skill, str) or not skill:
            raise self._refuse(f"leaves a signal on the skill {skill!a} for {shown([event])}", "name a skill by its id")
        try:
            check(signal)
        except (ValueError, TypeError, AttributeError) as error:
            raise self._refuse(
                f"{error} for {shown([event])}", "use the words of SourceType and SignalType, and a finite weight"
            ) from error
        if signal.source_type == "mentorship":
            raise self._refuse(
                "leaves signals of mentorship, which the ledger never keeps", "choose another source type, such as session"
            )


def _named(signals: Sequence[SkillSignal]) -> str:
    return f"[{', '.join(ascii(signal) for signal in signals)}]"
