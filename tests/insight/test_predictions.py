"""Predictions over HTTP, of works and scores put into the ledger: of regular people the answers are known beforehand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from msgspec import structs

from skillcore.defaults.kinds import EvidenceAccepted, EvidenceWithdrawn, SessionActivity, TimeSpent
from skillcore.ledger import record
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.clock import now
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.settings import ForecastSettings
from tests.visitors import Door, Platform

MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATHS = {
    "/api/predictions/completion": {"remaining": 5},
    "/api/predictions/score": {},
    "/api/predictions/mastery": {"skill": "loops"},
    "/api/predictions/attempt": {},
    "/api/predictions/areas": {},
}


class Learner:
    """A platform with one member, whose ledger the tests write."""

    def __init__(self, door: Door, platform: Platform, ada: UUID) -> None:
        self.door, self.platform, self.ada = door, platform, ada

    async def record(self, *events: NewEvent) -> None:
        async with self.door.engine.transaction() as tx:
            await record(tx, events)

    def event(self, kind: str, data: Any, subject: str, *skills: str, day: int, **more: Any) -> NewEvent:
        at = MARCH + timedelta(days=day - 1)
        return NewEvent(user_id=self.ada, kind=kind, subject_id=subject, skills=skills, data=data, occurred_at=at, **more)

    def work(self, name: str, *skills: str, day: int, **more: Any) -> NewEvent:
        data = EvidenceAccepted(source="gym", account="gym:ada", work=name, strength="judged", difficulty=5.0)
        return self.event("evidence.accepted", data, f"gym:ada:{name}", *skills, day=day, **more)

    def trained(self, score: float, *skills: str, day: int, **more: Any) -> NewEvent:
        data = SessionActivity(type="quiz", score=score)
        return self.event("session.activity", data, "session", *skills, day=day, **{"via": "platform", **more})

    async def answer(self, path: str, **asked: Any) -> httpx.Response:
        return await self.platform.key.get(f"/api/predictions/{path}", params={"user": "ext:ada", **asked})

    async def get(self, path: str, **asked: Any) -> Any:
        answer = await self.answer(path, **asked)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def learner(door: Door) -> Learner:
    platform = await door.platform("users:write", "scores:read", "events:read", "events:write", "skills:write")
    ada = (await platform.key.post("/api/users", {"external_id": "ada"})).json()["id"]
    async with door.engine.transaction() as tx:
        for name in ("Loops", "Graphs", "Sorting"):
            await create(tx, NewSkill(name=name))
    return Learner(door, platform, UUID(ada))


async def test_works_left_are_done_at_the_pace_of_those_before(learner: Learner) -> None:
    await learner.record(*(learner.work(f"w{day}-{n}", "loops", day=day) for day in range(1, 32) for n in range(2)))
    found = await learner.get("completion", remaining=20, as_of="2026-03-31")
    # Two a day for all of March: twenty take ten days from the first of April on
    assert (found["measure"], found["today"], found["days"]) == ("works", "2026-04-01", 31)
    forecast = found["forecast"]
    assert forecast["status"] == "dated"
    assert abs((date.fromisoformat(forecast["day"]) - date(2026, 4, 10)).days) <= 2
    assert "2026-04-01" <= forecast["earliest"] <= forecast["day"] <= forecast["latest"]
    assert forecast["factors"][0]["name"] == "pace"
    wider = await learner.get("completion", remaining=20, as_of="2026-03-31", level=0.95)
    assert wider["forecast"]["latest"] >= forecast["latest"]
    assert (await learner.get("completion", remaining=20, as_of="2026-03-31", skill="graphs"))["forecast"][
        "status"
    ] == "unknown"
    assert (await learner.get("completion", remaining=0))["forecast"]["status"] == "done"


async def test_what_looking_back_taught_is_told_and_moves_the_days(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    await learner.record(*(learner.work(f"w{day}", "loops", day=day) for day in range(1, 32, 2)))
    before = (await learner.get("completion", remaining=20, as_of="2026-03-31"))["forecast"]
    assert before["correction"] == {"shift": 0.0, "scale": 1.0}
    taught = structs.replace(learner.door.engine.settings, forecasts=ForecastSettings(shift=0.6, scale=0.9))
    monkeypatch.setattr(learner.door.engine, "settings", taught)
    after = (await learner.get("completion", remaining=20, as_of="2026-03-31"))["forecast"]
    assert after["correction"] == {"shift": 0.6, "scale": 0.9}
    assert before["earliest"] < after["earliest"]
    assert before["day"] < after["day"]
    assert before["latest"] < after["latest"]


async def test_only_days_until_the_one_asked_for_count(learner: Learner) -> None:
    await learner.record(*(learner.work(f"w{day}", day=day) for day in range(1, 29)))
    before = await learner.get("completion", remaining=5, as_of="2026-03-20")
    assert before["days"] == 20
    await learner.record(*(learner.work(f"later{n}", day=25) for n in range(30)))
    assert await learner.get("completion", remaining=5, as_of="2026-03-20") == before


async def test_minutes_and_attempts_are_measures_of_their_own(learner: Learner) -> None:
    for day in range(1, 22):
        await learner.record(
            learner.event("progress.time", TimeSpent(minutes=30), "space", day=day, via="platform"),
            learner.trained(70.0, "loops", day=day),
            learner.trained(90.0, "loops", day=day, via="learner"),
        )
    minutes = await learner.get("completion", remaining=300, measure="minutes", as_of="2026-03-21")
    attempts = await learner.get("completion", remaining=10, measure="attempts", as_of="2026-03-21", skill="LOOPS")
    for found in (minutes, attempts):  # thirty minutes, and one attempt that counts, a day
        assert abs((date.fromisoformat(found["forecast"]["day"]) - date(2026, 3, 31)).days) <= 2
    assert (await learner.get("completion", remaining=10, as_of="2026-03-21"))["forecast"]["status"] == "unknown"


async def test_withdrawn_works_are_no_history(learner: Learner) -> None:
    await learner.record(*(learner.work(f"w{day}", "loops", day=day) for day in range(1, 22)))
    gone = learner.event("evidence.withdrawn", EvidenceWithdrawn(account="gym:ada", reason="wrong"), "gym:ada", day=25)
    await learner.record(gone)
    assert (await learner.get("completion", remaining=5, as_of="2026-03-21"))["days"] == 0
    assert (await learner.get("areas"))["attempts"] == 0


async def test_a_level_that_rises_evenly_goes_on(learner: Learner) -> None:
    await learner.record(*(learner.work(f"w{day}", day=day) for day in range(1, 32)))
    found = await learner.get("score", as_of="2026-03-31")
    # 5/10 a day: 15.5 now and 0.5 more each day
    assert (found["value"], found["known"], found["formula"]) == (15.5, True, "level")
    assert len(found["days"]) == 30
    assert found["days"][0]["day"] == "2026-04-01"
    assert found["days"][-1]["day"] == "2026-04-30"
    assert all(day["low"] <= day["value"] <= day["high"] for day in found["days"])
    assert found["days"][0]["low"] >= 15.5
    assert abs(found["days"][-1]["value"] - 30.5) < 4
    few = await learner.get("score", as_of="2026-03-10", formula="mastery", skill="loops", days=5)
    assert (few["known"], few["days"], few["value"]) == (False, [], None)


async def test_a_score_goes_on_from_what_it_is_now(learner: Learner) -> None:
    at = now()
    today = at.date()
    await learner.record(
        *(structs.replace(learner.work(f"w{ago}", day=1), occurred_at=at - timedelta(days=ago)) for ago in range(22))
    )
    found = await learner.get("score", days=2)
    # 5/10 a day, today's included
    assert (found["value"], [day["day"] for day in found["days"]]) == (
        11.0,
        [(today + timedelta(days=ahead)).isoformat() for ahead in (1, 2)],
    )
    assert found["days"][0]["low"] >= 11


async def test_mastery_takes_the_attempts_that_the_formula_says(learner: Learner) -> None:
    nothing = await learner.get("mastery", skill="Loops")
    assert (nothing["value"], nothing["lately"], nothing["attempts"], nothing["reached"]) == (None, None, None, None)
    assert [need["attempts"] for need in nothing["needs"]] == [None, None, 20, 18, 16]  # 80 · 20/20, 90 · 18/20, 100 · 16/20
    await learner.record(*(learner.trained(90.0, "loops", day=day) for day in range(1, 11)))
    found = await learner.get("mastery", skill="loops", target=80, as_of="2026-03-10")
    # 90 · 10/20 now; 90 · 18/20 is the first above 80: eight more, one a day
    assert (found["value"], found["lately"], found["attempts"]) == (45.0, 90.0, 8)
    assert abs((date.fromisoformat(found["reached"]["day"]) - date(2026, 3, 18)).days) <= 2


async def test_the_next_attempt_opens_to_what_it_rests_on(learner: Learner) -> None:
    nobody = await learner.get("attempt", skill="loops")
    assert (nobody["probability"], nobody["attempts"]) == (None, 0)
    await learner.record(*(learner.trained(100.0, "loops", day=day) for day in range(1, 9)))
    await learner.record(*(learner.trained(0.0, "graphs", day=day) for day in range(9, 17)))
    good, bad = [await learner.get("attempt", skill=skill) for skill in ("loops", "graphs")]
    assert 0 < bad["probability"] < good["probability"] < 1
    assert (good["attempts"], good["on_skill"], good["link"]) == (16, 8, "logistic")
    assert {part["name"] for part in good["components"]} >= {"usual", "attempts on the skill"}
    easy, hard = [await learner.get("attempt", skill="loops", difficulty=level) for level in (1, 10)]
    assert hard["probability"] < good["probability"] < easy["probability"]
    early = await learner.get("attempt", skill="graphs", as_of="2026-03-08")
    assert (early["attempts"], early["on_skill"]) == (8, 0)


async def test_areas_are_judged_among_each_other(learner: Learner) -> None:
    scores = [("loops", 95.0), ("graphs", 40.0)] * 20 + [("sorting", 70.0)] * 2
    await learner.record(*(learner.trained(score, skill, day=day) for day, (skill, score) in enumerate(scores, 1)))
    found = await learner.get("areas")
    assert [area["skill"] for area in found["strongest"]] == ["loops"]
    assert [area["skill"] for area in found["weakest"]] == ["graphs"]
    assert [area["skill"] for area in found["unknown"]] == ["sorting"]
    assert found["challenges"][0]["skill"] == "graphs"
    assert found["weakest"][0]["reasons"][0].startswith("40 on average over 20 attempts")
    assert found["attempts"] == 42


async def test_other_platforms_attempts_are_not_told_of(learner: Learner, door: Door) -> None:
    other = await door.platform("users:write", "scores:read")
    origin = of_platform(UUID(other.id))
    await learner.record(*(learner.trained(50.0, "loops", day=day, origin=origin) for day in range(1, 22)))
    assert (await learner.get("areas"))["attempts"] == 0
    assert (await learner.get("completion", remaining=5, measure="attempts", as_of="2026-03-21"))["days"] == 0


@pytest.mark.parametrize("path", PATHS)
async def test_strangers_learn_nothing(path: str, learner: Learner, door: Door) -> None:
    foreign = await door.platform("users:write", "scores:read")
    blind = await door.platform("users:write")
    asked = PATHS[path]
    assert (await foreign.key.get(path, params={"user": "ext:ada", **asked})).status_code == 404
    assert (await foreign.key.get(path, params={"user": str(learner.ada), **asked})).status_code == 404
    assert (await blind.key.get(path, params={"user": "ext:ada", **asked})).status_code == 403
    assert (await door.anyone.get(path, params=asked)).status_code == 401


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("completion", {"remaining": -1}),
        ("completion", {}),
        ("completion", {"remaining": 1, "measure": "pages"}),
        ("completion", {"remaining": 1, "level": 1}),
        ("score", {"days": 0}),
        ("mastery", {"skill": "loops", "target": 0}),
        ("attempt", {"difficulty": 11}),
    ],
)
async def test_what_cannot_be_asked_is_refused(path: str, asked: dict[str, Any], learner: Learner) -> None:
    assert (await learner.answer(path, **asked)).status_code in {400, 422}


@pytest.mark.parametrize("path", ["completion", "mastery", "attempt"])
async def test_unknown_skills_are_not_found(path: str, learner: Learner) -> None:
    assert (await learner.answer(path, **{**PATHS[f"/api/predictions/{path}"], "skill": "juggling"})).status_code == 404
