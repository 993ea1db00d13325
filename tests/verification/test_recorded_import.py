"""The recorded Codeforces history through the published server and the running service, which is killed meanwhile.

What is expected was counted from the recording by ``benchmarks/recorded_history.py``, which shares no code with the plugin.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from skillcore.plugin import ServerSettings
from tests.services import Served, serving, until

RECORDING = "user.status.tourist.2016.json"
PASSWORD = "a long passphrase of mine"
SCOPES = ["users:write", "sources:vouch", "tasks:read", "tasks:write", "events:read"]
PACE = 0.5
PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "recorded_history.py"

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def counted(shared: Path) -> dict[str, Any]:
    """What the recording says, by a program of its own in a process of its own."""
    recording = shared / "data" / "codeforces" / RECORDING
    command = [sys.executable, "-I", str(PROGRAM), str(recording)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def web(shared: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a stand-in for the web that knows this recording and nothing else."""
    data = tmp_path / "data" / "codeforces"
    data.mkdir(parents=True)
    (data / RECORDING).symlink_to(shared / "data" / "codeforces" / RECORDING)
    command = [sys.executable, str(shared / "upstream" / "serve.py"), "--port", "0", "--data", str(data.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{json.loads(process.stdout.readline() if process.stdout else '')['port']}"
        finally:
            process.terminate()


@pytest.fixture
def directory(web: str, npm_servers: Callable[[str], ServerSettings], tmp_path: Path) -> Path:
    """Where the service runs: with the published server, at the pace of the real site."""
    server = npm_servers("codeforces")
    environment = {**server.env, "UPSTREAM": web}
    made = tmp_path / "service"
    made.mkdir()
    (made / "skillcore.toml").write_text(
        "[plugins]\n"
        'allow = ["codeforces"]\n'
        "[verification]\n"
        "import_on_link = false\n"
        "[plugins.codeforces.server]\n"
        f"command = {json.dumps(server.command)}\n"
        "args = []\n"
        f"calls_per_second = {PACE}\n"
        f"[plugins.codeforces.server.env]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in environment.items())
    )
    return made


class School:
    """A platform that vouches for one person's account and imports its past work."""

    def __init__(self, served: Served, root: str, name: str) -> None:
        self.address = served.address
        platform = self.asked("POST", "/api/platforms", {"name": name}, root)["id"]
        made = self.asked("POST", f"/api/platforms/{platform}/keys", {"name": "k", "scopes": SCOPES}, root)
        self.key = made["key"]
        self.asked("POST", "/api/users", {"external_id": "gena"})
        self.asked("PUT", "/api/users/ext:gena/sources/codeforces", {"handle": "tourist"})

    def asked(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        answer = httpx.request(method, self.address + path, json=body, headers=headers, trust_env=False, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    def begin(self) -> None:
        self.asked("POST", "/api/sources/codeforces/import?user=ext:gena")

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.asked("GET", "/api/sources/codeforces/import?user=ext:gena")
        return found

    def finished(self) -> dict[str, Any]:
        until(lambda: self.state()["state"] in {"done", "failed"})
        return self.state()

    def recorded(self) -> list[dict[str, Any]]:
        """All evidence of the person, as the ledger has it."""
        events: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.asked("GET", "/api/users/ext:gena/events?limit=200" + (f"&cursor={cursor}" if cursor else ""))
            events += page["items"]
            cursor = page["next_cursor"]
        return [event for event in events if event["kind"] == "evidence.accepted"]


@pytest.fixture
def served(directory: Path) -> Iterator[Served]:
    with serving(directory, variables={"SKILLCORE__DATA_DIR": "data"}) as running:
        yield running


@pytest.fixture
def open_school(served: Served, directory: Path) -> Callable[[str], School]:
    token = (directory / "data" / "setup-token").read_text().strip()
    given = {"token": token, "email": "root@example.org", "password": PASSWORD}
    answer = httpx.post(f"{served.address}/api/setup", json=given, trust_env=False, timeout=30)
    assert answer.is_success, answer.text
    return lambda name: School(served, answer.json()["access_token"], name)


def check(events: list[dict[str, Any]], counted: dict[str, Any]) -> None:
    """Compare the evidence of a person with what was counted."""
    works = {event["subject"].removeprefix("codeforces:tourist:"): event for event in events}
    assert len(works) == len(events) == counted["solved"]
    assert {work: event["occurred_at"].replace("Z", "+00:00") for work, event in works.items()} == {
        work: solved["at"] for work, solved in counted["problems"].items()
    }
    topics = Counter(topic for event in events for topic in event["data"].get("topics", ()))
    assert dict(sorted(topics.items())) == counted["topics"]
    assert {event["data"]["strength"] for event in events} == {"judged"}
    teams = {work: event["data"]["metadata"]["team_size"] for work, event in works.items()}
    assert teams == {work: solved["team"] for work, solved in counted["problems"].items()}


def ends(served: Served) -> None:
    """Kill the worker, and wait until another one runs."""
    worker = served.child("worker")
    assert worker is not None
    worker.kill()
    until(lambda: (new := served.child("worker")) is not None and new.pid != worker.pid)


def interrupted(served: Served, school: School, seed: int) -> list[int]:
    """Kill the worker while the first page is on its way, and behind two others; return how many were kept by then."""
    choice = random.Random(seed)
    kept = []
    until(lambda: school.state()["state"] == "running")
    moment = time.monotonic() + choice.uniform(0, 2.5 / PACE)
    until(lambda: time.monotonic() > moment)
    ends(served)
    kept.append(school.state()["pages"])
    for pages in sorted(choice.sample(range(1, 6), 2)):
        until(lambda pages=pages: school.state()["pages"] >= pages)  # type: ignore[misc]
        ends(served)
        kept.append(school.state()["pages"])
    assert school.state()["state"] == "running", kept
    return kept


@pytest.mark.timeout(600)
def test_the_recorded_history_comes_whole_and_survives_three_kills(
    served: Served, directory: Path, open_school: Callable[[str], School], counted: dict[str, Any]
) -> None:
    """One person's import runs undisturbed, another's is killed; then both are asked for once more."""
    assert (counted["submissions"], counted["accepted"], counted["solved"]) == (1350, 895, 857)
    undisturbed, killed = open_school("Undisturbed"), open_school("Killed")
    undisturbed.begin()
    once = undisturbed.finished()
    assert (once["state"], once["new"], once["done"], once["total"], once["gap"]) == ("done", 857, 1350, 1350, "")
    check(undisturbed.recorded(), counted)

    seed = random.SystemRandom().randrange(2**32)
    killed.begin()
    kept = interrupted(served, killed, seed)
    found = killed.finished()
    said = f"seed {seed}, pages kept when it was killed: {kept}"
    assert (found["state"], found["done"], found["total"]) == ("done", 1350, 1350), said
    check(killed.recorded(), counted)

    for school in (undisturbed, killed):
        before = school.recorded()
        school.begin()
        again = school.finished()
        assert (again["state"], again["seen"], again["new"]) == ("done", 0, 0), said
        assert school.recorded() == before
    environment = {**os.environ, "SKILLCORE__DATA_DIR": "data"}
    verify = [sys.executable, "-m", "skillcore", "verify-ledger"]
    checked = subprocess.run(verify, cwd=directory, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    print(said)
