"""How far somebody is in each skill that they have started: the word for it, the milestones reached and the next one."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.skill_progress import SkillProgress, milestones
from skillcore.insight.charts import names_of_skills
from skillcore.insight.levels import DIGITS, rounded
from skillcore.ledger import scores
from skillcore.plugin import Score
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position

__all__ = ["NextMilestone", "SkillStanding", "StandingPart", "listing"]

ROLE = "skill_progress"


class StandingPart(Struct, frozen=True, kw_only=True):
    """A part of progress in a skill, from 0 to 100, with its weight."""

    name: str
    value: float
    weight: float


class NextMilestone(Struct, frozen=True, kw_only=True):
    """A milestone that is to come.

    Attributes:
        at: the progress from which it is reached.
        missing: how much of that is missing.
    """

    name: str
    at: float
    missing: float


class SkillStanding(Struct, frozen=True, kw_only=True):
    """How far somebody is in a skill.

    Attributes:
        skill: its id.
        name: its name.
        value: from 0, for a skill that is started and no more, to 100.
        level: the word for it.
        reached: the milestones that are reached, the lowest first; none where another formula judges that has no such words.
        next: the milestone that follows; null after the last.
    """

    skill: str
    name: str
    value: float
    level: str | None
    parts: list[StandingPart]
    reached: list[str]
    next: NextMilestone | None


async def listing(tx: Transaction, actor: Actor, person: str, *, limit: int, cursor: str | None) -> Page[SkillStanding]:
    """Return how far a person is in each skill that they have started, by the skills' ids.

    A platform is shown skills that some event it may see names.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id: UUID = await people.resolve(tx, actor, person)
    after = position(cursor, str)
    formula = scores.bound(tx.engine, ROLE)
    bounds = milestones(formula.bounds) if isinstance(formula, SkillProgress) else []
    found = await scores.read_all(tx, user_id, ROLE)
    judged = {subject: value.score for subject, value in found.items() if value.score.value is not None}
    names = await names_of_skills(tx, actor, user_id, formula.kinds, judged)
    following = [skill for skill in sorted(names) if after is None or skill > after]
    return page(
        following[: limit + 1],
        limit,
        lambda skill: _standing(skill, names[skill], judged[skill], bounds),
        lambda skill: skill,
    )


def _standing(skill: str, name: str, score: Score, bounds: list[tuple[str, float]]) -> SkillStanding:
    value = score.value or 0.0
    coming = next(((word, at) for word, at in bounds if value < at), None)
    return SkillStanding(
        skill=skill,
        name=name,
        value=rounded(value) or 0.0,
        level=score.label,
        parts=[
            StandingPart(name=part.name, value=round(part.value, DIGITS), weight=round(part.weight, DIGITS))
            for part in score.components
        ],
        reached=[word for word, at in bounds if value >= at],
        next=None if coming is None else NextMilestone(name=coming[0], at=coming[1], missing=round(coming[1] - value, DIGITS)),
    )
