"""The dashboard and recommendations over HTTP: what each figure is made of, and who sees them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import (
    EvidenceAccepted,
    EvidenceWithdrawn,
    SessionActivity,
    TaskCompleted,
    TimeSpent,
    Volunteered,
    WorkDone,
)
from skillcore.insight import dashboard
from skillcore.insight.days import DayDone, by_day
from skillcore.ledger import record
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.clock import now
from skillcore.runtime.events import NewEvent, of_platform
from tests.learning.trainings import follow
from tests.visitors import Door, Visitor

TASKS = [{"name": name, "expected_minutes": 60} for name in ("one", "two", "three", "four")]


class Learner:
    """Somebody with an account, whose ledger the tests write."""

    def __init__(self, door: Door, ada: Visitor, ada_id: UUID) -> None:
        self.door, self.ada, self.ada_id = door, ada, ada_id

    async def put(self, kind: str, data: Any, subject: str, *skills: str, days: float = 0, **more: Any) -> None:
        """Record what happened so many days ago."""
        at = now() - timedelta(days=days, minutes=1)
        event = NewEvent(
            user_id=self.ada_id,
            kind=kind,
            subject_id=subject,
            skills=skills,
            data=data,
            occurred_at=at,
            **more,
        )
        async with self.door.engine.transaction() as tx:
            await record(tx, [event])

    async def work(self, name: str, *skills: str, days: float = 0, difficulty: float = 4.0) -> None:
        data = EvidenceAccepted(source="gym", account="gym:ada", work=name, strength="judged", difficulty=difficulty)
        await self.put("evidence.accepted", data, f"gym:ada:{name}", *skills, days=days)

    async def get(self, path: str, **asked: Any) -> Any:
        answer = await self.ada.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any) -> Any:
        answer = await self.ada.post(path, body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()


@pytest.fixture
async def learner(door: Door) -> Learner:
    ada, ada_id = await door.learner()
    async with door.engine.transaction() as tx:
        await create(tx, NewSkill(name="Loops"))
    return Learner(door, ada, UUID(ada_id))


async def test_of_nothing_done_nothing_is_made_up(learner: Learner) -> None:
    found = await learner.get("/api/dashboard")
    summary = found["summary"]
    assert (summary["level"], summary["overall"], summary["improvement"], summary["difficulty"]) == (0, None, None, None)
    assert (summary["minutes"], summary["works"], summary["active_days"]) == (0, 0, 0)
    assert (summary["week"]["target"], summary["streak"]["current"]) == (None, None)
    assert found["recent"] == {"sessions": [], "works": [], "levels": []}
    assert (found["milestones"], found["recommendations"]) == ([], [])
    assert found["ahead"] == {"minutes": None, "completion": None}
    assert (await learner.get("/api/recommendations"))["recommendations"] == []


async def test_the_figures_are_those_of_the_ledger(learner: Learner) -> None:
    for number in range(12):
        await learner.work(f"w{number}", "loops", days=number / 4)
    await learner.work("old", days=40, difficulty=10.0)
    await learner.put("progress.time", TimeSpent(minutes=30), "space", days=2)
    await learner.put("progress.time", TimeSpent(minutes=45), "space", days=29)  # of the weeks before
    found = await learner.get("/api/dashboard")
    summary = found["summary"]
    assert summary["level"] == pytest.approx((12 * 4 + 10) / 10)
    assert (summary["works"], summary["minutes"], summary["difficulty"]) == (12, 30, 4)
    assert [one["subject"] for one in found["recent"]["works"]] == [f"gym:ada:w{number}" for number in range(5)]
    assert {one["kind"] for one in found["recent"]["works"]} == {"evidence.accepted"}
    (loops,) = found["milestones"]
    assert (loops["skill"], loops["next"]["missing"] > 0) == ("loops", True)


async def test_days_add_up_what_was_stated_and_how_long_sessions_were(door: Door, learner: Learner) -> None:
    """In Berlin, where the clock went from 2 to 3 in the night to 29 March 2026."""
    changed = await learner.ada.send("PATCH", "/api/auth/profile", json={"time_zone": "Europe/Berlin"})
    assert changed.status_code == 200, changed.text
    begin = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Berlin

    def moment(hours: float) -> timedelta:
        return now() - begin - timedelta(hours=hours, minutes=1)

    async def at(hours: float, kind: str, data: Any, subject: str, **more: Any) -> None:
        await learner.put(kind, data, subject, days=moment(hours) / timedelta(days=1), **more)

    await at(-0.5, "progress.time", TimeSpent(minutes=5), "space")  # on the 28th
    await at(0.5, "progress.time", TimeSpent(minutes=10), "space")
    await at(22.5, "progress.time", TimeSpent(minutes=20), "space")  # the last half hour of a day of 23 hours
    await at(23.5, "progress.time", TimeSpent(minutes=40), "space")  # on the 30th
    for hours in (20, 20.75):
        await at(hours, "session.activity", SessionActivity(type="quiz"), "training", via="platform")
    await follow(door.engine)
    async with door.engine.transaction() as tx:
        ada = Actor(kind="user", user_id=learner.ada_id)
        person = await people.read(tx, ada, "me")
        found = await by_day(tx, ada, person, date(2026, 3, 28), date(2026, 3, 31))
    assert [(round(day.minutes, 3), day.works, day.active) for day in found] == [
        (5, 0, True),
        (75, 0, True),
        (40, 0, True),
        (0, 0, False),
    ]


async def test_the_week_and_the_last_days_tell_the_same_minutes(door: Door, learner: Learner) -> None:
    """On the same page: 30 minutes that were stated, and a training session of half a minute."""
    await learner.put("progress.time", TimeSpent(minutes=30), "space")
    for days in (0.0, -0.5 / 1440):
        await learner.put("session.activity", SessionActivity(type="quiz"), "training", days=days, via="platform")
    await follow(door.engine)
    summary = (await learner.get("/api/dashboard"))["summary"]
    assert round(summary["minutes"], 2) == 30.5
    # Shortly after the week's first midnight what is put here lies in the last one.
    assert round(summary["week"]["minutes"], 2) in ({30.5} if now().hour or now().weekday() else {0, 30.5})


async def test_this_week_is_that_of_the_weekly_goal(learner: Learner) -> None:
    """Of the week that began at the person's midnight to Monday, and not of seven days."""
    set_ = await learner.ada.send("PUT", "/api/weekly-goal", json={"works": 30, "minutes": 500})
    assert set_.status_code == 200, set_.text
    for days in range(9):
        await learner.put("progress.time", TimeSpent(minutes=2**days), "space", days=days)
        await learner.work(f"w{days}", days=days)
    (week,) = (await learner.get("/api/weekly-goal", weeks=1))["weeks"]
    found = await learner.get("/api/dashboard")
    assert found["summary"]["week"] == week
    assert (await learner.get("/api/recommendations"))["recommendations"] == found["recommendations"]
    assert (week["missing"]["works"], week["missing"]["minutes"]) == (30 - week["works"], 500 - week["minutes"])


