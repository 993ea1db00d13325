"""``sources check`` and ``verify`` as an operator runs them: on the practice server, without any database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.cli.conftest import Commands

LOOPS = '{"exercise": "python-loops-2"}'

GYM = """
import sys
from msgspec import Struct
from skillcore.plugin import (
    InvalidRequirement, MCPServer, PluginInfo, ServerSettings, Tool, Undecided, VerificationSource, hookimpl,
)

class Lift(Struct, frozen=True, forbid_unknown_fields=True):
    kilos: int

class Gym(VerificationSource[Lift]):
    name = "gym"
    requirement = Lift
    server = MCPServer(
        tools=(Tool("list_exercises", ("handle", "offset")), Tool("weigh", ("bar",))),
        settings=ServerSettings(command=sys.executable, args=("-m", "skillcore_practice.server")),
    )

    def check(self, requirement):
        if requirement.kilos > 500:
            raise InvalidRequirement("nobody lifts that", field="kilos")

    async def verify(self, tools, account, requirement):
        if requirement.kilos == 13:
            raise InvalidRequirement("it is the wrong number", field="kilos")
        return Undecided("the gym shows today's lifts only\\x1b[2J", "lift it again today")

@hookimpl
def skillcore_plugin():
    return PluginInfo(contract=">=1.1,<2")

@hookimpl
def skillcore_verification_sources(settings):
    return [Gym()]
"""


@pytest.fixture(autouse=True)
def practice(command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer the practice source, and give no database that would answer."""
    monkeypatch.setenv("SKILLCORE__PLUGINS__ALLOW", '["practice", "gym", "broken"]')
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__ENABLED", "true")
    monkeypatch.setenv("SKILLCORE__RESILIENCE__RETRIES", "0")
    monkeypatch.setenv("SKILLCORE__DATABASE__URL", "postgresql://nobody@127.0.0.1:1/nowhere")


@pytest.fixture
def unauthorized() -> Iterator[str]:
    """The address of an HTTP server that refuses every credential."""

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/mcp"
        server.shutdown()
        thread.join()


def verify(
    command: Commands, require: str = LOOPS, *, handle: str = "practice-1", source: str = "practice", json: bool = False
):
    options = ["--json"] if json else []
    return command("verify", "--source", source, "--handle", handle, "--require", require, *options)


def test_verified_work_is_shown_with_its_evidence(command: Commands) -> None:
    done = verify(command)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "verified",
        "    python-loops-2, done at 2026-01-09T09:00:00+00:00, judged",
        "        difficulty: 4 of 10",
        "        topics: python, loops",
        "        practice: True",
    ]


def test_json_holds_the_whole_verdict_and_what_it_rests_on(command: Commands) -> None:
    done = verify(command, json=True)
    assert (done.code, done.err) == (0, "")
    assert done.json["outcome"] == "verified"
    assert done.json["requirement"]["exercise"] == "python-loops-2"
    (evidence,) = done.json["verdict"]["evidence"]
    assert evidence == {
        "work": "python-loops-2",
        "occurred_at": "2026-01-09T09:00:00Z",
        "topics": ["python", "loops"],
        "difficulty": 4.0,
        "strength": "judged",
        "metadata": {"practice": True},
    }
    assert [answer["arguments"]["offset"] for answer in done.json["answers"]] == [0, 10, 20]
    assert all(len(answer["sha256"]) == 64 for answer in done.json["answers"])


def test_work_that_is_not_there_is_not_verified(command: Commands) -> None:
    done = verify(command, handle="practice-4")
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        "not verified",
        "    looked for: exercise python-loops-2 solved",
        "    found: 0 other solved exercises",
    ]
    assert verify(command, handle="practice-4", json=True).json["verdict"]["type"] == "not_verified"


