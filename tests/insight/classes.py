"""A platform with one member, whose ledger tests write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from skillcore.defaults.kinds import EvidenceAccepted, SessionActivity, SessionEnded, TimeSpent
from skillcore.ledger import record
from skillcore.runtime.events import NewEvent
from tests.visitors import Door, Platform

__all__ = ["Learner", "enrolled"]


class Learner:
    """A member of a platform, by the name of Ada."""

    def __init__(self, door: Door, platform: Platform, id_: UUID) -> None:
        self.door, self.platform, self.id = door, platform, id_

    async def record(self, events: Sequence[NewEvent]) -> None:
        """Put events into the ledger, a thousand at a time."""
        for begin in range(0, len(events), 1000):
            async with self.door.engine.transaction() as tx:
                await record(tx, events[begin : begin + 1000])

    def event(self, kind: str, data: Any, subject: str, at: datetime, *skills: str, **more: Any) -> NewEvent:
        """Return something that happened."""
        return NewEvent(user_id=self.id, kind=kind, subject_id=subject, skills=skills, data=data, occurred_at=at, **more)

    def work(self, name: str, at: datetime, *skills: str, account: str = "gym:ada") -> NewEvent:
        """Return a work that a source confirmed."""
        data = EvidenceAccepted(source="gym", account=account, work=name, strength="judged", difficulty=3.0)
        return self.event("evidence.accepted", data, f"{account}:{name}", at, *skills)

    def trained(self, session: str, at: datetime, *skills: str, via: Any = "platform", **more: Any) -> NewEvent:
        """Return something done in a training session."""
        origin = more.pop("origin", None)
        return self.event(
            "session.activity", SessionActivity(type="quiz", **more), session, at, *skills, via=via, origin=origin
        )

    def ended(self, session: str, at: datetime) -> NewEvent:
        """Return the end of a training session."""
        return self.event("session.ended", SessionEnded(), session, at, via="page")

    def spent(self, minutes: float, at: datetime) -> NewEvent:
        """Return time spent."""
        return self.event("progress.time", TimeSpent(minutes=minutes), "space", at, via="page")

    async def answer(self, path: str, **asked: Any) -> httpx.Response:
        """Ask by the platform's key, of this member."""
        return await self.platform.key.get(path, params={"user": "ext:ada", **asked})

    async def get(self, path: str, **asked: Any) -> Any:
        """Ask, and return what is answered."""
        answer = await self.answer(path, **asked)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def enrolled(door: Door) -> Learner:
    """Return Ada."""
    platform = await door.platform("users:write", "scores:read", "events:read", "events:write", "skills:write")
    ada = (await platform.key.post("/api/users", {"external_id": "ada", "time_zone": "Europe/Berlin"})).json()["id"]
    return Learner(door, platform, UUID(ada))