async def test_modules_tell_what_is_left_and_when_it_may_be_done(learner: Learner) -> None:
    await learner.post("/api/modules", {"name": "algebra", "user": "me", "module": {"tasks": TASKS}})
    for days in range(1, 41):
        await learner.put("progress.time", TimeSpent(minutes=20), "space", days=days)
    for item in ("one", "two", "three"):
        done = SessionActivity(type="quiz", score=90, module="algebra", item=item)
        await learner.put("session.activity", done, "s", days=0, via="platform")
    found = await learner.get("/api/dashboard")
    assert found["summary"]["overall"] == 75
    assert found["ahead"]["minutes"] > 0
    forecast = found["ahead"]["completion"]
    assert forecast["status"] == "dated"
    assert forecast["earliest"] <= forecast["day"] <= forecast["latest"]
    (advised,) = [one for one in found["recommendations"] if one["kind"] == "module"]
    assert (advised["title"], advised["reason"], advised["priority"]) == ("algebra", "3 of 4 tasks are completed", "medium")


async def test_a_module_that_does_not_say_how_long_it_takes_leaves_the_end_open(learner: Learner) -> None:
    await learner.post("/api/modules", {"name": "algebra", "user": "me", "module": {"tasks": TASKS}})
    await learner.post("/api/modules", {"name": "sets", "user": "me", "module": {"tasks": [{"name": "one"}]}})
    assert (await learner.get("/api/dashboard"))["ahead"] == {"minutes": None, "completion": None}


async def test_recommendations_follow_from_paths_goals_weeks_and_skills(learner: Learner) -> None:
    topics = [{"name": "HTML"}, {"name": "CSS", "prerequisites": ["HTML"], "hours": 2}]
    await learner.post("/api/learning-paths", {"name": "web", "title": "The web", "topics": topics})
    await learner.post("/api/learning-paths/web/start", {})
    completed = TaskCompleted(works=(WorkDone(subject="gym:ada:page"),), topic="HTML")
    await learner.put("task.completed", completed, "a task")
    weekly = await learner.ada.send("PUT", "/api/weekly-goal", json={"works": 3})
    assert weekly.status_code == 200, weekly.text
    await learner.put("platform.volunteered", Volunteered(title="t"), "o", "loops", via="platform")
    advised = (await learner.get("/api/recommendations"))["recommendations"]
    of_kind = {one["kind"]: one for one in advised}
    assert (of_kind["topic"]["title"], of_kind["topic"]["minutes"]) == ("CSS", 120)
    assert of_kind["week"]["reason"].startswith("3 works are missing")
    assert (await learner.get("/api/dashboard"))["recommendations"] == advised


