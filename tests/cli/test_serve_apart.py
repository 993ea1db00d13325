"""``skillcore serve`` with an isolated source: one worker for it alone, another for everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.services import Served, serving, until

DATA = {"SKILLCORE__DATA_DIR": "data of mine"}
APART = DATA | {
    "SKILLCORE__VERIFICATION__ISOLATED": '["practice"]',
    "SKILLCORE__LOG__LEVEL": "info",
    "SKILLCORE__DATABASE__IDLE_TRANSACTION_TIMEOUT": "2",  # a suspended worker may have locks
}
SCOPES = ["users:write", "tasks:read", "tasks:write", "sources:vouch"]


def workers(served: Served) -> dict[str, psutil.Process]:
    """Return the workers that run: by the source that each is for, or by nothing."""
    found: dict[str, psutil.Process] = {}
    for child in served.supervisor.children():
        words = child.cmdline()
        if "worker" in words:
            found[words[-1] if "--source" in words else ""] = child
    return found


class Platform:
    """A platform with one member, who has an account at the practice source."""

    def __init__(self, client: httpx.Client, token: str) -> None:
        self.client = client
        self.key = ""
        account = {"email": "root@example.org", "password": "correct horse battery staple"}
        self.key = self.post("/api/setup", {"token": token, **account})["access_token"]
        platform = self.post("/api/platforms", {"name": "School"})["id"]
        self.key = self.post(f"/api/platforms/{platform}/keys", {"name": "all", "scopes": SCOPES})["key"]
        self.post("/api/users", {"external_id": "ada"})
        linked = self.ask("PUT", "/api/users/ext:ada/sources/practice", {"handle": "practice-1"})
        assert linked["handle"] == "practice-1"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        answer = self.client.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.ask("POST", path, body)

    def attempt(self, exercise: str) -> str:
        """Have a task checked, and return it."""
        wanted = {"user": "ext:ada", "description": "Solve it", "source": "practice", "requirements": {"exercise": exercise}}
        task: str = self.post("/api/tasks", wanted)["id"]
        self.post(f"/api/tasks/{task}/complete")
        return task

    def state(self, task: str) -> str:
        return str(self.ask("GET", f"/api/tasks/{task}")["state"])


def test_an_isolated_source_has_a_worker_of_its_own(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--practice", variables=APART) as served,
        httpx.Client(base_url=served.address, timeout=30, trust_env=False) as client,
    ):
        until(lambda: set(workers(served)) == {"", "practice"})
        platform = Platform(client, (tmp_path / "data of mine" / "setup-token").read_text().strip())
        task = platform.attempt("python-variables-1")
        until(lambda: platform.state(task) == "completed")

        # Without its worker a task waits, whatever the other one has time for; and somebody comes for it again.
        alone = workers(served)["practice"]
        alone.suspend()
        waiting = platform.attempt("python-variables-2")
        other = platform.attempt("python-variables-1")
        until(lambda: platform.state(waiting) == "in_progress")
        assert platform.state(other) == "in_progress"
        alone.kill()
        until(lambda: platform.state(other) == "completed")
        until(lambda: platform.state(waiting) in {"completed", "failed"})
        assert workers(served)["practice"].pid != alone.pid
        # Only a worker of the source starts the source's server.
        assert "skillcore_practice.server" in " ".join(
            word for child in workers(served)["practice"].children() for word in child.cmdline()
        )
        assert not workers(served)[""].children()
