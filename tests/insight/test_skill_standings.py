"""Progress in skills over HTTP: what starts one, what moves it, the milestones, and who sees which."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from skillcore.defaults.kinds import EvidenceAccepted, ReviewGiven, Volunteered
from skillcore.defaults.skill_progress import SkillProgress, SkillState
from skillcore.ledger.skills import NewSkill, create
from skillcore.plugin import Reading, Score
from skillcore.runtime.events import of_platform
from tests.insight.test_scores import School, school
from tests.visitors import Door

__all__ = ["school"]


async def standings(school: School) -> dict[str, Any]:
    return {one["skill"]: one for one in (await school.get("/api/users/ext:ada/skills"))["items"]}


async def test_volunteering_starts_a_skill(school: School) -> None:
    assert await standings(school) == {}
    await school.record(school.event("platform.volunteered", Volunteered(title="t"), "o", ["loops"], via="platform"))
    assert (await standings(school))["loops"] == {
        "skill": "loops",
        "name": "Loops",
        "value": 0,
        "level": "beginner",
        "parts": [
            {"name": "practice", "value": 0, "weight": 0.4},
            {"name": "mastery", "value": 0, "weight": 0.4},
            {"name": "reviews", "value": 0, "weight": 0.2},
        ],
        "reached": [],
        "next": {"name": "developing", "at": 25, "missing": 25},
    }


async def test_practice_mastery_and_reviews_add_up_to_milestones(school: School) -> None:
    minutes = {"kind": "progress.time", "user": "ext:ada", "subject": "x", "skills": ["loops"], "data": {"minutes": 600}}
    assert (await school.key.post("/api/events", minutes)).status_code == 201
    works = (school.work(f"w{n}", 3.0, "loops") for n in range(10))
    said = (school.event("review.given", ReviewGiven(reviewer=f"r{n}", quality=90), "t", ["loops", "graphs"]) for n in range(2))
    await school.record(*works, *said)
    found = await standings(school)
    # 0.4·100 + 0.4·(100 · 10/20) + 0.2·(90 + 90)/3
    assert (found["loops"]["value"], found["loops"]["level"]) == (72, "proficient")
    assert (found["loops"]["reached"], found["loops"]["next"]) == (
        ["developing", "proficient"],
        {"name": "advanced", "at": 75, "missing": 3},
    )
    assert (found["graphs"]["value"], found["graphs"]["level"]) == (12, "beginner")
    why = await school.get("/api/explain/skill_progress", skill="loops")
    assert [(part["name"], part["contribution"], part["formula"]) for part in why["components"]] == [
        ("practice", 40, None),
        ("mastery", 20, "mastery"),
        ("reviews", 12, None),
    ]
    assert [(gain["component"], gain["points"]) for gain in why["gains"]] == [("mastery", 20), ("reviews", 8)]
    assert {fact["kind"] for fact in why["events"]["items"]} >= {"progress.time", "review.given"}


async def test_learners_own_words_start_no_skill(door: Door, school: School) -> None:
    ada = (await door.learner("own@example.org"))[0]
    minutes = {"kind": "progress.time", "subject": "x", "skills": ["loops"], "data": {"minutes": 600}}
    assert (await ada.post("/api/events", minutes)).status_code == 201
    assert (await ada.get("/api/users/me/skills")).json() == {"items": [], "next_cursor": None}


async def test_the_list_comes_a_page_at_a_time_without_other_platforms_skills(door: Door, school: School) -> None:
    other = of_platform(UUID((await door.platform("users:write")).id))
    async with door.engine.transaction() as tx:
        await create(tx, NewSkill(name="Sets"))
    accepted = EvidenceAccepted(source="gym", account="gym:ada", work="w", strength="judged")
    await school.record(
        school.event("platform.volunteered", Volunteered(), "o", ["graphs"], via="platform"),
        school.event("platform.volunteered", Volunteered(), "p", ["sets"], via="platform", origin=other),
        school.event("evidence.accepted", accepted, "gym:ada:w", ["loops"]),
    )
    first = await school.get("/api/users/ext:ada/skills", limit=1)
    assert [one["skill"] for one in first["items"]] == ["graphs"]
    second = await school.get("/api/users/ext:ada/skills", limit=1, cursor=first["next_cursor"])
    assert ([one["skill"] for one in second["items"]], second["next_cursor"]) == (["loops"], None)
    assert [one["skill"] for one in (await (await door.admin()).get(f"/api/users/{school.ada}/skills")).json()["items"]] == [
        "graphs",
        "loops",
        "sets",
    ]
    assert (await school.key.get("/api/users/ext:nobody/skills")).status_code == 404


async def test_another_formula_in_the_role_has_no_milestones(school: School) -> None:
    plugins = school.door.engine.plugins
    plugins.formulas = {**plugins.formulas, "skill_progress": plugins.formulas["mastery"]}
    await school.record(school.work("w", 3.0, "loops"))
    found = await standings(school)
    assert (found["loops"]["value"], found["loops"]["reached"], found["loops"]["next"]) == (5, [], None)


async def test_at_its_bound_a_milestone_is_reached_and_the_next_one_follows(school: School) -> None:
    minutes = {"kind": "progress.time", "user": "ext:ada", "subject": "x", "skills": ["loops"], "data": {"minutes": 375}}
    assert (await school.key.post("/api/events", minutes)).status_code == 201
    found = (await standings(school))["loops"]
    assert (found["value"], found["level"], found["reached"]) == (25, "developing", ["developing"])  # 0.4 · 100 · 375/600
    assert found["next"] == {"name": "proficient", "at": 50, "missing": 25}


class Reticent(SkillProgress):
    """Says nothing of graphs."""

    def value(self, state: SkillState, reading: Reading) -> Score:
        return Score(None) if reading.subject == "graphs" else super().value(state, reading)


async def test_a_skill_of_which_the_formula_says_nothing_is_in_no_list_and_on_no_radar(school: School) -> None:
    plugins = school.door.engine.plugins
    plugins.formulas = {**plugins.formulas, "skill_progress": Reticent()}
    await school.record(school.event("platform.volunteered", Volunteered(), "o", ["graphs", "loops"], via="platform"))
    assert list(await standings(school)) == ["loops"]
    assert (await school.get("/api/charts/radar", formula="skill_progress"))["labels"] == ["Loops"]