async def test_recommendations_look_at_no_more_days_than_a_week_has(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def counted(tx: Any, actor: Any, person: Any, first: date, last: date) -> list[DayDone]:
        asked.append((last - first).days + 1)
        return await by_day(tx, actor, person, first, last)

    monkeypatch.setattr(dashboard, "by_day", counted)
    await learner.get("/api/recommendations")
    await learner.get("/api/dashboard")
    assert asked == [7, 56]


async def test_the_figures_are_of_four_weeks_and_what_is_ahead_rests_on_days_before_today(learner: Learner) -> None:
    await learner.post("/api/modules", {"name": "algebra", "user": "me", "module": {"tasks": TASKS}})
    today = date.fromisoformat((await learner.get("/api/dashboard"))["today"])

    async def spent(minutes: float, back: int) -> None:
        noon = datetime.combine(today - timedelta(days=back), time(12), UTC)
        await learner.put("progress.time", TimeSpent(minutes=minutes), "space", days=(now() - noon) / timedelta(days=1))

    for back in range(1, 41):
        await spent(10, back)
    before = await learner.get("/api/dashboard")
    assert (before["summary"]["minutes"], before["summary"]["active_days"]) == (270, 27)
    for _ in range(5):
        await learner.put("progress.time", TimeSpent(minutes=1000), "space")
    after = await learner.get("/api/dashboard")
    assert after["summary"]["minutes"] in {5270, 270}  # a minute ago may have been yesterday
    if after["summary"]["minutes"] == 5270:
        assert after["ahead"] == before["ahead"]


async def test_what_is_ahead_knows_whether_somebody_began_before_the_weeks_it_looks_at(learner: Learner) -> None:
    await learner.post("/api/modules", {"name": "algebra", "user": "me", "module": {"tasks": TASKS}})
    for back in range(1, 29):
        await learner.put("progress.time", TimeSpent(minutes=1), "space", days=back)
    new = (await learner.get("/api/dashboard"))["ahead"]["completion"]
    await learner.put("progress.time", TimeSpent(minutes=1), "space", days=100)
    known = (await learner.get("/api/dashboard"))["ahead"]["completion"]
    assert new["status"] == "dated"
    assert (known["latest"] or known["horizon"]) > new["latest"]  # of eight weeks, four were a pause


async def test_a_streak_is_to_be_kept_up_only_until_something_is_done_today(learner: Learner) -> None:
    at = now()
    for back in (1, 2, 3):
        noon = datetime.combine(at.date() - timedelta(days=back), time(12), UTC)
        await learner.work(f"w{back}", days=(at - noon) / timedelta(days=1))
    (advised,) = [one for one in (await learner.get("/api/recommendations"))["recommendations"] if one["kind"] == "streak"]
    assert advised["reason"] == "3 days in a row go on if something is done today"
    await learner.work("today", days=-1 / 1440)
    kinds = [one["kind"] for one in (await learner.get("/api/recommendations"))["recommendations"]]
    assert ("streak" in kinds) is (now().date() != at.date())


async def test_a_week_has_its_days_left_today_among_them(learner: Learner) -> None:
    assert (await learner.ada.send("PUT", "/api/weekly-goal", json={"works": 3})).status_code == 200
    found = await learner.get("/api/recommendations")
    left = 7 - date.fromisoformat(found["today"]).weekday()
    assert found["recommendations"][0]["reason"].endswith(f"with {left} day{'' if left == 1 else 's'} left")


async def test_a_platform_sees_what_is_not_anothers_business_and_nobody_what_is_withdrawn(door: Door, learner: Learner) -> None:
    school, club = [await door.platform("scores:read", "users:read", "paths:read") for _ in range(2)]
    async with door.engine.transaction() as tx:
        query = text("insert into memberships (platform_id, external_id, user_id) values (:p, 'ada', :u)")
        for platform in (school, club):
            await tx.session.execute(query, {"p": platform.id, "u": learner.ada_id})
    for name, of in (("own", None), ("school", school), ("club", club)):
        for account in ("ada", "gone") if of is None else ("ada",):
            work = EvidenceAccepted(source="gym", account=f"gym:{account}", work=name, strength="judged")
            origin = of and of_platform(UUID(of.id))
            await learner.put("evidence.accepted", work, f"gym:{account}:{name}", origin=origin)
        await learner.put("progress.time", TimeSpent(minutes=10), name, origin=origin)
    await learner.put("evidence.withdrawn", EvidenceWithdrawn(account="gym:gone", reason="wrong"), "gym:gone")
    seen = []
    for who, user in ((learner.ada, "me"), (school.key, "ext:ada"), (club.key, "ext:ada")):
        answer = await who.get("/api/dashboard", params={"user": user})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        subjects = {one["subject"].removeprefix("gym:ada:") for one in found["recent"]["works"]}
        seen.append((found["summary"]["works"], found["summary"]["minutes"], subjects))
    assert seen == [(3, 30, {"own", "school", "club"}), (2, 20, {"own", "school"}), (2, 20, {"own", "club"})]


async def test_the_latest_sessions_are_shown(learner: Learner) -> None:
    await learner.post("/api/sessions", {"module": "algebra"})
    (session,) = (await learner.get("/api/dashboard"))["recent"]["sessions"]
    assert session["module"] == "algebra"


async def test_others_have_no_dashboard_of_hers(door: Door, learner: Learner) -> None:
    bob = (await door.learner("bob@example.org"))[0]
    for path in ("/api/dashboard", "/api/recommendations"):
        assert (await bob.get(path, params={"user": str(learner.ada_id)})).status_code == 404
        assert (await (await door.admin()).get(path, params={"user": str(learner.ada_id)})).status_code == 200
