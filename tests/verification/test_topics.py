"""Topics stand for skills: by the operator's file, by the one that came along, by name; what stands for none is listed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from skillcore.ledger.feed import Feed
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import Settings
from skillcore.runtime.skill_names import normalise
from skillcore.runtime.topic_files import TopicsError, load
from skillcore.verification import mentions, topics
from skillcore.verification.mentions import SUBSCRIPTION, Topic
from tests.cli.conftest import command, on_database
from tests.conftest import Dsns
from tests.stepping import step
from tests.verification.archive import Archive, Shelves, Work, made
from tests.verification.importers import Member, joined, patient, shelved, world_of
from tests.visitors import door_of
from tests.world import World

__all__ = ["command", "on_database"]

FILE = """
[archive]
"Loops" = ["SQL", "nobody knows this"]
"graph theory" = ["Graphs"]
"unheard of" = []
"nowhere" = ["not in the catalogue"]
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "topics.toml").write_text(FILE)
    patiently = patient(settings)
    verification = msgspec.structs.replace(patiently.verification, topics_file=str(tmp_path / "topics.toml"))
    return msgspec.structs.replace(patiently, verification=verification)


@pytest.fixture
def shelves() -> Iterator[Shelves]:
    with shelved(12) as arranged:
        yield arranged


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> AsyncIterator[World]:
    async with world_of(database_dsns, settings, Archive()) as world:
        yield world


async def standing(world: World, *asked: str) -> dict[str, tuple[str, ...]]:
    async with world.engine.transaction() as tx:
        return await topics.skills_of(tx, "archive", asked)


async def test_the_operators_file_comes_before_the_catalogue(world: World) -> None:
    assert await standing(world, "LOOPS", "sql", "Graph_Theory", "unheard of", "nowhere", "*") == {
        "LOOPS": ("sql",),
        "sql": ("sql",),
        "Graph_Theory": (),
        "unheard of": (),
        "nowhere": (),
        "*": (),
    }
    async with world.engine.transaction() as tx:
        await create(tx, NewSkill(name="Graphs"))
        await create(tx, NewSkill(name="nowhere"))
        await create(tx, NewSkill(name="unheard of"))
    assert await standing(world, "graph theory", "nowhere", "unheard of") == {
        "graph theory": ("graphs",),
        "nowhere": ("nowhere",),
        "unheard of": (),
    }


