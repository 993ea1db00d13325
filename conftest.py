"""What both trees of tests share: the web stand-in beside the checkout, and published MCP servers that talk to it.

Both are optional. Where the stand-in or Node is absent, the tests that ask for them are skipped with that reason.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import structlog

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

TYPED = "import skillcore.plugin, skillcore.testing, mcp.server.mcpserver, pytest"
"""What plugins and their tests stand on."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among modules and tests, which all stay to the end: neither while they come nor ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _tracebacks() -> Iterator[None]:
    """Have no test draw, for an error in its log, all variables of every frame in colour, which takes a third of a second."""
    (renderer,) = [step for step in structlog.get_config()["processors"] if isinstance(step, structlog.dev.ConsoleRenderer)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renderer, "exception_formatter", structlog.dev.plain_traceback)
        yield


@pytest.fixture(scope="session", autouse=True)
def _trust() -> Iterator[None]:
    """Read whom TLS trusts once: some thousand clients of ours would each take longer for it than for what they ask."""
    with pytest.MonkeyPatch.context() as patch:
        for library, create in (("httpx", httpx.create_ssl_context), ("httpx2", httpx2.create_ssl_context)):
            patch.setattr(f"{library}._transports.default.create_ssl_context", _once(create))
        yield


def _once(create: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    """Make what all trust by default once for each place that the environment names."""

    @cache
    def usual(trust_env: bool, *_places: str | None) -> ssl.SSLContext:
        return create(trust_env=trust_env)

    def created(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is not True or cert:
            return create(verify=verify, cert=cert, trust_env=trust_env)
        return usual(trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))

    return created


@pytest.fixture(scope="session", autouse=True)
def _known_constants(pytestconfig: pytest.Config) -> Iterator[None]:
    """Have tests in other processes find there what Hypothesis has read of our modules, which takes it seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(pytestconfig.rootpath / ".hypothesis"))
        yield


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


@pytest.fixture(scope="session")
def known_types(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of mypy's, of this process alone, with all that plugins stand on: it takes mypy half a minute to find out.

    The first process to ask fills it for all others, and for later runs; mypy sees for itself what has changed since.
    """
    kept, own = pytestconfig.cache.mkdir("mypy"), tmp_path_factory.mktemp("types") / "mypy"
    known, unfinished = kept / "known", kept / "unfinished"
    with _locked(kept / "lock"):
        if known.is_dir():
            shutil.copytree(known, own)
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(own), "-c", TYPED]
        done = subprocess.run(command, cwd=own.parent, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(done.stdout + done.stderr)
        for place in (unfinished, known):  # what a killed process leaves behind is never used
            shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(own, unfinished)
        unfinished.rename(known)
    return own


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
