"""Processes of the running service are killed at random moments under load, and nothing is lost, doubled or stuck."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest

from tests.services import Served, gone, serving

PASSWORD = "a long passphrase of mine"
HANDLES = ("practice-1", "practice-2", "practice-3", "practice-4")
EXERCISES = tuple(
    f"{track}-{concept}-{number}"
    for track, concepts in {"python": ("variables", "loops", "functions"), "sql": ("select", "joins", "grouping")}.items()
    for concept in concepts
    for number in (1, 2, 3)
)
SCOPES = ["users:read", "users:write", "skills:write", "projects:write", "sources:vouch", "tasks:read", "tasks:write"]
SCOPES += ["events:read", "events:write", "scores:read"]
DATA = "data of mine"
CHILDREN = ("api", "worker", "postgres")
PATIENCE = 240.0


class Load:
    """Platforms that set tasks, have them checked, and report events, whatever happens to the service.

    Attributes:
        acknowledged: by person: the ids of the events that the service said it had recorded.
        tasks: those that were set, by id.
    """

    def __init__(self, served: Served, seed: int) -> None:
        self.address = served.address
        self.random = random.Random(seed)
        self.ids = random.Random(seed + 1)
        self.people: list[tuple[str, str]] = []
        self.acknowledged: dict[tuple[str, str], set[str]] = {}
        self.tasks: dict[str, str] = {}
        self.interrupted = 0
        self.stopping = asyncio.Event()

    def new_id(self) -> str:
        return str(UUID(int=self.ids.getrandbits(128), version=4))

    async def send(self, key: str, method: str, path: str, body: Any = None, *, once: str | None = None) -> httpx.Response:
        """Send a request until it is answered by something other than an outage."""
        headers = ({"Authorization": f"Bearer {key}"} if key else {}) | ({"Idempotency-Key": once} if once else {})
        while True:
            try:
                async with httpx.AsyncClient(base_url=self.address, timeout=20, trust_env=False) as client:
                    answer = await client.request(method, path, json=body, headers=headers)
            except (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError):
                answer = None
            if answer is not None and answer.status_code not in {500, 502, 503}:
                return answer
            assert answer is None or answer.status_code != 500, answer.text
            self.interrupted += 1
            await asyncio.sleep(0.1)

    async def made(self, key: str, path: str, body: Any) -> Any:
        answer = await self.send(key, "POST", path, body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def prepare(self, token: str, platforms: int) -> None:
        """Set up an administrator, platforms, their people, and a vouched account for each of them."""
        admin = {"token": token, "email": "root@example.org", "password": PASSWORD}
        root = (await self.made("", "/api/setup", admin))["access_token"]
        for number in range(platforms):
            platform = (await self.made(root, "/api/platforms", {"name": f"School {number}"}))["id"]
            made = {"name": "load", "scopes": SCOPES}
            key = (await self.made(root, f"/api/platforms/{platform}/keys", made))["key"]
            if not number:
                for skill in ("python", "sql", "loops", "joins", "select"):
                    await self.made(key, "/api/skills", {"name": skill})
            for handle in HANDLES:
                await self.made(key, "/api/users", {"external_id": handle})
                linked = await self.send(key, "PUT", f"/api/users/ext:{handle}/sources/practice", {"handle": handle})
                assert linked.status_code == 200, linked.text
                self.people.append((key, f"ext:{handle}"))

    async def report(self) -> None:
        """Report events, singly and in batches."""
        while not self.stopping.is_set():
            key, person = self.random.choice(self.people)
            events = [
                {"id": self.new_id(), "user": person, "kind": "platform.opportunity_shared", "subject": f"o-{number}"}
                for number in range(self.random.choice((1, 1, 20, 100)))
            ]
            batch = len(events) > 1
            answer = await self.send(
                key, "POST", "/api/events/batch" if batch else "/api/events", {"events": events} if batch else events[0]
            )
            assert answer.status_code in {200, 201}, answer.text
            assert not batch or answer.json()["refused"] == 0, answer.text
            self.acknowledged.setdefault((key, person), set()).update(event["id"] for event in events)
            await asyncio.sleep(0.02)

    async def work(self, key: str, person: str) -> None:
        """Set one task after the other, and have each checked, twice at the same time."""
        for exercise in EXERCISES:
            if self.stopping.is_set():
                return
            task = {"user": person, "description": "Solve it", "source": "practice", "requirements": {"exercise": exercise}}
            answer = await self.send(key, "POST", "/api/tasks", task | {"skills": ["python"]}, once=self.new_id())
            if answer.status_code == 409:
                continue  # it was set, and its answer was lost with the process: nobody asks for it to be checked
            assert answer.status_code == 201, answer.text
            number = answer.json()["id"]
            both = [self.send(key, "POST", f"/api/tasks/{number}/complete") for _ in range(2)]
            for accepted in await asyncio.gather(*both):
                assert accepted.status_code in {202, 409}, accepted.text  # 409: the other one was quicker, and it is done
            self.tasks[number] = key

    async def settled(self) -> dict[str, int]:
        """Wait until every task that was to be checked has ended, and count how."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        open_ = dict(self.tasks)
        ends: dict[str, int] = {}
        while open_:
            assert asyncio.get_running_loop().time() < deadline, f"stuck: {open_}"
            for task, key in list(open_.items()):
                state = (await self.send(key, "GET", f"/api/tasks/{task}")).json()["state"]
                if state in {"completed", "failed"}:
                    del open_[task]
                    ends[state] = ends.get(state, 0) + 1
            await asyncio.sleep(0.2)
        return ends

    async def recorded(self, key: str, person: str) -> list[dict[str, Any]]:
        """Return all events of a person."""
        events: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            path = f"/api/users/{person}/events?limit=200" + (f"&cursor={cursor}" if cursor else "")
            page = (await self.send(key, "GET", path)).json()
            events += page["items"]
            cursor = page["next_cursor"]
        return events


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.2)


