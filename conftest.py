"""What both trees of tests share: the web stand-in beside the checkout, and published MCP servers that talk to it.

Both are optional. Where the stand-in or Node is absent, the tests that ask for them are skipped with that reason.
"""

from __future__ import annotations

import fcntl
import gc
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from skillcore.plugin import ServerSettings

pytest_plugins = ["skillcore.testing.fixtures"]

SHARED = Path(__file__).resolve().parents[1] / "shared"
PACKAGES = {
    "codeforces": ("codeforces-mcp-server@1.0.2", "codeforces-mcp-server"),
    "leetcode": ("@jinzcdev/leetcode-mcp-server@1.4.0", "leetcode-mcp-server"),
    "github": ("@modelcontextprotocol/server-github@2025.4.8", "mcp-server-github"),
    "context7": ("@upstash/context7-mcp@4.1.1", "context7-mcp"),
}
"""Published servers: the package with its version, and the program in it."""
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH")
"""What npm says when it reaches no registry."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among modules and tests, which all stay to the end: neither while they come nor ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what may take minutes: at the end, one process would be left with it while the others have nothing to do."""
    items.sort(key=_patience, reverse=True)


def _patience(item: pytest.Item) -> float:
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark and mark.args else 0.0


class Faults:
    """What goes wrong with requests to a site until it is lifted."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def set(self, host: str, mode: str, **more: Any) -> None:
        """Strike requests to a host with ``500``, ``429``, ``403``, ``hang``, ``slow``, ``drop``, ``html`` and the like."""
        self._upstream.control("faults", {"host": host, "mode": mode, **more})

    def lift(self) -> None:
        """Lift every fault and close what hangs."""
        self._upstream.control("faults", method="DELETE")


class Upstream:
    """The running stand-in. `control` adds to what it serves; each test starts from the recorded data, without faults."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.faults = Faults(self)

    def control(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        """Make one control call, such as ``control("leetcode/recent-ac", {...})``, and return its answer."""
        # Without proxies: the stand-in is on loopback whatever the environment says.
        with httpx2.Client(trust_env=False, timeout=30) as client:
            answer = client.request(method, f"{self.url}/control/{path}", content=json.dumps(body))
        answer.raise_for_status()
        return answer.json()

    def log(self) -> list[dict[str, Any]]:
        """Return the requests that reached the stand-in, oldest first; an entry without status hangs."""
        entries: list[dict[str, Any]] = self.control("log", method="GET")
        return entries


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with recordings and the stand-in; it lies beside the checkout and is no part of it."""
    if not SHARED.is_dir():
        pytest.skip(f"the recordings are not here: {SHARED.name}/ beside the checkout is absent")
    return SHARED


@pytest.fixture(scope="session")
def stand_in(shared: Path) -> Iterator[Upstream]:
    """One stand-in for all tests of a process. Tests take `upstream`, which cleans up after each."""
    command = [sys.executable, str(shared / "upstream" / "serve.py"), "--port", "0", "--data", str(shared / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = json.loads(process.stdout.readline() if process.stdout else "")["port"]
            yield Upstream(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


@pytest.fixture
def upstream(stand_in: Upstream) -> Iterator[Upstream]:
    """The web behind the published servers, as recorded; what a test adds or breaks ends with the test."""
    stand_in.control("log", method="DELETE")
    yield stand_in
    stand_in.faults.lift()
    stand_in.control("overlay", method="DELETE")


@pytest.fixture(scope="session")
def npm_servers(stand_in: Upstream, shared: Path, pytestconfig: pytest.Config) -> Callable[[str], ServerSettings]:
    """Return settings that start a published server, by plugin name, with the web turned to the stand-in."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed")
    redirect = (shared / "upstream" / "redirect.mjs").as_uri()
    prefixes = pytestconfig.cache.mkdir("npm")

    def server(name: str) -> ServerSettings:
        package, program = PACKAGES[name]
        return ServerSettings(
            command=str(_installed(prefixes, package) / "node_modules" / ".bin" / program),
            env={"UPSTREAM": stand_in.url, "NODE_OPTIONS": f"--import {redirect}"},
            calls_per_second=1000,
        )

    return server


@pytest.fixture(scope="session")
def npm_package(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Return the prefix under which a published package is installed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed")
    prefixes = pytestconfig.cache.mkdir("npm")
    return lambda package: _installed(prefixes, package)


@pytest.fixture
def npm_server(upstream: Upstream, npm_servers: Callable[[str], ServerSettings]) -> Callable[[str], ServerSettings]:
    """The function `npm_servers`, for one test: what the test adds to the web, or breaks there, ends with it."""
    return npm_servers


def _installed(prefixes: Path, package: str) -> Path:
    """Install a package once for all test processes and later runs, and return its prefix."""
    prefix = prefixes / package.replace("/", "+")
    with _locked(prefixes / "lock"):
        if not prefix.is_dir():
            unfinished = prefix.with_name(f"{prefix.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            command = ["npm", "install", "--loglevel=error", "--no-audit", "--no-fund", "--prefix", str(unfinished), package]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
            if done.returncode and any(sign in done.stderr for sign in OFFLINE):
                pytest.skip(f"the npm registry cannot be reached, and {package} was never installed here")
            if done.returncode:
                pytest.fail(done.stderr)
            unfinished.rename(prefix)
    return prefix


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