@pytest.mark.parametrize(
    ("require", "handle", "source", "field", "word"),
    [
        ('{"exercise": "python-loo', "practice-1", "practice", "requirements", "JSON"),
        ("[" * 100_000, "practice-1", "practice", "requirements", "JSON"),
        ('["python-loops-2"]', "practice-1", "practice", "requirements", "list"),
        ('{"exercise": 5}', "practice-1", "practice", "requirements.exercise", "requirements.exercise"),
        ('{"exercis": "a"}', "practice-1", "practice", "requirements.exercis", "did you mean exercise?"),
        ("{}", "practice-1", "practice", "requirements.exercise", "requirements.exercise"),
        (LOOPS, "practice-1", "practise", "source", "practice"),
        (LOOPS, "not a handle", "practice", "handle", "not a handle"),
        ('{"kilos": 501}', "ada", "gym", "requirements.kilos", "nobody lifts that"),
        ('{"kilos": 13}', "ada", "gym", "kilos", "the wrong number"),
    ],
)
def test_what_cannot_be_asked_is_named(
    command: Commands, install: Callable[[str, str], None], require: str, handle: str, source: str, field: str, word: str
) -> None:
    install("gym", GYM)
    done = verify(command, require, handle=handle, source=source, json=True)
    assert done.code == 4
    assert (done.json["outcome"], done.json["field"]) == ("invalid", field)
    assert word in done.json["error"]
    assert done.err.startswith("invalid")
    assert field in done.err or word in done.err
    assert done.err.count("\n") == 1


def test_a_handle_that_nobody_has_is_an_error_of_its_own(command: Commands) -> None:
    done = verify(command, handle="practice-9")
    assert (done.code, done.out) == (4, "")
    assert done.err == "not found: there is no practice learner of this name; practice-1 is one\n"


def test_a_server_that_does_not_run_is_unavailable(command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__ARGS", '["-c", "raise SystemExit(7)"]')
    done = verify(command, json=True)
    assert done.code == 3
    assert done.json["outcome"] == "unavailable"
    assert "verdict" not in done.json
    assert "status 7" in done.err


def test_a_source_that_refuses_our_credentials_is_unavailable_with_the_reason(
    command: Commands, monkeypatch: pytest.MonkeyPatch, unauthorized: str
) -> None:
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__URL", unauthorized)
    monkeypatch.setenv("SKILLCORE__OUTBOUND__ALLOW", '["127.0.0.0/8"]')
    done = verify(command)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("refused: ")
    assert "HTTP 401" in done.err


def test_an_undecided_verdict_says_what_would_decide_it(command: Commands, install: Callable[[str, str], None]) -> None:
    install("gym", GYM)
    done = verify(command, '{"kilos": 100}', source="gym")
    assert (done.code, done.err) == (5, "")
    assert done.out.splitlines() == [
        r"undecided: the gym shows today's lifts only\x1b[2J",
        "    would decide it: lift it again today",
    ]
    assert verify(command, '{"kilos": 100}', source="gym", json=True).json["outcome"] == "undecided"


def test_a_source_that_can_be_asked_is_fine(command: Commands) -> None:
    done = command("sources", "check")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "source practice: fine"
    assert "    server: skillcore-practice" in done.out
    assert "    tool list_exercises: present\n    tool list_notes: present\n    breaker: closed\n" in done.out


def test_a_tool_that_is_missing_is_named(command: Commands, install: Callable[[str, str], None]) -> None:
    install("gym", GYM)
    done = command("sources", "check")
    assert done.code == 1
    assert "source gym: reachable, but cannot be used\n" in done.out
    assert "source practice: fine\n" in done.out
    assert "    tool list_exercises: present\n" in done.out
    assert "    tool weigh: the server has no tool 'weigh'; it has list_exercises, list_notes\n" in done.out
    assert command("sources", "check", "practice").code == 0
    (gym,) = command("sources", "check", "gym", "--json").json["sources"]
    assert gym["reachable"] is True
    assert gym["tools"]["list_exercises"] is None
    assert "weigh" in gym["tools"]["weigh"]


def test_a_server_that_does_not_run_is_not_reachable(command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__SERVER__COMMAND", "no-such-program")
    done = command("sources", "check", "--json")
    assert done.code == 1
    (practice,) = done.json["sources"]
    assert (practice["name"], practice["kind"], practice["reachable"], practice["tools"]) == ("practice", "source", False, {})
    assert "no-such-program" in practice["error"]
    assert "source practice: not reachable\n    error: " in command("sources", "check").out


def test_a_plugin_that_does_not_load_is_not_passed_over(command: Commands, install: Callable[[str, str], None]) -> None:
    install("broken", "raise ImportError('gone')\n")
    done = command("sources", "check")
    assert done.code == 1
    assert "source practice: fine\n" in done.out
    assert "plugin broken (acme-broken 1.0): failed to load: " in done.out
    assert json.loads(command("sources", "check", "--json").out)["failed_plugins"][0]["name"] == "broken"


def test_an_unknown_source_is_named(command: Commands) -> None:
    done = command("sources", "check", "practise")
    assert (done.code, done.out) == (2, "")
    assert done.err == "found practise; allowed: practice\n"