async def test_a_file_of_the_operators_is_laid_over_the_one_that_came_along(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[codeforces]\nDP = ["DP of mine"]\n[arena]\nx = ["y"]\n"C++" = ["C++"]\n')
    both, bundled = load(str(own)), load()
    assert both["codeforces"] == {**bundled["codeforces"], "dp": ("DP of mine",)}
    assert both["arena"] == {"x": ("y",), "cplusplus": ("C++",)}
    assert both["leetcode"] == bundled["leetcode"]
    assert load() == bundled, "reading one file leaves the other as it is"


def test_what_came_along_can_become_skills() -> None:
    names = [name for listed in load().values() for names in listed.values() for name in names]
    assert len(names) > 100
    assert all(normalise(name) for name in names)
    assert load()["codeforces"]["dp"] == load()["leetcode"]["dynamic-programming"] == ("dynamic programming",)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('codeforces = "x"', "codeforces: found 'x'; allowed: a table for each source"),
        ('[codeforces]\n"dp" = "x"', "[codeforces] 'dp': found 'x'; allowed: a list of names of skills"),
        ('[codeforces]\n"dp" = ["ok", 7]', "[codeforces] 'dp': found 7; allowed: names of skills, of up to 100 characters"),
        ('[codeforces]\n"dp" = ["*"]', "[codeforces] 'dp': found '*'; allowed: names of skills, of up to 100 characters"),
        ('[codeforces]\n"?" = ["x"]', "[codeforces] '?': found a topic without a letter or a digit"),
        ('[a]\n"d p" = []\n"D-P" = []', "[a] 'D-P': found a second entry for the topic; 'd p' is the same"),
    ],
)
def test_an_entry_that_does_not_fit_is_named(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "topics.toml"
    path.write_text(text)
    with pytest.raises(TopicsError) as refused:
        load(str(path))
    assert refused.value.problems == (f"{path}: {line}",)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "topics.toml"
    for content, line in ((b"[", "not TOML: "), (b"\xff", "found bytes that are not UTF-8 at position 0")):
        path.write_bytes(content)
        with pytest.raises(TopicsError, match=line):
            load(str(path))
    with pytest.raises(TopicsError, match="the file of topics cannot be read: No such file or directory"):
        load(str(tmp_path / "absent.toml"))


def test_a_file_that_does_not_fit_stops_every_command(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "topics.toml"
    path.write_text("[codeforces]\ndp = 1\n")
    monkeypatch.setenv("SKILLCORE__VERIFICATION__TOPICS_FILE", str(path))
    line = f"{path}: [codeforces] 'dp': found 1; allowed: a list of names of skills"
    for arguments in (["api"], ["worker"], ["config", "show"], ["migrate"]):
        done = command(*arguments)
        assert done.code == 2, arguments
        assert line in done.err, arguments
    checked = command("config", "check", "--json")
    assert (checked.code, checked.json["errors"]) == (1, [line])


async def listed(world: World, *, unmapped: bool | None = None) -> list[Topic]:
    found: list[Topic] = []
    cursor = None
    while True:
        async with world.engine.transaction() as tx:
            page = await mentions.listing(tx, "archive", unmapped=unmapped, limit=2, cursor=cursor)
        found += page.items
        assert len(page.items) <= 2
        cursor = page.next_cursor
        if cursor is None:
            return found


async def feed_of(world: World) -> Feed:
    """Return a feed whose subscription has a cursor, as its loop would have given it one."""
    async with world.engine.transaction() as tx:
        await (await tx.psycopg()).execute("insert into subscriptions (name) values ('verification.topics')")
    return Feed(world.engine, [SUBSCRIPTION])


async def read(feed: Feed) -> None:
    while await step(feed, SUBSCRIPTION):
        pass


async def imported(world: World, handle: str = "ada") -> Member:
    member = await joined(world, handle)
    await member.run()
    return member


EXPECTED = [
    Topic(topic="Graphs", works=1, listed=None, skills=[], unmapped=True),
    Topic(topic="SQL", works=6, listed=None, skills=["sql"], unmapped=False),
    Topic(topic="graph theory", works=3, listed=["Graphs"], skills=[], unmapped=True),
    Topic(topic="loops", works=6, listed=["SQL", "nobody knows this"], skills=["sql"], unmapped=False),
    Topic(topic="unheard of", works=6, listed=[], skills=[], unmapped=False),
]
"""Of works 0 to 11 as `made` makes them, counted by hand, and one about graphs twice over."""


async def test_topics_are_counted_and_listed_with_what_they_stand_for(world: World, shelves: Shelves) -> None:
    shelves.works.append(Work("twice", made(0).at, topics=("Graphs", "Graphs")))
    feed = await feed_of(world)
    member = await imported(world)
    await read(feed)
    assert await listed(world) == EXPECTED
    assert await listed(world, unmapped=True) == [EXPECTED[0], EXPECTED[2]]
    assert await listed(world, unmapped=False) == [EXPECTED[1], EXPECTED[3], EXPECTED[4]]
    done = await member.state()
    assert done.unmapped == ["Graphs", "graph theory"], "what a file says to be no skill is none that is missing"


async def test_counting_anew_goes_on_where_the_subscription_is(world: World, shelves: Shelves) -> None:
    shelves.works.append(Work("twice", made(0).at, topics=("Graphs", "Graphs")))
    lines: list[str] = []
    await mentions.rebuild(world.engine, lines.append)
    feed = await feed_of(world)
    await imported(world)
    await read(feed)
    await imported(world, "bob")  # which the subscription has not read
    async with world.engine.transaction() as tx:
        connection = await tx.psycopg()
        await connection.execute("insert into topics values ('archive', 'loops', 900), ('gone', 'x', 1) on conflict do nothing")
        await connection.execute("update topics set works = 70 where topic = 'SQL'")
    await mentions.rebuild(world.engine, lines.append)
    assert await listed(world) == EXPECTED
    assert lines == ["topics: 0", "topics: 5"]
    await read(feed)
    assert [topic.works for topic in await listed(world)] == [2 * topic.works for topic in EXPECTED]


def as_api(engine: Engine) -> Engine:
    """Return an engine of another process, on the same database."""
    return Engine(engine.settings, engine.plugins, engine.database)


async def test_administrators_and_platforms_read_the_list(world: World, shelves: Shelves) -> None:
    await imported(world)
    feed = await feed_of(world)
    await read(feed)
    async with door_of(as_api(world.engine)) as door:
        learner, _ = await door.learner()
        assert (await learner.get("/api/sources/archive/topics")).status_code == 403
        platform = await door.platform("skills:read")
        first = (await platform.key.get("/api/sources/archive/topics?limit=1&unmapped=true")).json()
        assert first == {
            "items": [
                {"topic": "graph theory", "works": 3, "listed": ["Graphs"], "skills": [], "unmapped": True},
            ],
            "next_cursor": None,
        }
        admin = await door.admin()
        assert len((await admin.get("/api/sources/archive/topics")).json()["items"]) == 4
        assert (await admin.get("/api/sources/nowhere/topics")).status_code == 404


async def test_imports_over_http(world: World, shelves: Shelves) -> None:
    member = await joined(world)
    async with door_of(as_api(world.engine)) as door:
        platform = await door.platform("tasks:write", "tasks:read", "users:write", "sources:vouch")
        await platform.key.post("/api/users", {"external_id": "bob"})
        refused = await platform.key.post("/api/sources/archive/import?user=ext:bob")
        assert (refused.status_code, refused.json()["source"]) == (409, "archive")
        vouched = await platform.key.send("PUT", "/api/users/ext:bob/sources/archive", json={"handle": "bob"})
        assert vouched.status_code == 200, vouched.text
        started = await platform.key.post("/api/sources/archive/import?user=ext:bob")
        assert started.status_code == 202
        assert started.headers["Location"] == f"/api/jobs/{started.json()['job_id']}"
        assert (await platform.key.get(started.headers["Location"])).json()["name"] == "verification.import_history"
        assert (await platform.key.get("/api/sources/archive/import?user=ext:bob")).json() == started.json()
        admin = await door.admin()
        asked = await admin.post(f"/api/sources/archive/import?user={member.person.user_id}")
        assert asked.status_code == 202
        assert asked.json()["account"] == "archive:ada"
        assert (await platform.key.post(f"/api/sources/archive/import?user={member.person.user_id}")).status_code == 404
        assert (await admin.post("/api/sources/nowhere/import")).status_code == 404
        reader = await door.platform("tasks:read")
        assert (await reader.key.post("/api/sources/archive/import?user=ext:bob")).status_code == 403
