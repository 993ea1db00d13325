"""The learning level: read at the head of a person's stream, and told when its whole part changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from msgspec import Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import LevelChanged
from skillcore.insight import spans
from skillcore.ledger import scores, skills
from skillcore.ledger.streams import ACCOUNT_KINDS
from skillcore.plugin import Event, Score
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, consequence
from skillcore.runtime.rooms import Subscription

__all__ = ["DIGITS", "ROLE", "SUBSCRIPTION", "LevelReading", "most_of", "read", "rounded", "shown_head", "tell_changes"]

ROLE = "level"
DIGITS = 6
"""Scores are rounded when they are shown, and only then."""

LAST_TOLD = """select (data ->> 'new')::int from events where user_id = %s and kind = 'level.changed'
  order by version desc limit 1"""


class LevelReading(Struct, frozen=True, kw_only=True):
    """A level.

    Attributes:
        skill: of one skill; null for the person's own.
        value: unbounded; 0 before the first accepted work.
        formula: which computed it, as bound to the role `level`.
        as_of: the day at whose end the level holds; null for now.
        head: the version of the person's stream that it holds for; null for a platform, whom it would tell of other ones.
    """

    user_id: UUID
    skill: str | None
    value: float | None
    label: str | None
    formula: str
    formula_version: int
    as_of: date | None
    head: int | None


async def read(tx: Transaction, actor: Actor, person: str, *, skill: str | None, as_of: date | None = None) -> LevelReading:
    """Return a person's level, overall or of one skill, now or at the end of a former day.

    Raises:
        NotFound: no such person for this caller, or no such skill.
        InvalidField: a day that cannot be asked for.
    """
    known = await people.read(tx, actor, person)
    subject = "" if skill is None else (await skills.get(tx, skill)).id
    value = await scores.read(tx, known.id, ROLE, subject=subject, as_of=spans.past_end(as_of, known.time_zone))
    return LevelReading(
        user_id=known.id,
        skill=subject or None,
        value=rounded(value.score.value),
        label=value.score.label,
        formula=value.formula,
        formula_version=value.version,
        as_of=as_of,
        head=shown_head(actor, value.head),
    )


def shown_head(actor: Actor, head: int) -> int | None:
    """Return the head of a stream as it is shown; to a platform it would tell that others record there, too."""
    return None if actor.kind == "key" else head


def most_of(score: Score) -> float:
    """Return the most that a score can become, which may have no end."""
    if not score.components or any(part.most is None for part in score.components):
        return math.inf
    parts = [(part.most or 0.0) * part.weight for part in score.components]
    return math.fsum(parts) if score.combine == "sum" else math.prod(parts)


def rounded(value: float | None) -> float | None:
    """Return a score as it is shown."""
    return None if value is None else round(value, DIGITS)


async def tell_changes(tx: Transaction, events: Mapping[UUID, tuple[Event, ...]]) -> list[NewEvent]:
    """Return a `level.changed` for each person whose level's whole part is another than the one told last."""
    told = []
    for user_id, theirs in events.items():
        value = await scores.read(tx, user_id, ROLE)
        new = math.floor(value.score.value or 0.0)
        row = await (await (await tx.psycopg()).execute(LAST_TOLD, (user_id,))).fetchone()
        old = row[0] if row else 0
        if new != old:
            told.append(
                NewEvent(
                    user_id=user_id,
                    kind="level.changed",
                    data=LevelChanged(old=old, new=new, formula=value.formula),
                    id=consequence(SUBSCRIPTION.name, UUID(theirs[-1].id)),
                )
            )
    return told


SUBSCRIPTION = Subscription(
    name="insight.level", kinds=ACCOUNT_KINDS, follows=ROLE, emits=frozenset({"level.changed"}), handle=tell_changes
)
