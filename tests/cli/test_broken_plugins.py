"""A broken plugin never takes the service down: the real service, with plugins that do everything a plugin should not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.services import PATIENCE, Served, serving, until

Json = dict[str, Any]

FAILING = {
    "raising": "raise RuntimeError('no such luck')",
    "leaving": "import sys\nsys.exit(3)",
    "throwing": "class Odd(BaseException): pass\nraise Odd('thrown')",
    "misspelt": "def skillcore(:",
    "junk": """
from skillcore.plugin import PluginInfo, hookimpl

@hookimpl
def skillcore_plugin():
    return PluginInfo(contract=">=1.1,<2")

@hookimpl
def skillcore_verification_sources(settings):
    return [42, None, "a source"]
""",
    "mute": "from skillcore.plugin import hookimpl\n\n@hookimpl\ndef skillcore_plugin():\n    return None\n",
}
"""Modules that cannot be used, by plugin."""

SOURCE = """
import asyncio
import time

from msgspec import Struct

from skillcore.plugin import MCPServer, NotVerified, PluginInfo, ServerSettings, Tool, VerificationSource, hookimpl


class Requirement(Struct, frozen=True, forbid_unknown_fields=True):
    done: str = "it"


class Source(VerificationSource):
    name = "{name}"
    requirement = Requirement
    server = MCPServer(tools=(Tool("look"),), settings=ServerSettings(command="false"))

    async def verify(self, tools, account, requirement):
        {verify}

    def check(self, requirement):
        if requirement.done == "wrong":
            raise SystemExit(3)
        if requirement.done == "never":
            time.sleep(3600)


@hookimpl
def skillcore_plugin():
    return PluginInfo(contract=">=1.1,<2")


@hookimpl
def skillcore_verification_sources(settings):
    return (Source(),)
"""
STUBBORN = """while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass"""

# What their `verify` does, and what their learners read.
SOURCES = {
    "quitting": ("raise SystemExit(3)", "quitting failed: SystemExit: 3"),
    "odd": ("raise type('Odd', (BaseException,), {})('thrown')", "odd failed: Odd: thrown"),
    "lying": ("return 42", "lying returned int, which is no verdict"),
    "hanging": (STUBBORN, "hanging did not finish within 1 s"),
    "sleeping": ("time.sleep(3600)", "sleeping held up its worker"),
    "spinning": ("while True:\n            pass", "spinning held up its worker"),
}
BLOCKING = ("sleeping", "spinning")

SETTINGS = {
    "SKILLCORE__DATA_DIR": "data",
    "SKILLCORE__SERVER__GRACE": "1",
    "SKILLCORE__AUTH__BCRYPT_COST": "4",
    "SKILLCORE__VERIFICATION__DEADLINE": "1",
    "SKILLCORE__WATCHDOG__WARN_AFTER": "0.5",
    "SKILLCORE__WATCHDOG__END_AFTER": "2",
    "SKILLCORE__WATCHDOG__SET_APART": "300",
}


def install(site: Path, name: str, text: str) -> None:
    """Install a plugin: a module of this text, in a distribution of its own."""
    metadata = site / f"acme_{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[skillcore]\n{name} = acme_{name}\n")
    (site / f"acme_{name}.py").write_text(text)


class School(NamedTuple):
    """A running service, and a platform's key to it."""

    served: Served
    client: httpx2.Client

    def ask(self, method: str, path: str, body: Any = None, *, status: int | None = None) -> Any:
        answer = self.client.request(method, path, json=body)
        assert answer.status_code == status or (status is None and answer.is_success), answer.text
        return answer.json() if answer.content else None

    def task(self, source: str, requirements: Json) -> str:
        """Set a task, and say that it is done."""
        self.ask("PUT", f"/api/users/ext:ada/sources/{source}", {"handle": "practice-1"})
        new = {"user": "ext:ada", "description": "Show it", "source": source, "requirements": requirements}
        number: str = self.ask("POST", "/api/tasks", new)["id"]
        self.ask("POST", f"/api/tasks/{number}/complete")
        return number

    def state(self, number: str) -> Json:
        task: Json = self.ask("GET", f"/api/tasks/{number}")
        return task

    def source(self, name: str) -> Json:
        """Return how a source is said to be."""
        sources: list[Json] = self.ask("GET", "/api/health/mcp")["sources"]
        return next(source for source in sources if source["source"] == name)

    def pid(self, name: str) -> int:
        child = self.served.child(name)
        return child.pid if child else 0


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    site = tmp_path / "site"
    for name, text in FAILING.items():
        install(site, name, text)
    for name, (verify, _) in SOURCES.items():
        install(site, name, SOURCE.format(name=name, verify=verify))
    with (
        serving(tmp_path / "place", "--practice", variables=SETTINGS | {"PYTHONPATH": str(site)}) as served,
        httpx2.Client(base_url=served.address, trust_env=False, timeout=PATIENCE) as client,
    ):
        school = School(served, client)
        credentials = {"email": "you@example.org", "password": "a long passphrase of yours"}
        token = {"token": (tmp_path / "place" / "data" / "setup-token").read_text().strip()}
        client.headers["Authorization"] = f"Bearer {school.ask('POST', '/api/setup', token | credentials)['access_token']}"
        platform = school.ask("POST", "/api/platforms", {"name": "Evening school"})["id"]
        scopes = ["users:read", "users:write", "sources:vouch", "tasks:read", "tasks:write"]
        key = school.ask("POST", f"/api/platforms/{platform}/keys", {"name": "key", "scopes": scopes})["key"]
        client.headers["Authorization"] = f"Bearer {key}"
        school.ask("POST", "/api/users", {"external_id": "ada"})
        yield school


