"""Why a score is what it is: its components, and every event that moved it, with how much."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.insight.levels import DIGITS, rounded, shown_head
from skillcore.ledger import scores, skills
from skillcore.ledger.entries import is_visible
from skillcore.ledger.streams import Position, Stored, in_time_order
from skillcore.plugin import Component, Reading, Score, ScoringFormula
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import NotFound

__all__ = ["Explanation", "Fact", "Part", "explain"]


class Part(Struct, frozen=True, kw_only=True):
    """A component of a score.

    Attributes:
        contribution: value times weight; the score combines these.
        kinds: kinds of the events behind it.
    """

    name: str
    value: float
    weight: float
    contribution: float
    kinds: list[str]


class Fact(Struct, frozen=True, kw_only=True):
    """An event that moved the score.

    Attributes:
        change: the score after it less the score before it, both in the order of time; null where one of them is none.
        score: the score after it.
        components: those that it moved.
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
        skill: of one skill; null for the person's own.
        combine: how the contributions make the value.
        link: what makes the value of that: `identity`, or `logistic`, with the contributions on the scale of logits.
        parameters: of the formula, as configured.
        head: the version of the person's stream that it holds for; null for a platform, whom it would tell of other ones.
        events: what moved the score, in the order of time; to a platform without what concerns other platforms.
    """

    user_id: UUID
    formula: str
    formula_version: int
    skill: str | None
    value: float | None
    label: str | None
    combine: str
    link: str
    parameters: Mapping[str, Any]
    head: int | None
    components: list[Part]
    events: Page[Fact]


async def explain(
    tx: Transaction, actor: Actor, formula: str, *, user: str, skill: str | None, limit: int, cursor: str | None
) -> Explanation:
    """Explain a person's score.

    Args:
        tx: an open transaction.
        actor: who asks.
        formula: a role or a formula's name.
        user: whose score.
        skill: of this skill; without it the person's own.
        limit: events on a page.
        cursor: of the page.

    Raises:
        NotFound: no such formula or skill, or no such person for this caller.
    """
    if formula not in tx.engine.settings.formulas and formula not in tx.engine.plugins.formulas:
        known = ", ".join(sorted({*tx.engine.settings.formulas, *tx.engine.plugins.formulas}))
        raise NotFound(f"there is no formula {formula!r}; there are: {known}")
    user_id = await people.resolve(tx, actor, user)
    subject = "" if skill is None else (await skills.get(tx, skill)).id
    at = now()
    value = await scores.read(tx, user_id, formula, subject=subject, at=at)
    bound = scores.bound(tx.engine, formula)
    reading = await scores.reading(tx, user_id, bound, subject=subject, at=at)
    facts = await _facts(
        tx, actor, user_id, bound, reading, head=value.head, limit=limit, after=position(cursor, tuple[datetime, UUID])
    )
    return Explanation(
        user_id=user_id,
        formula=value.formula,
        formula_version=value.version,
        skill=subject or None,
        value=rounded(value.score.value),
        label=value.score.label,
        combine=value.score.combine,
        link=value.score.link,
        parameters=bound.parameters(),
        head=shown_head(actor, value.head),
        components=[_part(component) for component in value.score.components],
        events=page(facts, limit, lambda fact: fact, lambda fact: (fact.occurred_at, fact.id)),
    )


async def _facts(
    tx: Transaction,
    actor: Actor,
    user_id: UUID,
    formula: ScoringFormula[Any],
    reading: Reading,
    *,
    head: int,
    limit: int,
    after: Position | None,
) -> list[Fact]:
    """Return one more than ``limit`` of the events after a position that moved the score."""
    facts: list[Fact] = []
    states: dict[str, Any] = {}
    events = in_time_order(await tx.psycopg(), tx.engine.plugins, user_id, formula.kinds, head=head)
    async for stored in events:
        old = states.get(reading.subject)
        scores.fold(formula, states, stored.event)
        new = states.get(reading.subject)
        if new != old and (after is None or stored.position > after) and is_visible(actor, stored.origin):
            before, now_ = (scores.valued(formula, state, reading) for state in (old, new))
            facts.append(_fact(stored, before, now_))
            if len(facts) > limit:
                break
    return facts


def _fact(stored: Stored, before: Score, after: Score) -> Fact:
    event = stored.event
    old = {component.name: component.value * component.weight for component in before.components}
    moved = [part.name for part in after.components if part.value * part.weight != old.get(part.name)]
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
        components=moved,
    )


def _part(component: Component) -> Part:
    return Part(
        name=component.name,
        value=round(component.value, DIGITS),
        weight=round(component.weight, DIGITS),
        contribution=round(component.value * component.weight, DIGITS),
        kinds=sorted(component.kinds),
    )
