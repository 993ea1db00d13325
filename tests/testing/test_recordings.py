"""Suites whose answers come from the source's own server: started once, asked once, and given again from memory."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from skillcore.plugin import Account, ServerSettings
from skillcore.testing import Drop, MetChallenge, Nonconformance, Sample, SourceSuite, ToolFault
from skillcore.testing.recordings import Recording, call_of, record
from skillcore.testing.source_checks.frame import SourceFrame
from tests.testing.gym import Gym, Solved

SERVER = """
import sys
from pathlib import Path
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

log = Path(sys.argv[1])
server = MCPServer("gym", log_level="WARNING")
ROWS = ["loops-1", "loops-2", "trees-1"]


@server.tool()
def solved(handle: str, page: int) -> dict:
    with log.open("a") as told:
        told.write(f"{handle} {page}\\n")
    if handle != "ann":
        raise ToolError("nobody of this name")
    rows = [{"id": page, "exercise": ROWS[page - 1], "at": f"2026-03-0{page}T09:00:00Z"}]
    return {"rows": rows, "more": page < len(ROWS)}


@server.tool()
def note(handle: str) -> dict:
    return {"text": "note77", "at": "2026-03-01T09:00:00Z"}


server.run("stdio")
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def gym(tmp_path: Path, log: Path) -> Gym:
    """A gym whose server is a program of its own that writes down what it is asked."""
    program = tmp_path / "server.py"
    program.write_text(SERVER, "utf-8")
    gym = Gym()
    settings = ServerSettings(command=sys.executable, args=(str(program), str(log)), calls_per_second=1000)
    gym.server = msgspec.structs.replace(Gym.server, settings=settings)
    return gym


def suite(gym, **more):
    samples = {
        "met": (Sample("ann", Solved("trees-1")),),
        "not_met": (Sample("ann", Solved("loops-9")),),
        "not_found": (Sample("bob", Solved("loops-1")),),
        "challenges": (MetChallenge(handle="ann", key="note77", done_at=datetime(2026, 3, 1, 9, tzinfo=UTC)),),
    }
    return type("TestRecorded", (SourceSuite,), {"source": gym, **samples, **more})


def test_the_server_is_asked_once_for_all_tests(gym, log):
    kind = suite(gym)
    kind().test_requirements_that_are_met_are_verified()
    asked = log.read_text("utf-8")
    assert set(asked.splitlines()) == {"ann 1", "ann 2", "ann 3", "bob 1"}
    for name in dir(kind):
        if name.startswith("test_"):
            getattr(kind(), name)()
    assert log.read_text("utf-8") == asked


def test_answers_of_the_server_may_be_mixed_with_ones_own(gym):
    class Mixed(suite(gym)):
        def answer(self, tool, arguments):
            return '{"text": "other", "at": "2026-03-01T09:00:00Z"}' if tool == "note" else super().answer(tool, arguments)

    Mixed().test_requirements_that_are_met_are_verified()
    with pytest.raises(Nonconformance, match="for a challenge that 'ann' met"):
        Mixed().test_challenges_are_met_within_their_time()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ServerSettings(command="no-such-gym-server"), "no-such-gym-server"),
        (ServerSettings(command=sys.executable, args=("-c", "raise SystemExit(3)")), "before a session was open"),
    ],
)
def test_a_server_that_does_not_run_is_named_with_the_remedy(gym, settings, words):
    gym.server = msgspec.structs.replace(gym.server, settings=settings)
    with pytest.raises(Nonconformance, match=words) as caught:
        suite(gym)().test_requirements_that_are_met_are_verified()
    assert "override `answer`" in caught.value.remedy


async def test_a_recording_gives_failures_again_and_nothing_else(gym):
    async def unknown(tools):
        await gym.verify(tools, Account("gym", "bob"), Solved("loops-1"))

    recording = await record(gym, [unknown])
    found = recording("solved", {"page": 1, "handle": "bob"})
    assert isinstance(found, ToolFault)
    assert "nobody of this name" in str(found)
    assert isinstance(recording("solved", {"page": 2, "handle": "bob"}), Drop)
    assert [type(failure).__name__ for failure in recording.failures] == ["NotFound"]


def test_calls_are_told_apart_by_their_arguments_in_any_order():
    recording = Recording({call_of("solved", {"a": 1, "b": 2}): "text", call_of("solved", {}): ""})
    assert recording("solved", {"b": 2, "a": 1}) == "text"
    assert recording("solved", {}) == ""
    assert isinstance(recording("solved", {"a": 2, "b": 1}), Drop)


def test_the_answers_are_the_servers_unless_the_author_says_otherwise():
    assert SourceSuite.answer is SourceFrame.answer
