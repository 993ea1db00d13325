"""Tasks through the published servers while the web behind them fails: they wait, make nothing up, and end by themselves.

The HTTP application and a worker run on one database, as two processes would; the worker starts each server once for all
tests here, so what one fault left behind shows under the next. The stand-in gives a fault to all three sites at once.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import psutil
import psycopg
import pytest
import pytest_asyncio

from skillcore.accounts.access import SCOPES
from skillcore.app import opened
from skillcore.plugin import ServerSettings
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import (
    AuthSettings,
    LimitSettings,
    LimitsSettings,
    ResilienceSettings,
    Settings,
    VerificationSettings,
)
from skillcore.runtime.worker import Pace, run_worker
from tests.conftest import database_like
from tests.visitors import Visitor, door_of

pytestmark = [pytest.mark.npm, pytest.mark.asyncio(loop_scope="module")]

Json = dict[str, Any]
Upstream = Any
"""The stand-in; its class stands in the conftest of both trees, which no test can import."""

FAULTS: dict[str, Json] = {
    **{mode: {"mode": mode} for mode in ("500", "429", "403", "hang", "drop", "html", "garbage", "empty")},
    "404 page": {"mode": "answer", "status": 404, "body": "<html>Be patient</html>", "kind": "text/html"},
    "403 page": {"mode": "answer", "status": 403, "body": "<html>Be patient</html>", "kind": "text/html"},
}
"""As the stand-in calls them: ``garbage`` is half of the right answer. The pages are of something in the sites' place."""

# How a server's process is told from others; and its pace: LeetCode's own limiter would hold back more than 20 calls in 10 s.
SERVERS = {"codeforces": "codeforces-mcp-server", "github": "mcp-server-github", "leetcode": "leetcode-mcp-server"}
PACE = {"codeforces": 50.0, "github": 50.0, "leetcode": 1.8}

# Short waits, and a breaker that opens under every fault that counts, and soon lets calls through again.
RESILIENCE = ResilienceSettings(
    call_timeout=1.5, retries=1, retry_wait=0.05, breaker_failures=3, breaker_reset=0.5, breaker_trials=1
)
VERIFICATION = VerificationSettings(import_on_link=False, stats_every=0, retry_base=0.2, retry_attempts=2, retry_every=0.5)
WORKER = Pace(poll=0.1, heartbeat=1.0, stalled=10.0, rescue=2.0, pause=0.1)

# What is asked at each source: first what everybody here has done, then what nobody has.
ASKED: dict[str, tuple[Json, Json]] = {
    "codeforces": ({"contest_id": 4, "problem_index": "A"}, {"contest_id": 4, "problem_index": "B"}),
    "github": ({"min_commits": 1}, {"min_commits": 200}),
    "leetcode": ({"problem_slug": "two-sum"}, {"problem_slug": "3sum"}),
}
WORK = {"codeforces": "4/A", "github": "{name}/work", "leetcode": "two-sum"}
FOUND = {"codeforces": "no submission to it among 1", "github": "1 of them among 1 commits", "leetcode": "1 others"}

VERDICTS = {"task.verified", "evidence.accepted", "task.completed", "task.failed"}


