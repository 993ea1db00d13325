"""Somebody of whom there is something to show: work, training, tasks, spaces, a path, a module, reviews, a mentor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from skillcore.defaults.kinds import AccountLinked, EvidenceAccepted, SessionActivity, SourceStats, TaskCompleted
from skillcore.ledger import record
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.events import NewEvent
from skillcore.work.tables import TaskRow
from tests.learning.trainings import follow
from tests.visitors import Door, Visitor

__all__ = ["Person", "fill"]

PATH = {
    "name": "web",
    "title": "The web",
    "topics": [{"name": "HTML", "skills": ["python"]}, {"name": "CSS", "prerequisites": ["HTML"]}],
}
MODULE = {"name": "loops-1", "module": {"tasks": [{"name": "one", "expected_minutes": 30}, {"name": "two"}]}}
SPACE = {"name": "garden", "expected_minutes": 120, "milestones": ["dug", "sown"]}


class Person(NamedTuple):
    """Ada, at the door of a service, and an administrator who looks at her."""

    door: Door
    id: str
    admin: Visitor


async def fill(door: Door) -> Person:
    """Return Ada, who lives in Berlin, with a month behind her."""
    ada, ada_id = await door.learner("ada@example.org")
    bob, bob_id = await door.learner("bob@example.org")
    admin = await door.admin()
    changed = await ada.send("PATCH", "/api/auth/profile", json={"time_zone": "Europe/Berlin", "display_name": "Ada"})
    assert changed.status_code == 200, changed.text
    async with door.engine.transaction() as tx:
        for name in ("Python", "Loops"):
            await create(tx, NewSkill(name=name))
        await record(tx, list(_month(UUID(ada_id))))
    path = await made(ada, "/api/learning-paths", PATH)
    assert (await ada.post("/api/learning-paths/web/start")).status_code == 201
    await made(ada, "/api/modules", MODULE)
    space = await made(ada, "/api/spaces", SPACE)
    await made(ada, "/api/spaces/garden/progress", {"minutes": 90, "quality": 65})
    await made(
        ada, "/api/goals", {"name": "feast", "spaces": [space["id"]], "milestones": ["half"], "target_date": "2100-01-01"}
    )
    assert (await ada.send("PUT", "/api/weekly-goal", json={"minutes": 120, "works": 3})).status_code == 200
    project = (await made(ada, "/api/projects", {"name": "maze", "skills": ["python"]}))["id"]
    assert (await ada.send("PUT", f"/api/projects/{project}/members/me")).status_code == 200
    await made(ada, "/api/progress_updates", {"project": project, "content": "first\x1b[2J line\nsecond line"})
    async with door.engine.transaction() as tx:
        await tx.session.execute(
            text("insert into project_members (project_id, user_id, joined_at) values (:p, :u, now())"),
            {"p": project, "u": bob_id},
        )
        tx.session.add_all(_tasks(UUID(ada_id)))
    await made(bob, "/api/reviews", {"user": ada_id, "quality": 80, "skills": ["python"], "content": "clear names"})
    await made(admin, "/api/mentorship-sessions", {"mentor": bob_id, "intern": ada_id, "focus": "loops", "minutes": 30})
    done = TaskCompleted(works=(), topic="HTML", path=path["id"], path_version=1)
    async with door.engine.transaction() as tx:
        await record(tx, [NewEvent(user_id=UUID(ada_id), kind="task.completed", data=done, subject_id="t", skills=("python",))])
    await follow(door.engine)
    return Person(door, ada_id, admin)


def _month(ada: UUID) -> Iterator[NewEvent]:
    """Yield what happened on thirty days until yesterday: a quiz each, a work on every other one."""

    def happened(kind: str, data: Any, subject: str, at: datetime, *skills: str, **more: Any) -> NewEvent:
        return NewEvent(user_id=ada, kind=kind, data=data, subject_id=subject, skills=skills, occurred_at=at, **more)

    noon = datetime.combine(now().date(), datetime.min.time(), UTC) + timedelta(hours=12)
    linked = AccountLinked(account="gym:ada", handle="Ada", method="challenge", vouched_by=None)
    yield happened("account.linked", linked, "gym:ada", noon - timedelta(days=40))
    stats = SourceStats(source="gym", account="gym:ada", figures={"solved": 12.0, "rating": 1500.0}, vouched_by=None)
    yield happened("source.stats", stats, "gym:ada", noon - timedelta(days=2))
    for day in range(30, 0, -1):
        at = noon - timedelta(days=day)
        quiz = SessionActivity(type="quiz", score=90.0 - day, module="loops-1", item=("one", "two")[day % 2], difficulty=4.0)
        yield happened("session.activity", quiz, f"s{day}", at, ("python", "loops")[day % 2], via="platform")
        yield happened("session.activity", quiz, f"s{day}", at + timedelta(minutes=20), "python", via="platform")
        if day % 2:
            work = EvidenceAccepted(source="gym", account="gym:ada", work=f"w{day}", strength="judged", difficulty=3.0)
            yield happened("evidence.accepted", work, f"gym:ada:w{day}", at + timedelta(hours=1), "python")


def _tasks(ada: UUID) -> Iterator[TaskRow]:
    for topic, state in (("HTML", "completed"), ("CSS", "pending")):
        yield TaskRow(
            id=new_id(),
            user_id=ada,
            description=f"learn {topic}",
            source="gym",
            requirements={"exercise": topic},
            topic=topic,
            skills=["python"],
            set_by="learner",
            state=state,
        )


async def made(who: Visitor, path: str, body: Any) -> Any:
    """Make something, and return it."""
    answer = await who.post(path, body)
    assert answer.status_code == 201, answer.text
    return answer.json()
