"""Reviews over HTTP: who may give them, that each counts once, what rings gain, and what is left of an erased reviewer."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

from skillcore.accounts.access import Actor
from skillcore.accounts.mentor_tables import MentorRow
from skillcore.ledger.tables import EventRow, SkillRow
from skillcore.privacy.erasure import erase
from skillcore.runtime.clock import now
from skillcore.runtime.settings import ReviewSettings, Settings
from skillcore.work.reviews import NewReview, give
from skillcore.work.tables import TaskRow
from tests.visitors import Door, Platform, Visitor
from tests.work.test_spaces import SCOPES, got, made

NAMES = ("ada", "bob", "cleo", "dora", "emil")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, reviews=ReviewSettings(daily_limit=5))


class Club:
    """A project with people in it, who may review each other."""

    def __init__(self, door: Door, project: str, people: dict[str, tuple[Visitor, str]]) -> None:
        self.door, self.project, self.people = door, project, people

    def id(self, name: str) -> str:
        return self.people[name][1]

    async def task(self, name: str, *, state: str = "completed", skills: tuple[str, ...] = ("python",), **more: Any) -> str:
        """Give somebody a task; by default a completed one of the project."""
        row = {"project_id": UUID(self.project), "platform_id": None, **more}
        task = TaskRow(
            id=uuid4(),
            user_id=UUID(self.id(name)),
            description="a parser",
            source="gym",
            requirements={},
            topic="",
            skills=list(skills),
            set_by="learner",
            state=state,
            **row,
        )
        async with self.door.engine.transaction() as tx:
            tx.session.add(task)
        return str(task.id)

    async def ask(self, by: str, of: str, quality: float = 100, **more: Any) -> Any:
        body = {"user": self.id(of), "quality": quality, "skills": ["python"], **more}
        return await self.people[by][0].post("/api/reviews", body)

    async def review(self, by: str, of: str, quality: float = 100, **more: Any) -> Any:
        answer = await self.ask(by, of, quality, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def points(self, name: str, **asked: Any) -> float:
        """Return what reviews give somebody, of 100."""
        why = await got(self.people[name][0], "/api/explain/skill_progress", skill="python", **asked)
        return next(part["value"] for part in why["components"] if part["name"] == "reviews")

    async def events(self, name: str, kind: str) -> list[EventRow]:
        async with self.door.engine.transaction() as tx:
            query = text("select data, skills, origin from events where user_id = :id and kind = :kind order by version")
            return list(await tx.session.execute(query, {"id": self.id(name), "kind": kind}))


@pytest.fixture
async def club(door: Door) -> Club:
    people = {name: await door.learner(f"{name}@example.org") for name in NAMES}
    project = (await made(people["ada"][0], "/api/projects", {"name": "maze"}))["id"]
    async with door.engine.transaction() as tx:
        for name in NAMES[:4]:
            query = text("insert into project_members (project_id, user_id, joined_at) values (:p, :u, now())")
            await tx.session.execute(query, {"p": project, "u": people[name][1]})
    return Club(door, project, people)


async def test_a_review_moves_progress_in_the_skill_and_nothing_else(club: Club) -> None:
    task = await club.task("ada", skills=("python", "sql"))
    said = await club.review("bob", "ada", 90, task=task, skills=[], content="clear names")
    assert (said["reviewer_id"], said["skills"], said["task"]) == (club.id("bob"), ["python", "sql"], task)
    assert await club.points("ada") == 30
    ada = club.people["ada"][0]
    assert (await got(ada, "/api/scores/skill_progress", skill="sql"))["value"] == 6
    (fact,) = (await got(ada, "/api/explain/skill_progress", skill="sql"))["events"]["items"]
    assert (fact["components"], fact["score"], fact["change"]) == (["reviews"], 6, None)
    for formula in ("level", "mastery", "readiness"):
        asked = {} if formula == "readiness" else {"skill": "python"}
        assert (await got(ada, f"/api/scores/{formula}", **asked))["value"] in {None, 0}
    assert (await got(ada, "/api/analytics/distribution"))["total"] == 0
    assert [one["content"] for one in (await got(ada, "/api/reviews"))["items"]] == ["clear names"]
    assert (await got(club.people["bob"][0], "/api/reviews"))["items"] == []


async def test_a_later_review_of_the_same_work_replaces_the_earlier(club: Club) -> None:
    one, other = await club.task("ada"), await club.task("ada")
    await club.review("bob", "ada", 30, task=one)
    await club.review("bob", "ada", 90, task=one)
    assert await club.points("ada") == 30
    await club.review("bob", "ada", 60, task=other)
    assert await club.points("ada") == 25  # (90 + 60) / 2 / 3
    await club.review("bob", "ada", 0)  # of the skill as such
    assert await club.points("ada") == pytest.approx(50 / 3)
    shown = (await got(club.people["ada"][0], "/api/reviews", limit=2))["items"]
    assert [review["quality"] for review in shown] == [90, 60]
    await club.review("cleo", "ada", 100)
    assert await club.points("ada") == pytest.approx((50 + 100) / 3)


async def test_a_review_stands_while_one_of_its_skills_is_not_judged_again(club: Club) -> None:
    async with club.door.engine.transaction() as tx:
        tx.session.add(SkillRow(id="prose", name="prose"))
    ada = club.people["ada"][0]

    async def standing() -> list[float]:
        return [review["quality"] for review in (await got(ada, "/api/reviews"))["items"]]

    await club.review("bob", "ada", 90)
    await club.review("bob", "ada", 50, skills=["sql"])
    assert await standing() == [90, 50]
    assert await club.points("ada") == 30  # Python still counts: 90 / 3
    await club.review("bob", "ada", 70, skills=["python", "sql", "prose"])
    assert await standing() == [70]
    await club.review("bob", "ada", 60, skills=["sql"])
    assert await standing() == [70, 60]
    await club.review("bob", "ada", 40, skills=["prose"])
    assert await standing() == [70, 60, 40]
    assert await club.points("ada") == pytest.approx(70 / 3)
    await club.review("cleo", "ada", 20)  # of somebody else, so nothing of Bob's goes
    task = await club.task("ada")
    await club.review("cleo", "ada", 10, task=task)  # of another work
    assert await standing() == [70, 60, 40, 20, 10]


async def test_a_review_goes_once_each_of_its_skills_was_judged_again(club: Club) -> None:
    await club.review("bob", "ada", 90, skills=["python", "sql"])
    for quality, skill in ((80, "python"), (70, "sql")):
        await club.review("bob", "ada", quality, skills=[skill])
    shown = (await got(club.people["ada"][0], "/api/reviews"))["items"]
    assert [review["quality"] for review in shown] == [80, 70]


async def test_strangers_and_the_absent_are_answered_alike(club: Club) -> None:
    task = await club.task("ada")
    answers = [await club.ask("emil", "ada", task=task), await club.ask("emil", "ada")]
    answers += [await club.people["emil"][0].post("/api/reviews", {"user": str(uuid4()), "quality": 1, "skills": ["python"]})]
    answers += [await club.people["emil"][0].post("/api/reviews", {"user": "ext:ada", "quality": 1, "skills": ["python"]})]
    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {
        (404, "user: there is no such person, or not for you")
    }
    async with club.door.engine.transaction() as tx:
        await tx.session.execute(text("update project_members set left_at = now() where user_id = :id"), {"id": club.id("bob")})
    for by, of in (("bob", "ada"), ("ada", "bob")):
        assert (await club.ask(by, of)).status_code == 404  # who left shares it no more


async def test_only_completed_work_of_what_both_share_is_reviewed(club: Club) -> None:
    tasks = [
        await club.task("ada", state="in_progress"),
        await club.task("ada", project_id=None),
        await club.task("ada", deleted_at=now()),
        await club.task("cleo"),
        str(uuid4()),
    ]
    answers = [await club.ask("bob", "ada", task=task) for task in tasks]
    assert {(answer.status_code, answer.json()["field"]) for answer in answers} == {(404, "task")}
    done = await club.task("ada")
    for more, field in (
        ({"task": done, "skills": ["sql"]}, "skills"),
        ({"task": await club.task("ada", skills=()), "skills": []}, "skills"),
        ({"skills": []}, "skills"),
        ({"skills": ["juggling"]}, "skills[0]"),
        ({"quality": 101}, "quality"),
        ({"content": "x" * 2001}, "content"),
    ):
        answer = await club.ask("bob", "ada", **{"quality": 50, **more})
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


async def test_of_a_works_skills_those_are_judged_that_are_named(club: Club) -> None:
    task = await club.task("ada", skills=("python", "sql"))
    assert (await club.review("bob", "ada", task=task, skills=["sql"]))["skills"] == ["sql"]


async def test_nobody_reviews_in_the_name_of_others(club: Club) -> None:
    root = await club.door.admin()
    body = {"user": club.id("ada"), "reviewer": club.id("bob"), "quality": 1, "skills": ["python"]}
    answer = await root.post("/api/reviews", body)
    assert (answer.status_code, answer.json()["field"]) == (404, "reviewer")


async def test_who_reviewed_is_told_to_both_and_to_administrators(club: Club) -> None:
    await club.review("bob", "ada", 80)
    grace, grace_id = await club.door.learner("grace@example.org")
    async with club.door.engine.transaction() as tx:
        await tx.session.execute(text("update users set role = 'mentor' where id = :id"), {"id": grace_id})
        tx.session.add(MentorRow(mentor_id=UUID(grace_id), learner_id=UUID(club.id("ada"))))
    seen = [
        (await got(who, "/api/reviews", user=club.id("ada")))["items"][0]
        for who in (club.people["ada"][0], await club.door.admin(), grace)
    ]
    assert [one["reviewer_id"] for one in seen] == [club.id("bob"), club.id("bob"), None]
    assert [one["quality"] for one in seen] == [80] * 3


ACCOUNT = text(
    "insert into source_accounts (id, user_id, platform_id, source, handle, handle_key, external_id, method)"
    " values (gen_random_uuid(), :user, :platform, :source, :handle, :handle, :external, 'vouched')"
)


@pytest.mark.parametrize(
    ("source", "handle", "external", "same"),
    [("gym", "ada", "2", True), ("gym", "other", "1", True), ("gym", "other", "2", False), ("club", "ada", "1", False)],
)
async def test_an_account_is_the_same_by_its_handle_or_its_id(
    club: Club, source: str, handle: str, external: str, same: bool
) -> None:
    one, two = await club.door.platform(*SCOPES), await club.door.platform(*SCOPES)
    first = {"user": club.id("ada"), "platform": one.id, "source": "gym", "handle": "ada", "external": "1"}
    other = {"user": club.id("bob"), "platform": two.id, "source": source, "handle": handle, "external": external}
    async with club.door.engine.transaction() as tx:
        for values in (first, other):
            await tx.session.execute(ACCOUNT, values)
    assert (await club.ask("bob", "ada")).status_code == (422 if same else 201)


async def test_nobody_reviews_themselves_by_any_account(club: Club) -> None:
    for user in (club.id("ada"), "me"):
        answer = await club.people["ada"][0].post("/api/reviews", {"user": user, "quality": 100, "skills": ["python"]})
        assert (answer.status_code, answer.json()["field"]) == (422, "user")
    answer = await club.ask("bob", "ada", reviewer=club.id("cleo"))
    assert answer.status_code == 404
    async with club.door.engine.transaction() as tx:
        for platform, name in (("a", "ada"), ("b", "bob")):
            id_ = uuid4()
            await tx.session.execute(text("insert into platforms (id, name) values (:i, :n)"), {"i": id_, "n": platform})
            twin = {"source": "gym", "handle": "twin", "external": "twin"}
            await tx.session.execute(ACCOUNT, twin | {"user": club.id(name), "platform": id_})
    answer = await club.ask("bob", "ada")
    assert (answer.status_code, answer.json()["field"]) == (422, "user")
    assert "same account" in answer.json()["detail"]
    await club.review("cleo", "ada")


async def test_a_ring_of_two_gains_little(club: Club) -> None:
    await club.review("ada", "bob")
    assert await club.points("bob") == pytest.approx(100 / 3)  # nothing is wrong yet
    await club.review("bob", "ada")
    for name in ("ada", "bob"):
        assert await club.points(name) == pytest.approx(100 / 6)
    for _ in range(3):
        await club.review("bob", "ada", task=await club.task("ada"))
    assert await club.points("ada") == pytest.approx(100 / 6)  # however much they praise
    ((data, skills, _),) = await club.events("bob", "review.discounted")
    assert (data["people"], skills) == (2, ["python"])
    assert await club.events("ada", "review.discounted") == []  # there the review itself says so
    assert [data["discounted"] for data, *_ in await club.events("ada", "review.given")] == [True] * 4


WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


async def test_two_who_review_each_other_at_the_same_time_are_found_out(club: Club) -> None:
    engine = club.door.engine
    ada = Actor(kind="user", user_id=UUID(club.id("ada")))
    async with asyncio.timeout(30), engine.transaction() as tx:
        await give(tx, ada, NewReview(user=club.id("bob"), quality=100, skills=("python",)))
        answer = asyncio.create_task(club.ask("bob", "ada"))
        async with engine.transaction() as watching:
            while not (await watching.session.execute(text(WAITING))).scalar_one():
                assert not answer.done(), "it has not seen the other"
    assert (await answer).status_code == 201
    for name in ("ada", "bob"):
        assert await club.points(name) == pytest.approx(100 / 6)


async def test_a_ring_of_three_gains_as_little(club: Club) -> None:
    for by, of in (("ada", "bob"), ("bob", "cleo")):
        await club.review(by, of)
        assert await club.points(of) == pytest.approx(100 / 3)
    await club.review("cleo", "ada")
    for name in ("ada", "bob", "cleo"):
        assert await club.points(name) == pytest.approx(100 / 6)
    assert [data["people"] for data, *_ in await club.events("cleo", "review.discounted")] == [3]
    # a skill of which nobody said anything yet is not started by that
    assert (await got(club.people["cleo"][0], "/api/scores/skill_progress", skill="sql"))["value"] is None


async def test_honest_reviewers_count_in_full_and_cross_reviewers_half(club: Club) -> None:
    for by in ("bob", "cleo", "dora"):
        await club.review(by, "ada", 80)
    assert await club.points("ada") == 80
    await club.review("ada", "bob", 70)  # an honest word in return
    assert await club.points("ada") == pytest.approx((80 + 80 + 40) / 3)
    assert await club.points("bob") == pytest.approx(35 / 3)
    await club.review("cleo", "bob", 90)  # closes a circle: cleo, bob, ada - only if ada had reviewed cleo
    assert await club.points("bob") == pytest.approx((35 + 90) / 3)


async def test_a_word_in_return_after_the_time_that_is_looked_at_is_no_circle(club: Club) -> None:
    await club.review("ada", "bob")
    async with club.door.engine.transaction() as tx:
        await tx.session.execute(text("update reviewers set reviewed_at = reviewed_at - interval '31 days'"))
    await club.review("bob", "ada")
    assert await club.points("ada") == pytest.approx(100 / 3)
    assert await club.points("bob") == pytest.approx(100 / 3)


async def test_reviews_are_bounded_in_number(club: Club) -> None:
    for quality in range(5):
        await club.review("bob", "ada", quality)
    answer = await club.ask("bob", "cleo")
    assert answer.status_code == 429
    await club.review("cleo", "ada")


async def test_a_platform_says_which_member_reviews_which(door: Door, club: Club) -> None:
    school, other = await door.platform(*SCOPES), await door.platform(*SCOPES)
    for platform, names in ((school, ("x", "y", "z")), (other, ("x",))):
        for name in names:
            await made(platform.key, "/api/users", {"external_id": name})
    body = {"user": "ext:x", "reviewer": "ext:y", "quality": 60, "skills": ["python"]}
    said = await made(school.key, "/api/reviews", body)
    assert (await got(school.key, "/api/scores/skill_progress", user="ext:x", skill="python"))["value"] == 4
    for changed in ({"user": "ext:nobody"}, {"reviewer": "ext:nobody"}, {"reviewer": club.id("ada")}):
        assert (await school.key.post("/api/reviews", body | changed)).status_code == 404
    assert (await school.key.post("/api/reviews", body | {"reviewer": "ext:x"})).status_code == 422
    assert (await other.key.post("/api/reviews", body | {"user": said["user_id"]})).status_code == 404
    assert (await other.key.get(f"/api/reviews?user={said['user_id']}")).status_code == 404
    async with door.engine.transaction() as tx:
        query = text("insert into memberships (platform_id, external_id, user_id) values (:p, 'both', :u)")
        await tx.session.execute(query, {"p": other.id, "u": said["user_id"]})
    assert (await got(other.key, "/api/reviews", user="ext:both"))["items"] == []
    assert (await got(other.key, "/api/users/ext:both/events"))["items"] == []
    assert len((await got(school.key, "/api/reviews", user="ext:x"))["items"]) == 1


async def two_in(door: Door, club: Club, *platforms: Platform) -> None:
    """Have ada and bob be members of platforms, under these names."""
    query = text("insert into memberships (platform_id, external_id, user_id) values (:p, :n, :u)")
    async with door.engine.transaction() as tx:
        for platform in platforms:
            for name in ("ada", "bob"):
                await tx.session.execute(query, {"p": platform.id, "n": name, "u": club.id(name)})


@pytest.mark.parametrize("whose", ["ada", "bob"])
async def test_a_platform_does_not_learn_of_accounts_that_another_vouches_for(door: Door, club: Club, whose: str) -> None:
    school, other = await door.platform(*SCOPES), await door.platform(*SCOPES)
    await two_in(door, club, school)
    async with door.engine.transaction() as tx:
        for name in ("ada", "bob"):
            of = {"user": club.id(name), "platform": other.id if name == whose else school.id}
            await tx.session.execute(ACCOUNT, of | {"source": "gym", "handle": "twin", "external": "1"})
    body = {"user": "ext:ada", "reviewer": "ext:bob", "quality": 60, "skills": ["python"]}
    await made(school.key, "/api/reviews", body)
    assert (await club.ask("bob", "ada")).status_code == 422  # the person is told by all that there is
    async with door.engine.transaction() as tx:
        proved = text("update source_accounts set platform_id = null, method = 'challenge' where platform_id = :p")
        await tx.session.execute(proved, {"p": other.id})
    assert (await school.key.post("/api/reviews", body)).status_code == 422


async def test_a_platform_has_nobody_review_what_only_another_one_or_people_themselves_share(door: Door, club: Club) -> None:
    school, other = await door.platform(*SCOPES), await door.platform(*SCOPES)
    await two_in(door, club, school, other)
    project = (await made(other.key, "/api/projects", {"name": "theirs"}))["id"]
    async with door.engine.transaction() as tx:
        query = text("insert into project_members (project_id, user_id, joined_at) values (:p, :u, now())")
        for name in ("ada", "bob"):
            await tx.session.execute(query, {"p": project, "u": club.id(name)})
    others = [
        await club.task("ada", project_id=None, platform_id=UUID(other.id)),
        await club.task("ada", project_id=UUID(project)),
        await club.task("ada"),  # of a project that is no platform's
    ]
    body = {"user": "ext:ada", "reviewer": "ext:bob", "quality": 60, "skills": ["python"]}
    for task in others:
        assert (await school.key.post("/api/reviews", body | {"task": task})).status_code == 404
    own = await club.task("ada", project_id=None, platform_id=UUID(school.id))
    await made(school.key, "/api/reviews", body | {"task": own})
    for task in others[:2]:
        await made(other.key, "/api/reviews", body | {"task": task})
    await club.review("bob", "ada", 60, task=others[2])  # which the two themselves do share


@pytest.mark.parametrize("turn", [1, -1])
async def test_what_a_platform_has_reviewed_without_a_work_is_its_own_business(door: Door, club: Club, turn: int) -> None:
    platforms = sorted([await door.platform(*SCOPES), await door.platform(*SCOPES)], key=lambda one: one.id)
    school, other = platforms[::turn]
    await two_in(door, club, school, other)
    await made(school.key, "/api/reviews", {"user": "ext:ada", "reviewer": "ext:bob", "quality": 60, "skills": ["python"]})
    assert [len((await got(one.key, "/api/reviews", user="ext:ada"))["items"]) for one in (school, other)] == [1, 0]


async def test_a_review_is_the_business_of_whose_the_work_is(door: Door, club: Club) -> None:
    platforms = [await door.platform(*SCOPES), await door.platform(*SCOPES)]
    await two_in(door, club, *platforms)
    second = max(platforms, key=lambda one: one.id)
    for task in (await club.task("ada"), await club.task("ada", project_id=None, platform_id=UUID(second.id))):
        await club.review("bob", "ada", 50, task=task)
    seen = {one.id: (await got(one.key, "/api/reviews", user="ext:ada"))["items"] for one in platforms}
    assert {id_: len(items) for id_, items in seen.items()} == {one.id: int(one is second) for one in platforms}


async def test_that_a_word_counts_less_is_the_business_of_whose_the_word_was(door: Door, club: Club) -> None:
    school, other = await door.platform(*SCOPES), await door.platform(*SCOPES)
    await two_in(door, club, school, other)
    for by, of in (("ada", "bob"), ("bob", "ada")):
        body = {"user": f"ext:{of}", "reviewer": f"ext:{by}", "quality": 60, "skills": ["python"]}
        await made(school.key, "/api/reviews", body)
    kinds = [{one["kind"] for one in (await got(who.key, "/api/users/ext:bob/events"))["items"]} for who in (school, other)]
    assert kinds == [{"review.given", "review.discounted"}, set()]


async def test_nothing_of_an_erased_reviewer_is_left(club: Club) -> None:
    await club.review("bob", "ada", 90, content="as bob I say zq7canary")
    await club.review("ada", "bob", 80)
    before = await club.points("ada")
    assert await erase(club.door.engine, UUID(club.id("bob")), "asked")
    (review,) = (await got(club.people["ada"][0], "/api/reviews"))["items"]
    assert (review["reviewer_id"], review["content"], review["quality"]) == (None, "", 90)
    assert await club.points("ada") == before  # how her work was judged is hers
    exported = json.dumps((await club.people["ada"][0].get("/api/export")).json())
    assert "zq7canary" not in exported
    assert club.id("bob") not in exported
    # whoever comes after them is somebody else
    await club.review("cleo", "ada", 90)
    assert await club.points("ada") == pytest.approx(before + 30)