class School:
    """A platform with its key.

    Attributes:
        worker: the engine of the worker process.
    """

    def __init__(self, key: Visitor, worker: Engine) -> None:
        self.key = key
        self.worker = worker
        self.names = (f"ann{number:03}" for number in count(1))

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.key.send(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def learner(self, upstream: Upstream) -> Learner:
        """Return somebody new, with one accepted problem at each judge, one commit, and two tasks at each source."""
        name = next(self.names)
        submission = {"problem": {"contestId": 4, "index": "A"}, "verdict": "OK"}
        upstream.control("codeforces/submissions", {"handle": name, "submissions": [submission]})
        upstream.control("github/commits", {"owner": name, "repo": "work", "commits": [{"login": name}]})
        upstream.control("leetcode/profile", {"username": name})
        upstream.control("leetcode/recent-ac", {"username": name, "submissions": [{"titleSlug": "two-sum"}]})
        await self.ask("POST", "/api/users", {"external_id": name})
        learner = Learner(self, name)
        for source, asked in ASKED.items():
            await self.ask("PUT", f"/api/users/ext:{name}/sources/{source}", {"handle": name})
            done, undone = [await learner.set(source, requirements) for requirements in asked]
            learner.done[source], learner.undone[source] = done, undone
        return learner


class Learner:
    """A learner with the tasks whose work is done, and those whose work is not, by source."""

    def __init__(self, school: School, name: str) -> None:
        self.school = school
        self.name = name
        self.done: dict[str, str] = {}
        self.undone: dict[str, str] = {}

    async def set(self, source: str, requirements: Json) -> str:
        asked = requirements | ({"repo": f"{self.name}/work"} if source == "github" else {})
        new = {"user": f"ext:{self.name}", "description": "Show it", "source": source, "requirements": asked}
        task: str = (await self.school.ask("POST", "/api/tasks", new))["id"]
        return task

    async def complete(self) -> None:
        """Say of every task that it is done. This is all that anybody does."""
        for task in [*self.done.values(), *self.undone.values()]:
            await self.school.ask("POST", f"/api/tasks/{task}/complete")

    async def tasks(self) -> list[Json]:
        page: list[Json] = (await self.school.ask("GET", f"/api/tasks?user=ext:{self.name}"))["items"]
        return page

    async def task(self, number: str) -> Json:
        task: Json = await self.school.ask("GET", f"/api/tasks/{number}")
        return task

    async def facts(self) -> list[Json]:
        page: list[Json] = (await self.school.ask("GET", f"/api/users/ext:{self.name}/events?limit=200"))["items"]
        return page

    async def end(self) -> None:
        """Wait until no task is under way."""

        async def ended() -> bool:
            return all(task["state"] != "in_progress" for task in await self.tasks())

        await until("all tasks end", ended)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def school(
    cluster: dict[str, str],
    cluster_owner: psycopg.Connection[Any],
    npm_servers: Callable[[str], ServerSettings],
    key_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[School]:
    """An application and a worker on a database of their own, with the three sources at their published servers."""
    settings = Settings(
        data_dir=str(tmp_path_factory.mktemp("faults")),
        auth=AuthSettings(bcrypt_cost=4, keys_dir=str(key_file.parent)),
        resilience=RESILIENCE,
        verification=VERIFICATION,
        limits=LimitsSettings(
            probe=LimitSettings(requests=6000, seconds=60, burst=600)
        ),  # health is looked at until it changes
    )
    servers = {name: msgspec.structs.replace(npm_servers(name), calls_per_second=pace) for name, pace in PACE.items()}
    sections = {name: {"server": msgspec.to_builtins(server)} for name, server in servers.items()}
    with database_like(cluster["template"], cluster, cluster_owner) as dsns:
        api, worker = (
            Engine(
                settings,
                Plugins.load(allow=tuple(ASKED), strict=True, sections=sections),
                Database(dsns.service_dsn, settings.database),
            )
            for _ in range(2)
        )
        working = asyncio.create_task(work(worker), name="worker")
        async with door_of(api) as door:
            yield School((await door.platform(*SCOPES)).key, worker)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await api.database.close()
        await worker.database.close()
    assert children() == {}


async def work(engine: Engine) -> None:
    """Do what a worker process does."""
    async with opened(engine, "worker"):
        await run_worker(engine, pace=WORKER)


async def until(what: str, condition: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    """Wait for a condition on what others write."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - it is rows of tables and processes that change
                await asyncio.sleep(0.3)  # a look asks for all tasks and jobs
    except TimeoutError:
        pytest.fail(f"waited {seconds:g} s for this in vain: {what}")


def children() -> dict[str, set[int]]:
    """Return the server processes that this process has, by source; one that ended and was not reaped counts as ``zombie``."""
    found: dict[str, set[int]] = {}
    for child in psutil.Process().children():
        try:
            line = " ".join(child.cmdline())
            zombie = child.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            continue
        for source, program in SERVERS.items():
            if zombie or program in line:
                found.setdefault("zombie" if zombie else source, set()).add(child.pid)
    return found


def reads_well(source: str, waiting: Json) -> None:
    """Check what a learner reads of a task that waits: which source, why, and until when."""
    assert waiting["reason"].startswith(f"{source} gives no answer: "), waiting
    assert not re.search(r"<[!/a-z]|\n|Traceback| for 0 s", waiting["reason"], re.IGNORECASE), waiting
    away = datetime.fromisoformat(waiting["until"]) - datetime.now(UTC)
    assert abs(away) < timedelta(seconds=30), waiting


async def check_ends(learner: Learner) -> None:
    """Check that what was done is completed with one evidence each, that what was not has failed, and nothing came twice."""
    subjects = Counter((fact["kind"], fact["subject"]) for fact in await learner.facts() if fact["kind"] in VERDICTS)
    expected: Counter[tuple[str, str]] = Counter()
    for source in ASKED:
        done, undone = await learner.task(learner.done[source]), await learner.task(learner.undone[source])
        assert (done["state"], done["failure"], done["waiting"], done["attempt"]) == ("completed", None, None, 1)
        assert (undone["state"], undone["waiting"], undone["attempt"]) == ("failed", None, 1)
        assert undone["failure"]["reason"] == "the work was not found"
        assert undone["failure"]["found"] == FOUND[source]
        expected["evidence.accepted", f"{source}:{learner.name}:{WORK[source].format(name=learner.name)}"] = 1
        expected["task.verified", done["id"]] = expected["task.completed", done["id"]] = 1
        expected["task.failed", undone["id"]] = 1
        for task, last in ((done, "completed"), (undone, "failed")):
            history = await learner.school.ask("GET", f"/api/tasks/{task['id']}/history")
            assert [change["new"] for change in history] == ["pending", "in_progress", last]
    assert subjects == expected


async def check_waits(learner: Learner, attempts: int = 2) -> None:
    """Check that every task is tried in vain that often, that nobody fails or succeeds meanwhile, and that all say why."""

    async def tried() -> bool:
        tasks = await learner.tasks()
        assert {task["state"] for task in tasks} == {"in_progress"}
        jobs = [await learner.school.ask("GET", f"/api/jobs/{task['job_id']}") for task in tasks]
        return all(task["waiting"] for task in tasks) and all(job["attempts"] >= attempts for job in jobs)

    await until(f"all tasks wait after {attempts} attempts", tried)
    for task in await learner.tasks():
        reads_well(task["source"], task["waiting"])
    await no_verdict(learner)


async def no_verdict(learner: Learner) -> None:
    """Check that nothing was recorded that only a verdict can bring."""
    facts = {fact["kind"] for fact in await learner.facts()}
    assert "task.state" in facts
    assert not facts & VERDICTS


def struck(upstream: Upstream, learner: Learner) -> set[str | None]:
    """Return the faults that struck the requests about a learner; None is for those that were answered."""
    return {entry["fault"] for entry in upstream.log() if learner.name in str(entry)}


def soaking(*names: str) -> list[Any]:
    """Return faults as parameters of the long run."""
    return [pytest.param(name, marks=pytest.mark.soak) for name in names]


# "500" and "hang" have tests of their own.
@pytest.mark.parametrize("fault", ["429", "403", "drop", "html", "garbage", "empty", "404 page", *soaking("403 page")])
async def test_tasks_wait_while_a_fault_lasts_and_end_by_themselves(school: School, upstream: Upstream, fault: str) -> None:
    learner = await school.learner(upstream)
    upstream.faults.set("*", **FAULTS[fault])
    await learner.complete()
    await check_waits(learner)
    assert struck(upstream, learner) == {FAULTS[fault]["mode"]}
    upstream.faults.lift()
    await learner.end()
    await check_ends(learner)


SECOND_CALLS = {"codeforces": '"from": "1001"', "github": '"page": "2"', "leetcode": "matchedUser"}
"""What tells the second request of a verification that has to look further."""


@pytest.mark.parametrize("fault", ["500", *soaking(*(name for name in FAULTS if name != "500"))])
async def test_half_an_answer_fails_no_task(school: School, upstream: Upstream, fault: str) -> None:
    """The first request is answered, and shows nothing of what is looked for; only the second completes the picture."""
    learner = await school.learner(upstream)
    others = [
        {"problem": {"contestId": 5, "index": "C"}, "verdict": "OK", "id": number} for number in range(10**6, 10**6 + 1000)
    ]
    upstream.control("codeforces/submissions", {"handle": learner.name, "submissions": others})
    commits = [{"login": "bob"} for _ in range(100)]
    upstream.control("github/commits", {"owner": learner.name, "repo": "work", "commits": commits})
    for source, contains in SECOND_CALLS.items():
        upstream.faults.set(source, **FAULTS[fault], contains=contains)
    for task in learner.undone.values():
        await school.ask("POST", f"/api/tasks/{task}/complete")

    async def waiting() -> bool:
        tasks = [await learner.task(task) for task in learner.undone.values()]
        assert {task["state"] for task in tasks} == {"in_progress"}
        return all(task["waiting"] for task in tasks)

    await until("all tasks wait", waiting)
    await no_verdict(learner)
    assert struck(upstream, learner) == {None, FAULTS[fault]["mode"]}
    upstream.faults.lift()
    await learner.end()
    for task in learner.undone.values():
        assert (await learner.task(task))["failure"]["reason"] == "the work was not found"


async def test_processes_that_hang_are_replaced_and_reaped(school: School, upstream: Upstream) -> None:
    """Two calls that hang block the LeetCode server for good (`observed.md`); the others are not to be trusted either."""
    learner = await school.learner(upstream)
    seen: dict[str, set[int]] = {source: set() for source in SERVERS}

    async def replaced() -> bool:
        for source, pids in children().items():
            seen.setdefault(source, set()).update(pids)
        assert {task["state"] for task in await learner.tasks()} == {"in_progress"}
        return all(len(seen[source]) >= 2 for source in SERVERS)

    upstream.faults.set("*", "hang")
    await learner.complete()
    await until("each server is replaced", replaced)
    await check_waits(learner)
    assert struck(upstream, learner) == {"hang"}
    upstream.faults.lift()
    await learner.end()
    await check_ends(learner)

    async def tidy() -> bool:
        now = children()
        return set(now) == set(SERVERS) and all(len(pids) == 1 for pids in now.values())

    await until("one process of each server runs, and none is left unreaped", tidy)


async def test_health_shows_the_outage_and_its_end(school: School, upstream: Upstream) -> None:
    learner = await school.learner(upstream)

    async def states() -> dict[str, str]:
        health = await school.ask("GET", "/api/health/mcp")
        assert health["status"] == ("degraded" if {"open", "half_open"} & {one["state"] for one in health["sources"]} else "ok")
        return {one["source"]: one["state"] for one in health["sources"]}

    async def out() -> bool:
        return await states() == dict.fromkeys(ASKED, "open")

    async def well() -> bool:
        return await states() == dict.fromkeys(ASKED, "closed")

    upstream.faults.set("*", "500")
    await learner.complete()
    await check_waits(learner)
    await until("each breaker shows as open", out)
    said = {one["source"]: one["workers"] for one in (await school.ask("GET", "/api/health/mcp"))["sources"]}
    assert {source: len(workers) for source, workers in said.items()} == dict.fromkeys(ASKED, 1)
    assert {source: bool(worker["error"]) for source, (worker,) in said.items()} == dict.fromkeys(ASKED, True)
    assert {one["state"] for one in await school.ask("GET", "/api/sources")} == {"unavailable"}
    assert struck(upstream, learner) == {"500"}
    upstream.faults.lift()
    await learner.end()
    await check_ends(learner)
    await until("each breaker shows as closed", well)
    assert {one["state"] for one in await school.ask("GET", "/api/sources")} == {"available"}
