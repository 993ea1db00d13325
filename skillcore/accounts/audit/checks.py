"""Whether the audit's chain holds: in the database, for ``skillcore verify-ledger``, and in an export, for anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from psycopg import IsolationLevel

from skillcore.accounts.audit.chain import digest_of
from skillcore.accounts.audit.tables import CONTENT
from skillcore.runtime.chain import field_image, leaf_of
from skillcore.runtime.engine import Engine
from skillcore.runtime.rooms import Check, Finding

__all__ = ["BLANK", "CHECKS", "Follower", "audit"]

Fields = Sequence[bytes | None]

BLANK: Fields = (b"", None, None, None, b"", b"", b"", b"null")
"""What erasure leaves of an entry's content."""

CHAIN = f"""copy (select position, at, act, salt, leaf, digest, erasure_id, {CONTENT} from audit order by position)
  to stdout (format binary)"""  # noqa: S608
HEAD = "select position, digest from audit_head"
ERASURES = "select id, entries from audit_erasures"


class Follower:
    """Follows a chain from its beginning.

    Attributes:
        position: of the last entry.
        digest: after it.
    """

    def __init__(self) -> None:
        self.position = 0
        self.digest = b""

    def follow(
        self, position: int, at: int, act: bytes, salt: bytes | None, leaf: bytes, digest: bytes, content: Fields
    ) -> str:
        """Take the next entry; returns what is wrong with it, or an empty text. The time is in PostgreSQL's microseconds.

        What follows a wrong entry is held against the digest that this one states, so that each fault is told once.
        """
        expected = self.position + 1
        computed = digest_of(self.digest, position, at, act.decode(), leaf)
        self.position, self.digest = position, digest
        if position != expected:
            return f"entry {expected} is missing" if position > expected else f"it stands behind entry {expected - 1}"
        if salt is not None and leaf_of(b"", salt, b"".join(map(field_image, content))) != leaf:
            return "the content does not match its leaf"
        if salt is None and tuple(content) != tuple(BLANK):
            return "the entry is erased, and says something"
        return "" if computed == digest else "the digest does not follow from the one before"


async def audit(engine: Engine) -> AsyncIterator[Finding]:
    """Check that the audit has no gap, that its digests chain over the bytes stored, and that it ends where its head says.

    An entry without content must belong to a recorded erasure, and each of these must have stripped as many as it says.
    """
    connection = await engine.database.connect()
    try:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        head = await (await connection.execute(HEAD)).fetchone()
        recorded: Mapping[int, int] = dict(await (await connection.execute(ERASURES)).fetchall())
        left = dict(recorded)
        follower = Follower()
        async with connection.cursor().copy(CHAIN.encode()) as copy:
            async for position, at, act, salt, leaf, digest, erasure, *content in copy.rows():
                number = int.from_bytes(position, "big")
                wrong = follower.follow(number, int.from_bytes(at, "big", signed=True), act, salt, leaf, digest, content)
                if salt is None:
                    id_ = int.from_bytes(erasure or b"", "big")
                    wrong = wrong or ("" if id_ in left else "the content is gone, and no erasure is recorded")
                    left[id_] = left.get(id_, 0) - 1
                if wrong:
                    yield Finding("audit", wrong, subject=f"entry {number}")
        if head != (follower.position, follower.digest):
            yield Finding("audit", f"the head does not match the last entry ({follower.position})")
        for id_, entries in recorded.items():
            if left[id_]:
                yield Finding(
                    "audit", f"it says {entries} entries, and there are {entries - left[id_]}", subject=f"erasure {id_}"
                )
    finally:
        await connection.close()


CHECKS: Mapping[str, Check] = {"audit": audit}
