"""Who may review whom: those who share a project or a platform, and nobody themselves, by whatever account."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from msgspec import Struct

from skillcore.runtime.engine import Transaction

__all__ = ["Shared", "one_and_the_same", "shared"]

SHARED = """select 'platform', a.platform_id, a.platform_id from memberships a
    join memberships b on b.platform_id = a.platform_id and b.user_id = %(other)s
    where a.user_id = %(one)s and (%(platform)s::uuid is null or a.platform_id = %(platform)s)
  union all select 'project', p.id, p.platform_id from project_members a
    join project_members b on b.project_id = a.project_id and b.user_id = %(other)s and b.left_at is null
    join projects p on p.id = a.project_id
    where a.user_id = %(one)s and a.left_at is null and (%(platform)s::uuid is null or p.platform_id = %(platform)s)
  order by 1, 2"""

SAME = """select exists (select from source_accounts a join source_accounts b on b.source = a.source
    and (b.external_id = a.external_id or b.handle_key = a.handle_key)
  where a.user_id = %(one)s and b.user_id = %(other)s
    and (%(platform)s::uuid is null or ((a.platform_id is null or a.platform_id = %(platform)s)
      and (b.platform_id is null or b.platform_id = %(platform)s))))"""


class Shared(Struct, frozen=True):
    """What two people share.

    Attributes:
        platforms: ids of platforms that both are members of.
        projects: ids of projects that both are in, each with the platform whose it is, if it is one's.
    """

    platforms: tuple[UUID, ...]
    projects: dict[UUID, UUID | None]

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.platforms or self.projects)

    def business_of(self, platform_id: UUID | None = None, project_id: UUID | None = None) -> UUID | None:
        """Return the platform whose business a review is: of a work's own, else of what they share."""
        if platform_id is not None:
            return platform_id
        if project_id is not None:
            return self.projects.get(project_id)
        return next(iter([*self.platforms, *self.projects.values()]), None)


async def shared(tx: Transaction, one: UUID, other: UUID, *, platform_id: UUID | None = None) -> Shared:
    """Return what two people share now; for a platform, of what is its own."""
    rows = await _rows(tx, SHARED, one, other, platform_id)
    return Shared(
        tuple(id_ for kind, id_, _ in rows if kind == "platform"),
        {id_: platform for kind, id_, platform in rows if kind == "project"},
    )


async def one_and_the_same(tx: Transaction, one: UUID, other: UUID, *, platform_id: UUID | None = None) -> bool:
    """Say whether two people have, or had, the same account at a source; for a platform, of those that it may know of."""
    ((same,),) = await _rows(tx, SAME, one, other, platform_id)
    return bool(same)


async def _rows(tx: Transaction, query: str, one: UUID, other: UUID, platform_id: UUID | None) -> Collection[Any]:
    values = {"one": one, "other": other, "platform": platform_id}
    return await (await (await tx.psycopg()).execute(query.encode(), values)).fetchall()
