"""What the plugins' tests share: the web stand-in beside the checkout, and published MCP servers that talk to it.

Both are optional. Where the stand-in or Node is absent, the tests that ask for them are skipped with that reason.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec
import pytest
from hypothesis import strategies as st

from skillcore.plugin import ServerSettings, SourceError, Unavailable

T = TypeVar("T")
Keys = tuple[str | int, ...]
Failure = Callable[[str], SourceError] | None

SHARED = Path(__file__).resolve().parents[2] / "shared"
PACKAGES = {
    "codeforces": ("codeforces-mcp-server@1.0.2", "codeforces-mcp-server"),
    "leetcode": ("@jinzcdev/leetcode-mcp-server@1.4.0", "leetcode-mcp-server"),
    "github": ("@modelcontextprotocol/server-github@2025.4.8", "mcp-server-github"),
    "context7": ("@upstash/context7-mcp@4.1.1", "context7-mcp"),
}
"""Published servers: the package with its version, and the program in it."""


class Failed(str):
    """The text of a call that a server reports as failed."""


class Recital:
    """A session without a server, for tests of a source alone: each call is answered by a function with a server's text.

    As behind the engine's guard, an answer that does not parse is `Unavailable`.
    """

    def __init__(self, answer: Callable[[str, Mapping[str, Any]], str]) -> None:
        self.answer = answer
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def call(self, tool: str, arguments: Mapping[str, Any], returns: type[T], *, failure: Failure = None) -> T:
        """Answer and decode."""
        return await self.read(tool, arguments, msgspec.json.Decoder(returns).decode, failure=failure)

    async def read(self, tool: str, arguments: Mapping[str, Any], parse: Callable[[str], T], *, failure: Failure = None) -> T:
        """Answer and parse."""
        self.calls.append((tool, dict(arguments)))
        text = self.answer(tool, arguments)
        if isinstance(text, Failed):
            raise failure(text) if failure else Unavailable(text)
        try:
            return parse(text)
        except SourceError:
            raise
        except Exception as error:
            raise Unavailable(str(error)) from error


MISSING = object()
"""Stands for a key that is not there."""

FOREIGN = (
    "",
    "null",
    "[]",
    "{}",
    "<!DOCTYPE html><html><head><title>Temporarily unavailable</title></head></html>",
    "Error: API request failed",
    "error code: 1015",
    '{"error": "Failed to fetch recent submissions", "message": "HTTP 500 Internal Server Error: <html>"}',
    '{"status": "FAILED", "comment": "Call limit exceeded"}',
    '{"errors": [{"message": "Something went wrong"}], "data": null}',
)
"""What stands where an answer should: recorded failures, and nothing at all."""


def places(document: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield every value of a JSON document with the keys that lead to it."""
    yield path, document
    inner = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def changes(value: Any) -> list[Any]:
    """Return what may stand in a value's place: nothing, other types, prose, or the value one level too deep."""
    others: list[Any] = [None, True, "x y", -1, 0.5, {}, [[]]]
    prose = [foreign for foreign in FOREIGN if " " in foreign]
    return [MISSING, *(other for other in others if type(other) is not type(value)), *prose, [value], {"data": value}]


def changed(document: Any, path: Keys, value: Any) -> str:
    """Return the JSON text of a document with another value at a path. Of a list's items, none can go missing."""
    copy = json.loads(json.dumps(document))
    container = copy
    for key in path[:-1]:
        container = container[key]
    if value is not MISSING:
        container[path[-1]] = value
    elif isinstance(container, dict):
        del container[path[-1]]
    return json.dumps(copy)


def accidents(text: str, *, spare: Collection[str] = ()) -> Iterator[str]:
    """Yield every version of a JSON text with one damage inside. Keys in ``spare`` stay: their absence is an answer."""
    document = json.loads(text)
    for path, value in places(document):
        if path and path[-1] not in spare:
            yield from (changed(document, path, change) for change in changes(value))


@st.composite
def damages(draw: st.DrawFn, text: str, *, spare: Collection[str] = ()) -> str:
    """Draw a version of a JSON text that is cut, replaced, or damaged inside in up to three places."""
    kind = draw(st.sampled_from(["cut", "foreign", "inside", "inside"]))
    if kind == "cut":
        return text[: draw(st.integers(0, len(text.rstrip()) - 1))]
    if kind == "foreign":
        return draw(st.sampled_from([foreign for foreign in FOREIGN if foreign != text]))
    for _ in range(draw(st.integers(1, 3))):
        document = json.loads(text)
        inside = [place for place in places(document) if place[0] and place[0][-1] not in spare]
        if inside:
            path, value = draw(st.sampled_from(inside))
            text = changed(document, path, draw(st.sampled_from(changes(value))))
    return text


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
def recite() -> type[Recital]:
    """The class `Recital`, since no test can import this module."""
    return Recital


@pytest.fixture(scope="session")
def failed_call() -> type[Failed]:
    """The class `Failed`: ``failed_call(text)`` is what a recital answers for a call that failed."""
    return Failed


@pytest.fixture(scope="session")
def damaged() -> Callable[..., st.SearchStrategy[str]]:
    """The strategy `damages`: ``data.draw(damaged(text))`` is the text after an accident."""
    return damages


@pytest.fixture(scope="session")
def each_accident() -> Callable[..., Iterator[str]]:
    """The function `accidents`."""
    return accidents


@pytest.fixture(scope="session")
def observed(shared: Path) -> list[dict[str, str]]:
    """What the real servers answered: the rows of ``observed.md``, with the section they stand in and plain text cells."""
    rows, section, columns = [], "", []
    for line in (shared / "upstream" / "observed.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| tool"):
            columns = [cell.strip() for cell in line.strip("|").split(" | ")]
        elif line.startswith(("| get_", "| list_", "| resolve-", "| query-")):
            cells = [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
            rows.append({"section": section, **dict(zip(columns, cells, strict=False))})
    return rows


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


@pytest.fixture
def npm_server(upstream: Upstream, shared: Path, pytestconfig: pytest.Config) -> Callable[[str], ServerSettings]:
    """Return settings that start a published server, by plugin name, with the web turned to `upstream`."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed")
    redirect = (shared / "upstream" / "redirect.mjs").as_uri()
    prefixes = pytestconfig.cache.mkdir("npm")

    def server(name: str) -> ServerSettings:
        package, program = PACKAGES[name]
        return ServerSettings(
            command=str(_installed(prefixes, package) / "node_modules" / ".bin" / program),
            env={"UPSTREAM": upstream.url, "NODE_OPTIONS": f"--import {redirect}"},
            calls_per_second=1000,
        )

    return server


def _installed(prefixes: Path, package: str) -> Path:
    """Install a package once for all test processes and later runs, and return its prefix."""
    prefix = prefixes / package.replace("/", "+")
    with _locked(prefixes / "lock"):
        if not prefix.is_dir():
            unfinished = prefix.with_name(f"{prefix.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(unfinished), package]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
            if done.returncode:
                pytest.skip(f"npm could not install {package}: {done.stderr.strip()[-200:]}")
            unfinished.rename(prefix)
    return prefix


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
