"""Why a score is what it is: its components, and the events that moved those that are its own, with how much."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from skillcore.accounts.access import Actor
from skillcore.insight.levels import DIGITS, rounded, shown_head
from skillcore.insight.readings import Asked, asked
from skillcore.ledger import scores, snapshots
from skillcore.ledger.entries import is_visible
from skillcore.ledger.folding import valued
from skillcore.ledger.streams import LAST, Position, Stored
from skillcore.plugin import Component, Reading, Score, ScoringFormula
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position

__all__ = ["Explanation", "Fact", "Gain", "Part", "explain", "gains", "opened", "part_of"]


class Part(Struct, frozen=True, kw_only=True):
    """A component of a score.

    Attributes:
        contribution: value times weight; the score combines these.
        most: the highest that the value can become; null where there is no end.
        kinds: kinds of the events behind it.
        formula: it is this formula's score, which can be explained in turn; null if it stems from events.
        subject: of this subject; empty for all.
    """

    name: str
    value: float
    weight: float
    contribution: float
    most: float | None
    kinds: list[str]
    formula: str | None
    subject: str


class Gain(Struct, frozen=True, kw_only=True):
    """What would raise the score.

    Attributes:
        component: by its name.
        formula: as in `Part`.
        subject: as in `Part`.
        points: by how much the score would rise, were the component as high as it can be, and all else as it is.
    """

    component: str
    formula: str | None
    subject: str
    points: float


class Fact(Struct, frozen=True, kw_only=True):
    """An event that moved what the formula remembers of the subject, and mostly the score with it.

    All events are told of by one reading, that of the explanation: by its moment, its definition, such as a space's targets,
    and its scores of other formulas. So what an event changed is its own doing, and the last of all makes the score explained.

    Attributes:
        change: the score after it less the score before it, in the order of time; null where one of them is none.
        score: what the events up to this one make.
        components: those whose value or weight it moved. Never another formula's score by its value: what moved that is told
            where it is explained itself, by the formula and the subject that its component names.
    """

    id: UUID
    kind: str
    subject: str
    skills: tuple[str, ...]
    data: Any
    occurred_at: datetime
    via: str
    change: float | None
    score: float | None
    components: list[str]


class Explanation(Struct, frozen=True, kw_only=True):
    """A score opened down to its facts.

    Attributes:
        subject: a skill, a space and so on, as the formula has it; empty for the person's own.
        as_of: the day at whose end the score holds; null for now.
        combine: how the contributions make the value.
        link: what makes the value of that: `identity`, or `logistic`, with the contributions on the scale of logits.
        parameters: of the formula, as configured.
        head: the version of the person's stream that it holds for; null for a platform, whom it would tell of other ones.
        gains: what would raise the score, the most first; components without an end are not among them.
        events: what moved the formula's own components, in the order of time; to a platform without what concerns other ones.
    """

    user_id: UUID
    formula: str
    formula_version: int
    subject: str
    as_of: date | None
    value: float | None
    label: str | None
    combine: str
    link: str
    parameters: Mapping[str, Any]
    head: int | None
    components: list[Part]
    gains: list[Gain]
    events: Page[Fact]


async def explain(
    tx: Transaction,
    actor: Actor,
    formula: str,
    *,
    user: str,
    skill: str | None,
    subject: str | None,
    as_of: date | None,
    limit: int,
    cursor: str | None,
) -> Explanation:
    """Explain a person's score.

    Args:
        tx: an open transaction.
        actor: who asks.
        formula: a role or a formula's name.
        user: whose score.
        skill: of this skill.
        subject: of this subject, as the formula has it; without it and a skill the person's own.
        as_of: as it was at the end of this day.
        limit: events on a page.
        cursor: of the page.

    Raises:
        NotFound: no such formula or skill, or no such person for this caller.
        InvalidField: as for `skillcore.insight.readings.asked`.
    """
    wanted = await asked(tx, actor, formula, user=user, skill=skill, subject=subject, as_of=as_of)
    return await opened(tx, actor, wanted, as_of=as_of, limit=limit, cursor=cursor)


async def opened(
    tx: Transaction, actor: Actor, wanted: Asked, *, as_of: date | None, limit: int, cursor: str | None
) -> Explanation:
    """Return the explanation of a score that somebody may see, down to the events that they may see."""
    bound, at = scores.bound(tx.engine, wanted.formula), now()
    value = await scores.read(tx, wanted.user_id, wanted.formula, subject=wanted.subject, at=at, as_of=wanted.as_of)
    reading = await scores.reading(tx, wanted.user_id, bound, subject=wanted.subject, at=at, as_of=wanted.as_of)
    after = position(cursor, tuple[datetime, UUID])
    facts = await _facts(tx, actor, wanted, bound, reading, head=value.head, limit=limit, after=after)
    return Explanation(
        user_id=wanted.user_id,
        formula=value.formula,
        formula_version=value.version,
        subject=wanted.subject,
        as_of=as_of,
        value=rounded(value.score.value),
        label=value.score.label,
        combine=value.score.combine,
        link=value.score.link,
        parameters=bound.parameters(),
        head=shown_head(actor, value.head),
        components=[part_of(component) for component in value.score.components],
        gains=gains(value.score),
        events=page(facts, limit, lambda fact: fact, lambda fact: (fact.occurred_at, fact.id)),
    )


def gains(score: Score) -> list[Gain]:
    """Return what would raise a score, the most first."""
    found = []
    for place, component in enumerate(score.components):
        if score.value is None or component.most is None:
            continue
        raised = list(score.components)
        raised[place] = structs.replace(component, value=component.most)
        points = structs.replace(score, components=tuple(raised)).combined() - score.value
        if (shown := round(points, DIGITS)) > 0:
            found.append(
                Gain(component=component.name, formula=component.formula or None, subject=component.subject, points=shown)
            )
    return sorted(found, key=lambda gain: (-gain.points, gain.component, gain.subject))


async def _facts(
    tx: Transaction,
    actor: Actor,
    wanted: Asked,
    formula: ScoringFormula[Any],
    reading: Reading,
    *,
    head: int,
    limit: int,
    after: Position | None,
) -> list[Fact]:
    """Return one more than ``limit`` of the events after a position that moved the score."""
    facts: list[Fact] = []
    connection, plugins, until = await tx.psycopg(), tx.engine.plugins, wanted.as_of or LAST
    moves = snapshots.moves(connection, plugins, formula, wanted.user_id, reading.subject, head=head, after=after, until=until)
    async for move in moves:
        if is_visible(actor, move.stored.origin):
            before, moved = (valued(formula, state, reading) for state in (move.before, move.after))
            facts.append(_fact(move.stored, before, moved))
            if len(facts) > limit:
                break
    return facts


def _fact(stored: Stored, before: Score, after: Score) -> Fact:
    event = stored.event
    change = None if before.value is None or after.value is None else after.value - before.value
    return Fact(
        id=UUID(event.id),
        kind=event.kind,
        subject=event.subject_id,
        skills=event.skills,
        data=msgspec.to_builtins(event.data),
        occurred_at=event.occurred_at,
        via=event.via,
        change=rounded(change),
        score=rounded(after.value),
        components=_moved(before, after),
    )


def _moved(before: Score, after: Score) -> list[str]:
    """Return the components whose value or weight, as they are shown, an event changed.

    One that is new was nothing before, unless it is another formula's score: that is what it is without this event.
    """
    old = {(part.name, part.subject): _shown(part) for part in before.components}
    found = []
    for part in after.components:
        value, weight = _shown(part)
        if (value, weight) != old.get((part.name, part.subject), (value if part.formula else 0.0, weight)):
            found.append(part.name)
    return found


def _shown(part: Component) -> tuple[float, float]:
    return round(part.value, DIGITS), round(part.weight, DIGITS)


def part_of(component: Component) -> Part:
    """Return a component as it is shown."""
    return Part(
        name=component.name,
        value=round(component.value, DIGITS),
        weight=round(component.weight, DIGITS),
        contribution=round(component.value * component.weight, DIGITS),
        most=None if component.most is None else round(component.most, DIGITS),
        kinds=sorted(component.kinds),
        formula=component.formula or None,
        subject=component.subject,
    )
