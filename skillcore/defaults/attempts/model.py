"""A trained model: coefficients on the logit scale, as a small file that says what it was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from skillcore.defaults.attempts.learner import FEATURES, SLOPED, Learner, features

__all__ = ["Bend", "Effect", "Model", "TrainedOn", "UnusableModel", "generic", "read_model"]

GENERIC = Path(__file__).with_name("generic.json")
MOST_LOGIT = 30.0

Finite = Annotated[float, Meta(ge=-1e6, le=1e6)]


class UnusableModel(ValueError):
    """A file that holds no model, or one of another version; the message names it and what to do."""


class Effect(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What is known of an item or a skill, on the logit scale.

    Attributes:
        effect: what it adds to a prediction.
        ease: how often it is answered right, whoever tries.
        slopes: of a skill, what it adds to the weights of the features in `SLOPED`.
    """

    effect: Finite
    ease: Finite
    slopes: tuple[Finite, ...] = ()


class Bend(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What is added to a logit the more, the farther it is from the middle: what so low or so high ones turned out to be.

    Attributes:
        depth: what is added at the reach and beyond it.
        middle: the logit to which nothing is added.
        reach: how far from the middle the bend goes on.
    """

    depth: Finite = 0.0
    middle: Finite = 0.0
    reach: Annotated[float, Meta(gt=0, le=1e6)] = 1.0

    def of(self, logit: float) -> float:
        """Return what is added to a logit."""
        return self.depth * min(abs(logit - self.middle) / self.reach, 1.0) ** 2


class TrainedOn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model was trained on, in numbers."""

    answers: int
    learners: int
    items: int
    skills: int


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Coefficients.

    Attributes:
        format: of the file, and of what the features mean.
        least_learners: how many tried each item and each skill that is named, at least; the others aren't.
        weights: of each feature.
        bend: of the sum of all else.
        ease: of what is not named.
        skills: by id.
        items: by name.
    """

    format: Literal[1] = 1
    trained_on: TrainedOn
    least_learners: Annotated[int, Meta(ge=1)]
    intercept: Finite
    ease: Finite
    weights: Mapping[str, Finite]
    bend: Bend = Bend()
    skills: Mapping[str, Effect] = {}
    items: Mapping[str, Effect] = {}

    def ease_of(self, item: str, skills: Sequence[str]) -> float:
        """Return how easy an item is: its own ease, else that of its skills on average, else that of anything."""
        known = self.items.get(item)
        if known is not None:
            return known.ease
        if not skills:
            return self.ease
        return math.fsum(self.skills[skill].ease if skill in self.skills else self.ease for skill in skills) / len(skills)

    def contributions(
        self, learner: Learner, item: str, skills: Sequence[str], at: float, *, stated_ease: float = 0.0
    ) -> dict[str, float]:
        """Return what adds up to the logit of the next attempt's success, by name.

        Args:
            learner: after all earlier attempts.
            item: what is attempted; empty, or an unknown one, for any.
            skills: that it takes.
            at: when, in seconds.
            stated_ease: what is known of its ease beside the model.
        """
        seen = features(learner, skills, self.ease_of(item, skills) + stated_ease, at)
        parts = {name: value * self.weights[name] for name, value in zip(FEATURES, seen, strict=True)}
        parts["intercept"] = self.intercept
        parts["difficulty"] = stated_ease
        parts["item"] = self.items[item].effect if item in self.items else 0.0
        parts["skill"] = 0.0
        for effect in (self.skills[skill] for skill in skills if skill in self.skills):
            parts["skill"] += effect.effect / len(skills)
            for name, place, slope in zip(SLOPED, _SLOPED_PLACES, effect.slopes, strict=False):
                parts[name] += slope * seen[place] / len(skills)
        parts["bend"] = self.bend.of(math.fsum(parts.values()))
        return parts

    def probability(self, learner: Learner, item: str, skills: Sequence[str], at: float) -> float:
        """Return the probability that the next attempt succeeds; arguments as for `contributions`."""
        return chance(math.fsum(self.contributions(learner, item, skills, at).values()))

    def digest(self) -> str:
        """Return what tells this model from others."""
        return sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:16]


_SLOPED_PLACES = tuple(FEATURES.index(name) for name in SLOPED)


def chance(logit: float) -> float:
    """Return the probability of a logit; never quite 0 or 1."""
    return 1 / (1 + math.exp(-max(-MOST_LOGIT, min(MOST_LOGIT, logit))))


def read_model(path: Path) -> Model:
    """Return the model in a file.

    Raises:
        UnusableModel: there is none.
    """
    try:
        model = msgspec.json.decode(path.read_bytes(), type=Model)
    except OSError as error:
        raise UnusableModel(f"{path}: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise UnusableModel(f"{path} holds no model of this version: {error}; make one by `skillcore models train`") from error
    if any(len(skill.slopes) not in (0, len(SLOPED)) for skill in model.skills.values()):
        raise UnusableModel(f"{path} has other slopes than this version takes, which are {len(SLOPED)}; train it anew")
    if set(model.weights) != set(FEATURES):
        odd = ", ".join(sorted(set(model.weights) ^ set(FEATURES)))
        raise UnusableModel(f"{path} weighs other features than this version sees ({odd}); train it anew")
    return model


def generic() -> Model:
    """Return the model that comes with the engine, which knows no item and no skill."""
    return read_model(GENERIC)
