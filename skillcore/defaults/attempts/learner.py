"""What is remembered of a learner's attempts, and what is seen of it before the next one.

The same code runs where a model is trained, where it is judged and where it is applied: `features` sees a state, and `after`
makes the next one, so that nothing of an attempt, or of a later one, can be part of its own prediction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

__all__ = ["FEATURES", "SLOPED", "Learner", "Memory", "after", "features"]

GENERAL_HALF_LIVES = (3.0, 10.0, 40.0)
SKILL_HALF_LIVES = (1.5, 5.0, 15.0)
"""In attempts."""

USUAL = 2 / 3
"""What a share of successes is drawn to while there are few attempts."""

GENERAL_PRIOR, SKILL_PRIOR = 2.0, 1.0
"""How many attempts that counts for."""

RECENT = 5
LONGEST_RUN = 10.0
SKILLS_KEPT = 100
"""Of more skills, those practised last are remembered."""

GENERAL_DRIFT, SKILL_DRIFT = 0.005, 0.03
"""By how much the variance of an ability grows with an attempt: people learn, so that what was seen is outdated."""

MOST_VARIANCE = 1.0
MINUTE = 60.0

Trace = tuple[float, float, float, float]
"""Fading sums over attempts: of their weights, of successes, of surprises, and of what could have surprised."""


class Memory(Struct, frozen=True, array_like=True):
    """Attempts of a learner, all of them or those on a skill.

    Attributes:
        right: how many succeeded; an attempt in part counts in part.
        run: successes in a row, below zero failures.
        recent: the last outcomes, the newest first, from -0.5 to 0.5.
        traces: fading sums, one a half-life.
        ability: on the logit scale, beyond what the difficulty of the items explains, with its variance.
        place: how many attempts on anything there were before the last one.
        at: when the last one was, in seconds.
    """

    right: float = 0.0
    wrong: float = 0.0
    run: float = 0.0
    recent: tuple[float, ...] = ()
    traces: tuple[Trace, ...] = ((0.0, 0.0, 0.0, 0.0),) * 3
    ability: float = 0.0
    variance: float = 1.0
    place: int = 0
    at: float = 0.0


class Learner(Struct, frozen=True):
    """A learner's state: bounded, whatever the number of attempts.

    Attributes:
        attempts: so far.
        last: the skills of the last one.
        skills: of each, by id; those practised last.
    """

    attempts: int = 0
    last: tuple[str, ...] = ()
    general: Memory = Memory()
    skills: dict[str, Memory] = {}


UNKNOWN = Memory()


def _named(prefix: str) -> tuple[str, ...]:
    return (
        f"{prefix}.right",
        f"{prefix}.wrong",
        *(f"{prefix}.share_{span}" for span in ("short", "middle", "long")),
        *(f"{prefix}.surprise_{span}" for span in ("short", "middle", "long")),
        f"{prefix}.ability",
        f"{prefix}.variance",
        *(f"{prefix}.last_{number}" for number in range(1, RECENT + 1)),
        f"{prefix}.run",
        f"{prefix}.first",
        f"{prefix}.pause",
    )


FEATURES = (
    *_named("general"),
    "general.skills",
    *_named("skill"),
    "skill.same",
    "skill.gap",
    "both.ability_first",
    "both.abilities",
    "both.chance",
)
"""What a model may weigh, in the order of `features`."""

SLOPED = ("skill.right", "skill.wrong", "skill.first", "skill.same", "skill.gap")
"""What a model may weigh for each skill in its own way: how fast practice helps differs most between skills."""


def features(learner: Learner, skills: Sequence[str], ease: float, at: float) -> list[float]:
    """Return what is known before an attempt.

    Args:
        learner: after all earlier attempts.
        skills: that it takes; several count on average.
        ease: of what is attempted, on the logit scale.
        at: when it takes place, in seconds.
    """
    general = learner.general
    seen = _seen(general, GENERAL_PRIOR, at)
    seen.append(math.log1p(len(learner.skills)))
    if len(skills) == 1:
        on_skill = _on_skill(learner, skills[0], at)
    elif skills:
        each = [_on_skill(learner, skill, at) for skill in skills]
        on_skill = [math.fsum(column) / len(skills) for column in zip(*each, strict=True)]
    else:
        on_skill = [*_seen(UNKNOWN, SKILL_PRIOR, at), 0.0, 0.0]
    ability = general.ability + on_skill[_ABILITY]
    seen += on_skill
    seen.append(general.ability * on_skill[_FIRST])
    seen.append(on_skill[_ABILITY] * general.ability)
    seen.append(1 / (1 + math.exp(-ease - ability)) - 1 / (1 + math.exp(-ease)))
    return seen


_ABILITY = FEATURES.index("skill.ability") - FEATURES.index("skill.right")
_FIRST = FEATURES.index("skill.first") - FEATURES.index("skill.right")


def _on_skill(learner: Learner, skill: str, at: float) -> list[float]:
    memory = learner.skills.get(skill)
    same = 1.0 if skill in learner.last else 0.0
    if memory is None:
        return [*_seen(UNKNOWN, SKILL_PRIOR, at), same, 0.0]
    return [*_seen(memory, SKILL_PRIOR, at), same, math.log1p(learner.attempts - memory.place - 1)]


def _seen(memory: Memory, prior: float, at: float) -> list[float]:
    seen = [math.log1p(memory.right), math.log1p(memory.wrong)]
    seen += [(right + USUAL * prior) / (weight + prior) - USUAL for weight, right, _, _ in memory.traces]
    seen += [surprise / (possible + 0.5) for _, _, surprise, possible in memory.traces]
    seen += [memory.ability, memory.variance]
    seen += memory.recent
    seen += [0.0] * (RECENT - len(memory.recent))
    first = not memory.recent
    seen.append(memory.run)
    seen.append(1.0 if first else 0.0)
    seen.append(0.0 if first else math.log1p(max(0.0, at - memory.at) / MINUTE))
    return seen


def after(learner: Learner, skills: Sequence[str], ease: float, at: float, outcome: float) -> Learner:
    """Return the state after an attempt.

    Args:
        learner: before it.
        skills: as for `features`, and so are ``ease`` and ``at``.
        ease: as it was before the attempt.
        at: when it took place.
        outcome: from 0, a failure, to 1, a success.
    """
    memories = [learner.skills.get(skill, UNKNOWN) for skill in skills]
    share = 1 / len(memories) if memories else 0.0
    general = learner.general
    logit = ease + general.ability + math.fsum(memory.ability for memory in memories) * share
    chance = 1 / (1 + math.exp(-logit))
    information = chance * (1 - chance)
    variance = general.variance + math.fsum(memory.variance for memory in memories) * share * share
    push = (outcome - chance) / (1 + variance * information)
    tightening = information / (1 + variance * information)
    usual = 1 / (1 + math.exp(-ease))
    moved = _moved(general, GENERAL_KEPT, outcome, usual, push, tightening, GENERAL_DRIFT, learner.attempts, at)
    kept = dict(learner.skills)
    for skill, memory in zip(skills, memories, strict=True):
        kept[skill] = _moved(
            memory, SKILL_KEPT, outcome, usual, push * share, tightening * share * share, SKILL_DRIFT, learner.attempts, at
        )
    while len(kept) > SKILLS_KEPT:
        del kept[min(kept, key=lambda skill: (kept[skill].place, skill))]
    return Learner(learner.attempts + 1, tuple(skills), moved, kept)


def _kept(half_lives: Sequence[float]) -> tuple[float, ...]:
    return tuple(0.5 ** (1 / half_life) for half_life in half_lives)


GENERAL_KEPT, SKILL_KEPT = _kept(GENERAL_HALF_LIVES), _kept(SKILL_HALF_LIVES)
"""What is left of a trace after an attempt."""


def _moved(
    memory: Memory,
    kept: Sequence[float],
    outcome: float,
    usual: float,
    push: float,
    tightening: float,
    drift: float,
    place: int,
    at: float,
) -> Memory:
    success = outcome >= 0.5
    run = max(memory.run, 0.0) + 1 if success else min(memory.run, 0.0) - 1
    surprise, possible = outcome - usual, usual * (1 - usual)
    return Memory(
        memory.right + outcome,
        memory.wrong + 1 - outcome,
        max(-LONGEST_RUN, min(LONGEST_RUN, run)),
        (outcome - 0.5, *memory.recent[: RECENT - 1]),
        tuple(
            (weight * keep + 1, right * keep + outcome, surprised * keep + surprise, could * keep + possible)
            for keep, (weight, right, surprised, could) in zip(kept, memory.traces, strict=True)
        ),
        memory.ability + memory.variance * push,
        min(MOST_VARIANCE, memory.variance - memory.variance * memory.variance * tightening + drift),
        place,
        at,
    )