def test_the_service_serves_whatever_plugins_do(school: School) -> None:
    plugins = {plugin["name"]: plugin for plugin in school.ask("GET", "/api/health/plugins")}
    assert {name for name, plugin in plugins.items() if plugin["state"] == "failed"} == FAILING.keys()
    assert "no such luck" in plugins["raising"]["error"]
    assert all(plugins[name]["error"] for name in FAILING)
    assert {plugins[name]["state"] for name in (*SOURCES, "practice", "codeforces")} == {"active"}
    api, worker = school.pid("api"), school.pid("worker")

    tasks = {name: school.task(name, {}) for name in SOURCES if name not in BLOCKING}
    for name, number in tasks.items():
        until(lambda number=number: bool(school.state(number)["waiting"]))
        assert SOURCES[name][1] in school.state(number)["waiting"]["reason"]
    assert (school.pid("api"), school.pid("worker")) == (api, worker)

    for name in BLOCKING:
        worker = school.pid("worker")
        tasks[name] = school.task(name, {})
        until(lambda worker=worker: school.pid("worker") not in {0, worker})
        until(lambda name=name: bool(school.state(tasks[name])["waiting"]))
        assert SOURCES[name][1] in school.state(tasks[name])["waiting"]["reason"]
        source = school.source(name)
        assert source["state"] == "open"
        assert "held up a worker" in next(said["error"] for said in source["workers"] if said["worker"] == "watchdog")

    worker = school.pid("worker")
    sound = school.task("practice", {"exercise": "python-loops-2"})
    until(lambda: school.state(sound)["state"] == "completed")
    assert {school.state(number)["state"] for number in tasks.values()} == {"in_progress"}
    assert (school.pid("api"), school.pid("worker")) == (api, worker)
    assert school.ask("GET", "/api/health/live") == school.ask("GET", "/api/health/ready") == {"status": "ok"}
    assert school.ask("GET", "/api/health")["status"] == "degraded"
    log = [json.loads(line) for line in school.served.said.splitlines() if line.startswith("{")]
    told = [line for line in log if line["message"] == "the event loop is held up"]
    assert {line["task"] for line in told} == {f"plugin {name}" for name in BLOCKING}
    assert all(f"acme_{line['task'].split()[1]}.py" in line["stack"] for line in told)


def test_a_plugin_in_a_request_does_not_take_the_api_down(school: School) -> None:
    api = school.pid("api")
    new = {"user": "ext:ada", "description": "Show it", "source": "quitting", "requirements": {"done": "wrong"}}
    assert "SystemExit" in school.ask("POST", "/api/tasks", new, status=422)["detail"]
    assert school.pid("api") == api
    with pytest.raises(httpx2.TransportError):
        school.ask("POST", "/api/tasks", new | {"requirements": {"done": "never"}})
    until(lambda: school.pid("api") not in {0, api})
    until(school.served.ready)
    assert "acme_quitting.py" in school.served.said
