"""The unified coding profile: what the sources say of a person's accounts, and what was verified there, each with its origin.

All of it follows from the person's stream, so the stream's newest event says whether it still holds. An account that is
linked no more drops out with everything that it brought, be it unlinked or withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from skillcore import __version__
from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.insight import spans
from skillcore.insight.connected import Connected, connected, newest, works
from skillcore.insight.levels import rounded
from skillcore.plugin import Figure
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.freshness import tag_of

__all__ = ["Asked", "Part", "Profile", "Rating", "SkillShare", "SourceShown", "Total", "ask", "read"]

Proof = Literal["proved", "vouched"]


class Part(Struct, frozen=True, kw_only=True):
    """What one source contributes to a number.

    Attributes:
        handle: of the account there; null for callers who may not read a person's accounts.
        proof: whether the account's user has proved it, or a platform vouches for it.
        value: what the site says; null if it says nothing of the kind.
        verified: works of the kind that were verified at the site; null for what is no number of works.
        read_at: when the site first said so: it is asked again and again, and what it repeats is not kept. Null with `value`.
    """

    source: str
    handle: str | None
    proof: Proof
    value: float | None
    verified: int | None
    read_at: datetime | None


class Total(Struct, frozen=True, kw_only=True):
    """A number of works over all sources.

    Attributes:
        value: the sum of what the sites say; null if none says anything.
        verified: the sum of what was verified there; null if no account is linked where such works are.
        parts: by source.
    """

    value: float | None
    verified: int | None
    parts: list[Part]


class Rating(Struct, frozen=True, kw_only=True):
    """Ratings in contests, each on its source's own scale.

    Attributes:
        value: the highest; null if there is none.
        source: that it is from.
        parts: by source.
    """

    value: float | None
    source: str | None
    parts: list[Part]


class SkillShare(Struct, frozen=True, kw_only=True):
    """A skill that verified works show; `GET /api/skills` has its name.

    Attributes:
        works: verified works that show it; one may show several skills.
        share: of all verified works, from 0 to 1.
        sources: how many of them are from which source.
    """

    skill: str
    works: int
    share: float
    sources: dict[str, int]


class SourceShown(Struct, frozen=True, kw_only=True):
    """An account, and all that is known by it.

    Attributes:
        account: the name under which the ledger knows it; null, as is ``handle``, for callers who may not read accounts.
        method: how it was proved, or ``vouched``.
        linked_at: when that was last said.
        figures: all that its public profile shows, by name; null if it was never read.
        read_at: as in `Part`.
        works: verified there.
    """

    source: str
    account: str | None
    handle: str | None
    proof: Proof
    method: str
    linked_at: datetime
    figures: dict[str, float] | None
    read_at: datetime | None
    works: int


class Profile(Struct, frozen=True, kw_only=True):
    """A person's coding profile.

    Attributes:
        as_of: the day at whose end it holds; null for now.
        skills: the most frequent first.
        sources: the accounts that are linked, by source.
    """

    user_id: UUID
    as_of: date | None
    problems_solved: Total
    contest_rating: Rating
    contributions: Total
    skills: list[SkillShare]
    sources: list[SourceShown]


class Asked(Struct, frozen=True, kw_only=True):
    """Whose profile is asked for, by whom, and the tag that stands for what they would be answered."""

    user_id: UUID
    actor: Actor
    as_of: date | None
    until: datetime | None
    tag: str

    @property
    def names_accounts(self) -> bool:
        """Whether the caller may read whose accounts these are."""
        return self.actor.kind == "user" or "users:read" in self.actor.scopes


async def ask(tx: Transaction, actor: Actor, *, user: str, as_of: date | None) -> Asked:
    """Resolve whose profile is asked for.

    Raises:
        NotFound: no such person for this caller.
        InvalidField: a day that cannot be asked for.
    """
    person = await people.read(tx, actor, user)
    until = spans.past_end(as_of, person.time_zone)
    asked = Asked(user_id=person.id, actor=actor, as_of=as_of, until=until, tag="")
    counted = sorted((name, source.counted_as) for name, source in tx.engine.plugins.sources.items())
    # A platform's tag follows from what it may see: the head of the stream would tell it of other ones.
    head = await newest(tx, actor, person.id)
    facts = (__version__, counted, person.id, as_of, until, actor.platform_id, asked.names_accounts, head)
    return msgspec.structs.replace(asked, tag=tag_of(msgspec.json.encode(facts)))


async def read(tx: Transaction, asked: Asked) -> Profile:
    """Return the profile that was asked for."""
    accounts = await connected(tx, asked.actor, asked.user_id, asked.until)
    found = await works(tx, asked.actor, asked.user_id, accounts, asked.until)
    return Profile(
        user_id=asked.user_id,
        as_of=asked.as_of,
        problems_solved=_total(tx.engine, asked, accounts, found.total, "problems_solved"),
        contest_rating=_rating(asked, accounts),
        contributions=_total(tx.engine, asked, accounts, found.total, "contributions"),
        skills=_skills(found.by_skill, sum(found.total.values())),
        sources=[_source(asked, account, found.total[account.source]) for account in accounts],
    )


def _total(engine: Engine, asked: Asked, accounts: Sequence[Connected], verified: Mapping[str, int], figure: Figure) -> Total:
    """Return a number of works: parts are of the sources that say it, and of those whose works are instances of it."""
    sources, parts = engine.plugins.sources, []
    for account in accounts:
        counts = account.source in sources and sources[account.source].counted_as == figure
        if counts or figure in account.figures:
            parts.append(_part(asked, account, figure, verified[account.source] if counts else None))
    return Total(
        value=_sum(part.value for part in parts),
        verified=_whole(part.verified for part in parts),
        parts=parts,
    )


def _rating(asked: Asked, accounts: Sequence[Connected]) -> Rating:
    parts = [_part(asked, account, "contest_rating", None) for account in accounts if _is_rated(account)]
    if not parts:
        return Rating(value=None, source=None, parts=[])
    value, source = max((account.figures["contest_rating"], account.source) for account in accounts if _is_rated(account))
    return Rating(value=rounded(value), source=source, parts=parts)


def _is_rated(account: Connected) -> bool:
    return "contest_rating" in account.figures


def _part(asked: Asked, account: Connected, figure: Figure, verified: int | None) -> Part:
    value = account.figures.get(figure)
    return Part(
        source=account.source,
        handle=account.handle if asked.names_accounts else None,
        proof=account.proof,
        value=rounded(value),
        verified=verified,
        read_at=None if value is None else account.read_at,
    )


def _source(asked: Asked, account: Connected, number: int) -> SourceShown:
    return SourceShown(
        source=account.source,
        account=account.account if asked.names_accounts else None,
        handle=account.handle if asked.names_accounts else None,
        proof=account.proof,
        method=account.method,
        linked_at=account.linked_at,
        figures=None if account.read_at is None else dict(account.figures),
        read_at=account.read_at,
        works=number,
    )


def _skills(by_skill: Mapping[str, Mapping[str, int]], everything: int) -> list[SkillShare]:
    shown = [
        SkillShare(
            skill=skill,
            works=sum(sources.values()),
            share=round(sum(sources.values()) / everything, 6),
            sources=dict(sorted(sources.items())),
        )
        for skill, sources in by_skill.items()
    ]
    return sorted(shown, key=lambda share: (-share.works, share.skill))


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _whole(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
