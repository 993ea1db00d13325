"""Progress in a skill: time practised, how well it goes, and what others who know the work say of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice
from typing import Annotated

from msgspec import Meta, Struct, structs

from skillcore.defaults.counted import KINDS, mean, minutes_of, score_of
from skillcore.defaults.reported import percent, weighted
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["MILESTONES", "Reviewer", "SkillProgress", "SkillProgressSettings", "SkillState", "milestones"]

Weight = Annotated[float, Meta(ge=0, le=1000)]
PRACTICE = frozenset({"progress.time", "platform.volunteered"})
REVIEWS = frozenset({"review.given", "review.discounted"})

MILESTONES = ("developing", "proficient", "advanced", "expert")
"""The words for progress, from the lowest bound to the highest; below them are beginners."""

WORKS = 50
"""Works of which each reviewer's word is remembered, the latest."""

REVIEWERS = 500
"""Reviewers who are remembered, the latest."""


class SkillProgressSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of skill progress: ``[plugins.defaults.skill_progress]``. Weights count in proportion to their sum.

    Attributes:
        practice: weight of the time practised.
        mastery: weight of the skill's mastery.
        reviews: weight of reviews by others.
        target_minutes: practice that is enough.
        full_reviewers: as many reviewers as it takes for full marks, so that none gives a larger share of them.
        discounted: what a reviewer's word weighs who was reviewed in return.
        developing: the least progress that is called so.
        proficient: the same.
        advanced: the same.
        expert: the same.
    """

    practice: Weight = 0.4
    mastery: Weight = 0.4
    reviews: Weight = 0.2
    target_minutes: Annotated[float, Meta(gt=0, le=100_000)] = 600.0
    full_reviewers: Annotated[float, Meta(ge=1, le=100)] = 3.0
    discounted: Annotated[float, Meta(ge=0, le=1)] = 0.5
    developing: Annotated[float, Meta(ge=0, le=100)] = 25.0
    proficient: Annotated[float, Meta(ge=0, le=100)] = 50.0
    advanced: Annotated[float, Meta(ge=0, le=100)] = 75.0
    expert: Annotated[float, Meta(ge=0, le=100)] = 90.0


class Reviewer(Struct, frozen=True):
    """What one reviewer said: the quality of each work, by the latest review of it.

    Attributes:
        discounted: whether it counts less.
    """

    works: dict[str, float] = {}
    discounted: bool = False


class SkillState(Struct, frozen=True):
    """What is known of a skill.

    Attributes:
        minutes: practised, as far as somebody vouches for them.
        reviewers: by what they are called towards this person.
    """

    started: bool = False
    minutes: float = 0.0
    reviewers: dict[str, Reviewer] = {}


class SkillProgress(ScoringFormula[SkillState]):
    """0.4 · practice + 0.4 · mastery + 0.2 · reviews, each from 0 to 100, of each skill; nothing before it was started.

    - A skill is started by volunteering that names it, by practice, by an attempt that counts, or by a review.
    - practice: 100 · min(minutes / target, 1), of minutes that a platform states; what learners say of themselves is not in it.
    - mastery: the score of the formula bound to that role, between 0 and 100; 0 while there is none.
    - reviews: Σ weight · mean quality / max(Σ weight, 3) over reviewers. The mean is that of the works that one reviewed, each
      by its latest review. The weight is 1, or 0.5 for whom the person, or somebody between them, reviewed in return.

    The word is that of the highest bound that the progress reaches.
    """

    name = "skill_progress"
    version = 1
    kinds = KINDS | PRACTICE | REVIEWS
    state = SkillState
    inputs = ("mastery",)

    def __init__(self, settings: SkillProgressSettings | None = None) -> None:
        settings = settings or SkillProgressSettings()
        self.practice, self.mastery, self.reviews = settings.practice, settings.mastery, settings.reviews
        self.target_minutes = settings.target_minutes
        self.full_reviewers, self.discounted = settings.full_reviewers, settings.discounted
        self.bounds = tuple(float(getattr(settings, name)) for name in MILESTONES)

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the skills that are started, practised, tried or reviewed."""
        if event.kind in KINDS and score_of(event) is None:
            return ()
        if event.kind == "progress.time" and minutes_of(event) is None:
            return ()
        return dict.fromkeys(event.skills)

    def apply(self, state: SkillState, event: Event) -> SkillState:
        """Return the state after an event."""
        state = structs.replace(state, started=True)
        match event.kind:
            case "review.given":
                return structs.replace(state, reviewers=_reviewed(state.reviewers, event))
            case "review.discounted":
                name = event.data.reviewer
                known = state.reviewers.get(name, Reviewer())
                return structs.replace(state, reviewers={**state.reviewers, name: structs.replace(known, discounted=True)})
            case _:
                return structs.replace(state, minutes=state.minutes + (minutes_of(event) or 0.0))

    def value(self, state: SkillState, reading: Reading) -> Score:
        """Return the progress with its three parts, and the word for it."""
        if not state.started:
            return Score(None)
        practised = 100 * min(state.minutes / self.target_minutes, 1.0)
        mastered = percent(reading.inputs["mastery"][reading.subject].value)
        said, of = self._said(state.reviewers), reading.subject
        score = weighted(
            (
                Component("practice", practised, self.practice, PRACTICE, of, most=100.0),
                Component("mastery", mastered, self.mastery, subject=of, formula="mastery", most=100.0),
                Component("reviews", said, self.reviews, REVIEWS, of, most=100.0),
            )
        )
        if score.value is None:
            return score
        passed = [name for name, bound in milestones(self.bounds) if score.value >= bound]
        return structs.replace(score, label=passed[-1] if passed else "beginner")

    def _said(self, reviewers: dict[str, Reviewer]) -> float:
        """Return what the reviewers make together: few of them give less than full marks, however good each is."""
        weights = [
            (self.discounted if one.discounted else 1.0, mean(tuple(one.works.values())))
            for one in reviewers.values()
            if one.works
        ]
        total = max(math.fsum(weight for weight, _ in weights), self.full_reviewers)
        return min(math.fsum(weight * quality for weight, quality in weights) / total, 100.0)


def milestones(bounds: Iterable[float]) -> list[tuple[str, float]]:
    """Return the milestones with their bounds, from the lowest to the highest."""
    return sorted(zip(MILESTONES, bounds, strict=True), key=lambda pair: pair[1])


def _reviewed(reviewers: dict[str, Reviewer], event: Event) -> dict[str, Reviewer]:
    """Return the reviewers after a review, as far as they are remembered."""
    name, known = event.data.reviewer, reviewers.get(event.data.reviewer, Reviewer())
    works = {work: quality for work, quality in known.works.items() if work != event.subject_id} | {
        event.subject_id: event.data.quality
    }
    works = dict(islice(works.items(), max(len(works) - WORKS, 0), None))
    others = {other: said for other, said in reviewers.items() if other != name}
    found = others | {name: Reviewer(works, known.discounted or event.data.discounted)}
    return dict(islice(found.items(), max(len(found) - REVIEWERS, 0), None))