async def kill(served: Served, choice: random.Random, kills: int) -> list[str]:
    """Kill children at random moments, ready or not."""
    killed: list[str] = []
    while len(killed) < kills:
        await asyncio.sleep(choice.uniform(0.3, 4.0))
        name = choice.choice(CHILDREN)
        victim = await asyncio.to_thread(served.child, name)
        if victim is None:
            continue  # it is down already
        try:
            victim.kill()
        except psutil.NoSuchProcess:
            continue
        killed.append(name)
    return killed


async def survive(directory: Path, seed: int, kills: int, platforms: int) -> None:
    with serving(directory, "--practice", variables={"SKILLCORE__DATA_DIR": DATA}) as served:
        load = Load(served, seed)
        await load.prepare((directory / DATA / "setup-token").read_text().strip(), platforms)
        async with asyncio.TaskGroup() as group:
            for key, person in load.people:
                group.create_task(load.work(key, person))
            for _ in range(3):
                group.create_task(load.report())
            killed = await kill(served, random.Random(seed + 2), kills)
            load.stopping.set()
        ends = await load.settled()
        await until(lambda: caught_up(load))
        for (key, person), acknowledged in load.acknowledged.items():
            events = await load.recorded(key, person)
            ids = [event["id"] for event in events]
            assert acknowledged <= set(ids)
            assert len(ids) == len(set(ids))
        checked = await asyncio.to_thread(verified, directory)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert PASSWORD not in served.said
        assert not [key for key, _ in load.people if key in served.said]
        family = served.family()
    assert all(gone(process) for process in family)
    events = sum(map(len, load.acknowledged.values()))
    print(f"seed {seed}: killed {' '.join(killed)}; {events} events, tasks {ends}, {load.interrupted} requests sent again")


async def caught_up(load: Load) -> bool:
    """Say whether every subscription has read the feed to its end."""
    scraped = (await load.send("", "GET", "/metrics")).text
    lags = [line for line in scraped.splitlines() if line.startswith("skillcore_feed_lag_commits{")]
    return bool(lags) and all(line.endswith(" 0.0") for line in lags)


def verified(directory: Path) -> subprocess.CompletedProcess[str]:
    """Run ``skillcore verify-ledger`` beside the service."""
    environment = {**os.environ, "SKILLCORE__DATA_DIR": DATA}
    command = [sys.executable, "-m", "skillcore", "verify-ledger"]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.timeout(400)
async def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    await survive(tmp_path / "a service", seed=20261121, kills=3, platforms=1)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(3))
async def test_twenty_kills_lose_nothing(tmp_path: Path, seed: int) -> None:
    await survive(tmp_path / "a service", seed=seed, kills=20, platforms=3)
