"""Scores as they are asked for over HTTP: any formula's, of any of its subjects, today or as of a former day, or along many."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.insight import spans
from skillcore.insight.levels import rounded, shown_head
from skillcore.insight.spans import Span
from skillcore.ledger import scores, skills
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import InvalidField, NotFound

__all__ = ["Asked", "Point", "ScoreReading", "Series", "asked", "chosen", "read", "series"]


class Asked(Struct, frozen=True, kw_only=True):
    """Which score is asked for, as it was resolved.

    Attributes:
        formula: as asked: a role or a name.
        as_of: the moment after which nothing counts; None for all there is.
    """

    user_id: UUID
    time_zone: str
    formula: str
    subject: str
    as_of: datetime | None


class ScoreReading(Struct, frozen=True, kw_only=True):
    """A score.

    Attributes:
        formula: which computed it.
        subject: a skill, a space and so on, as the formula has it; empty for the person's own.
        value: null where there is nothing to judge by.
        label: a word for the value, where thresholds give one.
        as_of: the day at whose end the score holds; null for now.
        head: the version of the person's stream that it holds for; null for a platform, whom it would tell of other ones.
    """

    user_id: UUID
    formula: str
    formula_version: int
    subject: str
    value: float | None
    label: str | None
    as_of: date | None
    head: int | None


class Point(Struct, frozen=True, kw_only=True):
    """A score at the end of a day, week or month.

    Attributes:
        start: its first day; weeks begin on Monday.
    """

    start: date
    value: float | None
    label: str | None


class Series(Struct, frozen=True, kw_only=True):
    """A score over time, oldest first: each value as of the end of its bucket, in the person's time zone.

    Attributes:
        subject: as in `ScoreReading`.
    """

    user_id: UUID
    formula: str
    formula_version: int
    subject: str
    bucket: Span
    time_zone: str
    points: list[Point]


async def asked(
    tx: Transaction,
    actor: Actor,
    formula: str,
    *,
    user: str,
    skill: str | None = None,
    subject: str | None = None,
    as_of: date | None = None,
) -> Asked:
    """Resolve which score is asked for.

    Args:
        tx: an open transaction.
        actor: who asks.
        formula: a role or a formula's name.
        user: whose score.
        skill: of this skill.
        subject: of this subject, as the formula has it.
        as_of: at the end of this day.

    Raises:
        NotFound: no such formula or skill, or no such person for this caller.
        InvalidField: a skill and another subject at once, or a day that cannot be asked for.
    """
    _check(tx, formula, skill, subject)
    person = await people.read(tx, actor, user)
    return await chosen(tx, person.id, person.time_zone, formula, skill=skill, subject=subject, as_of=as_of)


async def chosen(
    tx: Transaction,
    user_id: UUID,
    time_zone: str,
    formula: str,
    *,
    skill: str | None = None,
    subject: str | None = None,
    as_of: date | None = None,
) -> Asked:
    """Resolve which score of a person is asked for; other arguments and errors are those of `asked`."""
    _check(tx, formula, skill, subject)
    return Asked(
        user_id=user_id,
        time_zone=time_zone,
        formula=formula,
        subject=(subject or "") if skill is None else (await skills.get(tx, skill)).id,
        as_of=spans.past_end(as_of, time_zone),
    )


def _check(tx: Transaction, formula: str, skill: str | None, subject: str | None) -> None:
    settings, offered = tx.engine.settings.formulas, tx.engine.plugins.formulas
    if formula not in settings and formula not in offered:
        raise NotFound(f"there is no formula {formula!r}; there are: {', '.join(sorted({*settings, *offered}))}")
    if skill is not None and subject is not None:
        raise InvalidField("subject: ask for a skill or for another subject, not for both", field="subject")


async def read(
    tx: Transaction,
    actor: Actor,
    formula: str,
    *,
    user: str,
    skill: str | None,
    subject: str | None,
    as_of: date | None,
) -> ScoreReading:
    """Return a person's score; arguments and errors are those of `asked`."""
    wanted = await asked(tx, actor, formula, user=user, skill=skill, subject=subject, as_of=as_of)
    value = await scores.read(tx, wanted.user_id, formula, subject=wanted.subject, as_of=wanted.as_of)
    return ScoreReading(
        user_id=wanted.user_id,
        formula=value.formula,
        formula_version=value.version,
        subject=value.subject,
        value=rounded(value.score.value),
        label=value.score.label,
        as_of=as_of,
        head=shown_head(actor, value.head),
    )


async def series(
    tx: Transaction,
    actor: Actor,
    formula: str,
    *,
    user: str,
    skill: str | None,
    subject: str | None,
    bucket: Span,
    since: date | None,
    until: date | None,
) -> Series:
    """Return a person's score over time, from the bucket of ``since`` to that of ``until``, which is today if not given.

    Other arguments and errors are those of `asked`, and those errors of `skillcore.insight.spans.starts`.
    """
    wanted = await asked(tx, actor, formula, user=user, skill=skill, subject=subject)
    starts = spans.starts(bucket, since, until or now().astimezone(ZoneInfo(wanted.time_zone)).date())
    ends = [spans.end_of_day(spans.last_day(bucket, start), wanted.time_zone) for start in starts]
    values = await scores.series(tx, wanted.user_id, formula, ends, subject=wanted.subject)
    bound = scores.bound(tx.engine, formula)
    return Series(
        user_id=wanted.user_id,
        formula=bound.name,
        formula_version=bound.version,
        subject=wanted.subject,
        bucket=bucket,
        time_zone=wanted.time_zone,
        points=[
            Point(start=start, value=rounded(value.score.value), label=value.score.label)
            for start, value in zip(starts, values, strict=True)
        ],
    )
