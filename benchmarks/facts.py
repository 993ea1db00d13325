"""Events as platforms and sources send them: of several kinds, a third of them accepted evidence, which leaves signals."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from msgspec import structs

from skillcore.accounts.tables import UserRow
from skillcore.defaults.kinds import (
    EvidenceAccepted,
    Interaction,
    ProgressUpdated,
    SessionActivity,
    TaskProgress,
    TimeSpent,
    Volunteered,
)
from skillcore.ledger import record, skills
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent

__all__ = ["Author", "populate"]

SKILLS = tuple(f"skill-{number}" for number in range(60))
NOTE = "Rebuilt the parser around a table of states, and wrote down why the old one lost the last line."
PAST = timedelta(days=400)
ACCOUNT = "practice:4711"


class Author:
    """Makes events; with the same seed the same ones, but for their ids and times."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)
        self._works = 0

    def events(self, count: int, people: Sequence[UUID]) -> list[NewEvent]:
        """Return events of some people."""
        return [self.event(self.random.choice(people)) for _ in range(count)]

    def event(self, person: UUID) -> NewEvent:
        """Return one event: of ten, three are evidence, three progress on a project, and four of other kinds."""
        which = self.random.randrange(10)
        if which < 3:
            return self.evidence(person)
        if which < 6:
            data: object = ProgressUpdated(project_id=str(new_id()), text=NOTE)
            return self._made(person, "progress.updated", data, str(new_id()), skills=self._skills())
        space = f"space-{self.random.randrange(50)}"
        if which == 6:
            return self._made(person, "progress.task", TaskProgress(value=self.random.randrange(101), task="chapter 3"), space)
        if which == 7:
            return self._made(person, "session.activity", SessionActivity(type="quiz", detail={"question": 12}), str(new_id()))
        if which == 8:
            return self._made(person, "progress.interaction", Interaction(quality=self.random.randrange(101)), space)
        return self._made(person, "progress.time", TimeSpent(minutes=self.random.randrange(1, 90)), space)

    def evidence(self, person: UUID) -> NewEvent:
        """Return accepted evidence of a work of its own; of each ten the source states no difficulty for one."""
        self._works += 1
        work = f"{new_id()}"
        data = EvidenceAccepted(
            source="practice",
            account=ACCOUNT,
            work=work,
            strength="judged",
            difficulty=None if self.random.randrange(10) == 0 else self.random.randrange(1, 11),
            topics=("graphs", "dynamic programming"),
            answers=(f"{self.random.getrandbits(256):064x}",),
            metadata={"verdict": "OK", "language": "Python 3", "attempt": self.random.randrange(1, 5)},
        )
        return self._made(person, "evidence.accepted", data, f"{ACCOUNT}:{work}", skills=self._skills())

    def newest(self, person: UUID) -> NewEvent:
        """Return accepted evidence of right now, which no snapshot has seen past."""
        return structs.replace(self.evidence(person), occurred_at=now())

    def reported(self, person: UUID) -> NewEvent:
        """Return an event as a platform reports it over HTTP, with a skill on which it leaves a signal."""
        data = Volunteered(title="Reading evening", minutes=self.random.randrange(10, 240))
        return self._made(person, "platform.volunteered", data, str(new_id()), skills=self._skills()[:1])

    def _made(self, person: UUID, kind: str, data: object, subject: str, skills: tuple[str, ...] = ()) -> NewEvent:
        happened = now() - self.random.random() * PAST
        return NewEvent(
            user_id=person,
            kind=kind,
            data=data,
            subject_id=subject,
            skills=skills,
            occurred_at=happened,
            id=None if kind == "evidence.accepted" else new_id(),
            via="platform",
        )

    def _skills(self) -> tuple[str, ...]:
        return tuple(self.random.sample(SKILLS, 2))


async def populate(engine: Engine, people: int) -> list[UUID]:
    """Make the skills that authors name, and people with streams; returns the people's ids."""
    ids = [new_id() for _ in range(people)]
    async with engine.transaction() as tx:
        missing = set(SKILLS) - await skills.known(tx, SKILLS)
        for name in sorted(missing):
            await skills.create(tx, skills.NewSkill(name=name))
        tx.session.add_all([UserRow(id=id_) for id_ in ids])
    author = Author(seed=1)
    for start in range(0, people, 1000):
        async with engine.transaction() as tx:
            await record(tx, [author.event(id_) for id_ in ids[start : start + 1000]])
    return ids
