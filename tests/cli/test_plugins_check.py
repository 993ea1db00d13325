"""``skillcore plugins check``: a plugin that passes every line, and what breaks each of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from skillcore.cli.checking.checklist import RULES, go_through
from skillcore.cli.checking.lines import Line
from skillcore.cli.checking.subject import Subject, found
from skillcore.cli.checking.suites import Mishap, Report, Suites, Trial
from skillcore.plugin.manager import Plugins
from skillcore.testing import SourceSuite
from skillcore.testing.striking import strike
from tests.cli.conftest import Commands

PLUGIN = '''
"""A gym that knows who has lifted what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from skillcore.plugin import (
    Account,
    Challenge,
    ChallengeProof,
    Evidence,
    Identity,
    IssuedChallenge,
    MCPServer,
    NotFound,
    NotProved,
    NotVerified,
    Page,
    PluginInfo,
    ServerSettings,
    Tool,
    Tools,
    Verdict,
    VerificationSource,
    Verified,
    hookimpl,
)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.gym]``.

    Attributes:
        floor: weights below it do not count.
    """

    floor: float = 0.0
    server: ServerSettings = ServerSettings(command="gym-mcp-server")


class Lifted(Struct, frozen=True, forbid_unknown_fields=True):
    """That somebody lifted a weight."""

    kilos: int


class Lift(Struct, frozen=True):
    """A lift, as the server lists it."""

    kilos: int
    at: datetime


class Listing(Struct, frozen=True):
    """All lifts of a member; an unknown one has none."""

    known: bool
    lifts: tuple[Lift, ...]


class Gym(VerificationSource[Lifted]):
    """Asks the gym."""

    name = "gym"
    requirement = Lifted
    proofs = (ChallengeProof(),)

    def __init__(self, server: ServerSettings) -> None:
        self.server = MCPServer(tools=(Tool("lifts", ("member",)),), settings=server)

    async def verify(self, tools: Tools, account: Account, requirement: Lifted) -> Verdict:
        """Look for the weight."""
        lifts = await self._lifts(tools, account)
        for lift in lifts:
            if lift.kilos == requirement.kilos:
                return Verified((_evidence(lift),))
        return NotVerified(looked_for=f"{requirement.kilos} kg", found=f"{len(lifts)} other lifts")

    def challenge(self, account: Account, number: int) -> Challenge:
        """Ask for a weight that nobody lifts by chance."""
        kilos = 1000 + number % 1_000_000
        return Challenge(key=f"lift-{kilos}", instructions=f"Lift {kilos} kg.", data={"kilos": str(kilos)})

    async def check_challenge(self, tools: Tools, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        """Look for that weight, lifted in time."""
        for lift in await self._lifts(tools, account):
            if f"lift-{lift.kilos}" == challenge.key and challenge.issued_at <= lift.at <= challenge.expires_at:
                return Identity(handle=self.normalise(account.handle), mark=f"{lift.kilos}@{lift.at.isoformat()}")
        return NotProved(looked_for=challenge.key, found="no such lift")

    async def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        """Yield the lifts on one page."""
        lifts = await self._lifts(tools, account)
        seen = int(after or 0)
        new = sorted(lifts, key=lambda lift: lift.at)[seen:]
        if new:
            yield Page(evidence=tuple(_evidence(lift) for lift in new), cursor=str(seen + len(new)), total=len(lifts))

    async def _lifts(self, tools: Tools, account: Account) -> tuple[Lift, ...]:
        listing = await tools.call("lifts", {"member": self.normalise(account.handle)}, Listing)
        if not listing.known:
            raise NotFound(f"the gym has no member {account.handle}")
        return listing.lifts


def _evidence(lift: Lift) -> Evidence:
    return Evidence(
        work=f"{lift.kilos}-kg", occurred_at=lift.at, topics=("lifting",), strength="judged", metadata={"kilos": lift.kilos}
    )


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Say what this plugin is."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_verification_sources(settings: Settings) -> list[VerificationSource[Lifted]]:
    """Offer the gym."""
    return [Gym(settings.server)]
'''
README = """# acme-gym

`server` says how to reach it. Evidence is `judged`, by the gym's scales, with the weight in `kilos`. The difficulty stays
unknown: what is heavy for one is light for another.
"""
TESTS = """
import json
from datetime import UTC, datetime

from acme_gym import Gym, Lifted, Settings
from skillcore.testing import MetChallenge, Sample, SourceSuite

LIFTS = {
    "ada": [{"kilos": 60, "at": "2026-01-05T09:00:00Z"}, {"kilos": 1007, "at": "2026-01-06T09:00:00Z"}],
    "bob": [{"kilos": 80, "at": "2026-02-05T09:00:00Z"}],
}


class TestGym(SourceSuite):
    source = Gym(Settings().server)
    met = (Sample("ada", Lifted(60)),)
    not_met = (Sample("bob", Lifted(60)),)
    not_found = (Sample("nobody", Lifted(60)),)
    challenges = (
        MetChallenge(handle="ada", key="lift-1007", data={"kilos": "1007"}, done_at=datetime(2026, 1, 6, 9, tzinfo=UTC)),
    )

    def answer(self, tool, arguments):
        member = arguments["member"]
        return json.dumps({"known": member in LIFTS, "lifts": LIFTS.get(member, [])})


def test_of_the_author_that_is_none_of_the_suites():
    assert False
"""

PYTEST = """[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
filterwarnings = ["error"]
"""


class Project:
    """A plugin's project, installed editable by what an installer leaves behind."""

    def __init__(self, root: Path, site: Path) -> None:
        self.root = root
        self.site = site
        self.metadata = site / "acme_gym-1.0.dist-info"
        self.metadata.mkdir(parents=True)
        self.write("acme_gym/__init__.py", PLUGIN)
        self.write("acme_gym/py.typed", "")
        self.write("README.md", README)
        self.write("tests/test_gym.py", TESTS)
        self.write("pyproject.toml", PYTEST)
        (self.metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-gym\nVersion: 1.0\n\nFrom the metadata.\n")
        (self.metadata / "entry_points.txt").write_text("[skillcore]\ngym = acme_gym\n")
        note = {"url": root.as_uri(), "dir_info": {"editable": True}}
        (self.metadata / "direct_url.json").write_text(json.dumps(note))

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text, old
        self.write(name, text.replace(old, new))

    def subject(self, *, tests: Path | None = None, **sections: Any) -> Subject:
        subject = found("gym", Plugins.load(allow=["gym"], sections=sections), tests)
        assert subject is not None
        return subject

    def line(self, name: str) -> Line:
        """Return one line of the checklist, without going through those that take long."""
        (rule,) = [rule for rule in RULES if rule.id == name]
        (line,) = go_through(self.subject(), (rule,))
        return line


@pytest.fixture(scope="module")
def types_known(known_types: Path) -> Iterator[None]:
    """Have mypy remember what it knows of the contract, and of all that this stands on, from one test to the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYPY_CACHE_DIR", str(known_types))
        yield


@pytest.fixture
def gym(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, types_known: None) -> Iterator[Project]:
    project = Project(tmp_path / "gym project", tmp_path / "site")
    monkeypatch.syspath_prepend(project.site)
    monkeypatch.syspath_prepend(project.root)
    monkeypatch.setenv("PYTHONPATH", f"{project.root}:{project.site}")
    yield project
    for module in [name for name in sys.modules if name.split(".")[0] == "acme_gym"]:
        del sys.modules[module]


def outcomes(lines: list[dict[str, str]]) -> dict[str, str]:
    return {line["id"]: line["outcome"] for line in lines}


def test_a_complete_plugin_passes_every_line(gym: Project, command: Commands) -> None:
    done = command("plugins", "check", "gym", "--json")

    assert done.json["lines"] == [line for line in done.json["lines"] if line["outcome"] == "passed"], done.json
    assert (done.code, done.json["passes"]) == (0, True)
    assert list(outcomes(done.json["lines"])) == [rule.id for rule in RULES]
    assert {key: done.json[key] for key in ("plugin", "distribution", "version", "contract")} == {
        "plugin": "gym",
        "distribution": "acme-gym",
        "version": "1.0",
        "contract": ">=1.1,<2",
    }
    assert {frozenset(line) for line in done.json["lines"]} == {frozenset({"id", "what", "outcome", "detail", "remedy"})}


def test_people_read_one_line_after_the_other(gym: Project, command: Commands) -> None:
    gym.change("acme_gym/__init__.py", "    proofs = (ChallengeProof(),)\n", "")
    (gym.root / "tests/test_gym.py").unlink()
    (gym.root / "tests").rmdir()

    done = command("plugins", "check", "gym")

    assert done.code == 1
    assert "ok    loads: it loads and offers something\n      for contract >=1.1,<2\n" in done.out
    assert "FAIL  conforms" in done.out
    assert "remedy: name their folder with --tests DIR" in done.out
    assert "nobody can prove an account at gym\n      remedy: set proofs" in done.out


@pytest.mark.parametrize(
    ("line", "file", "old", "new", "detail", "remedy"),
    [
        (
            "loads",
            "acme_gym/__init__.py",
            "from msgspec import Struct\n",
            "import nothing_like_it\n",
            "ModuleNotFoundError",
            "do as",
        ),
        ("loads", "acme_gym/__init__.py", '">=1.1,<2"', '">=2,<3"', "this skillcore has contract", "do as the message says"),
        ("loads", "acme_gym/__init__.py", "[Gym(settings.server)]", "[]", "it offers nothing", "return something from a hook"),
        (
            "loads",
            "acme_gym/__init__.py",
            "settings=Settings)",
            'settings=Settings, exempt={"typed": "too dull"})',
            "PluginInfo.exempt names typed",
            "only accounts-proved, history-offered can be exempt",
        ),
        (
            "typed",
            "acme_gym/__init__.py",
            "lift: Lift) -> Evidence:",
            "lift):",
            " _evidence",
            "annotate",
        ),
        (
            "typed",
            "acme_gym/__init__.py",
            "seen = int(after or 0)",
            'seen = int(after) + "a"',
            "mypy --strict says",
            "and mend",
        ),
        (
            "settings-documented",
            "acme_gym/__init__.py",
            "        floor: weights below it do not count.\n",
            "",
            "floor",
            "README",
        ),
        ("settings-documented", "README.md", "`server`", "The server", "server", "`Attributes:` in the docstring of Settings"),
        ("accounts-proved", "acme_gym/__init__.py", "(ChallengeProof(),)", "()", "at gym", "set proofs"),
        ("history-offered", "acme_gym/__init__.py", "def history", "def past", "gym shows no past work", "write history()"),
        ("evidence-explained", "README.md", "`judged`", "judged", "the strength `judged`", "explain it"),
        ("evidence-explained", "README.md", "`kilos`", "kilos", "the further fact `kilos`", "explain it"),
        ("evidence-explained", "README.md", "difficulty", "toil", "what a difficulty means", "explain it"),
        ("evidence-explained", "README.md", README, "\n", "it has no README", "write one"),
    ],
)
def test_each_line_has_what_breaks_it_and_says_what_to_do(
    gym: Project, line: str, file: str, old: str, new: str, detail: str, remedy: str
) -> None:
    if line == "evidence-explained":  # here the code alone must show it, without a run of the suites
        (gym.root / "tests/test_gym.py").rename(gym.root / "test_gym.py")
        (gym.root / "tests").rmdir()
    assert gym.line(line).outcome == "passed"
    for module in [name for name in sys.modules if name.split(".")[0] == "acme_gym"]:
        del sys.modules[module]
    gym.change(file, old, new)

    broken = gym.line(line)

    assert broken.outcome == "failed"
    assert detail in broken.detail
    assert remedy in broken.remedy


def test_types_that_are_not_shipped(gym: Project) -> None:
    (gym.root / "acme_gym/py.typed").unlink()
    assert "acme_gym has no py.typed" in gym.line("typed").detail


def test_the_metadata_has_the_readme_of_an_install_that_is_not_editable(gym: Project) -> None:
    (gym.metadata / "direct_url.json").unlink()
    subject = gym.subject()
    assert subject.readme.strip() == "From the metadata."
    assert subject.tests is None


def test_a_suite_that_fails_and_one_that_was_bent(gym: Project) -> None:
    gym.change("tests/test_gym.py", 'Sample("ada", Lifted(60))', 'Sample("ada", Lifted(61))')
    bent = "def test_damaged_answers_never_change_a_verdict(self):\n        pass\n\n"
    gym.change("tests/test_gym.py", "    def answer(", f"    {bent}    def answer(")
    left_out = "test_requirements_that_are_not_met_are_not_verified"
    gym.write("tests/conftest.py", f"def pytest_collection_modifyitems(items):\n{LEAVE_OUT.format(left_out)}")
    subject = gym.subject()

    report = subject.suites.report()

    tests = {test.test: test for test in report.tests}
    assert {(test.kind, test.name, test.suite) for test in report.tests} == {("source", "gym", "tests/test_gym.py::TestGym")}
    failing = tests["test_requirements_that_are_met_are_verified"]
    assert failing.outcome == "failed"
    assert failing.message.startswith("gym: gave NotVerified(found='2 other lifts') and not Verified")
    assert (tests[left_out].outcome, tests[left_out].message) == ("failed", "it did not run")
    assert [test.test for test in report.tests if test.replaced] == ["test_damaged_answers_never_change_a_verdict"]
    (line,) = go_through(subject, [CONFORMS])
    assert line.outcome == "failed"
    assert "of its suites fail" in line.detail
    assert "gave NotVerified" in line.detail
    assert line.remedy == "do as the message says"


LEAVE_OUT = "    items[:] = [item for item in items if item.name != {!r}]\n"
CONFORMS, SURVIVES = (rule for rule in RULES if rule.id in {"conforms", "faults-survived"})


@pytest.mark.parametrize(
    ("old", "new", "conforms", "survives"),
    [
        ("class TestGym(SourceSuite)", "class Gymnast(SourceSuite)", "no suite tries source gym", "has no samples"),
        ("import json\n", "import jason\n", "pytest cannot read its tests: tests/test_gym.py: ", "has no samples"),
        (
            "class TestGym(SourceSuite):",
            "import pytest\n\n\n@pytest.mark.skip(reason='no weights here')\nclass TestGym(SourceSuite):",
            "every test of source gym was skipped: Skipped: no weights here",
            "",
        ),
        ("import json\n", "import os\n\nos._exit(7)\n", "pytest ended with 7", "pytest ended with 7"),
    ],
)
def test_suites_that_say_nothing(gym: Project, old: str, new: str, conforms: str, survives: str) -> None:
    gym.change("tests/test_gym.py", old, new)

    conforming, surviving = go_through(gym.subject(), [CONFORMS, SURVIVES])

    assert conforming.outcome == "failed"
    assert conforms in conforming.detail
    assert conforming.remedy
    assert surviving.outcome == ("failed" if survives else "passed")
    assert survives in surviving.detail


def test_a_replaced_test_does_not_pass_for_the_suites_own(gym: Project) -> None:
    tests = (
        Trial("source", "gym", "tests/test_gym.py::TestGym", "test_one", "passed"),
        Trial("source", "gym", "tests/test_gym.py::TestGym", "test_two", "passed", replaced=True),
    )
    subject = msgspec.structs.replace(gym.subject(), suites=Reported(Report(tests=tests)))

    (line,) = go_through(subject, [CONFORMS])

    assert line.detail == "tests of a suite are replaced: tests/test_gym.py::TestGym test_two"
    assert "other names" in line.remedy


class Reported(Suites):
    """Suites that ran."""

    def __init__(self, report: Report) -> None:
        super().__init__(None)
        self._brought = report


MISHAPS = {
    "gym: a page for people at call 1 of verify: gave NotVerified(found='0 other lifts')": (
        "        lifts = await self._lifts(tools, account)\n        for lift in lifts:",
        "        try:\n            lifts = await self._lifts(tools, account)\n        except Exception:\n"
        "            lifts = ()\n        for lift in lifts:",
    ),
    "gym: HTTP 500 at call 1 of history: ended after 0 works as if there were no more": (
        "        lifts = await self._lifts(tools, account)\n        seen",
        "        try:\n            lifts = await self._lifts(tools, account)\n        except Exception:\n"
        "            return\n        seen",
    ),
    "gym: a broken connection at call 1 of check_challenge: gave NotProved": (
        "        for lift in await self._lifts(tools, account):",
        "        try:\n            lifts = await self._lifts(tools, account)\n        except Exception:\n"
        "            lifts = ()\n        for lift in lifts:",
    ),
    "gym: an empty answer at call 1 of verify: did not come to an end within 0.2 s": (
        "        listing = await tools.call(",
        "        while True:\n            try:\n                await tools.call('lifts', {'member': 'ada'}, Listing)\n"
        "                break\n            except Exception:\n                await __import__('asyncio').sleep(0.01)\n"
        "        listing = await tools.call(",
    ),
    "gym: HTTP 429 at call 1 of verify: raised KeyError('{}'), which is no SourceError": (
        "        listing = await tools.call(",
        "        try:\n            await tools.call('lifts', {'member': 'ada'}, Listing)\n"
        "        except Exception:\n            raise KeyError from None\n        listing = await tools.call(",
    ),
}


@pytest.mark.parametrize("said", MISHAPS)
def test_sources_that_do_not_survive_faults(gym: Project, said: str) -> None:
    gym.change("acme_gym/__init__.py", *MISHAPS[said])
    gym.change("tests/test_gym.py", "    source =", "    patience = 0.2\n    source =")
    module = ModuleType("tests_of_the_gym")
    exec((gym.root / "tests/test_gym.py").read_text(encoding="utf-8"), module.__dict__)

    struck = strike(module.TestGym())
    lines = [f"{mishap.source}: {mishap.fault}: {mishap.did}" for mishap in struck.mishaps]
    report = Report(
        faults={"gym": struck.tried}, mishaps=tuple(Mishap(one.source, one.fault, one.did) for one in struck.mishaps)
    )
    (line,) = go_through(msgspec.structs.replace(gym.subject(), suites=Reported(report)), [SURVIVES])

    assert any(said.replace("'{}'", "") in found.replace("''", "") for found in lines), lines
    assert line.outcome == "failed"
    assert f"{len(lines)} of {struck.tried} faults did harm: {lines[0]}" in line.detail
    assert "raise Unavailable" in line.remedy


def test_what_the_nature_of_a_plugin_prevents_is_said_with_its_reason(gym: Project) -> None:
    reason = "the gym burns its books every night"
    gym.change("acme_gym/__init__.py", "settings=Settings)", f"settings=Settings, exempt={{'history-offered': {reason!r}}})")
    assert gym.line("history-offered").outcome == "failed"
    assert gym.line("history-offered").remedy == "remove the exemption"
    for module in [name for name in sys.modules if name.split(".")[0] == "acme_gym"]:
        del sys.modules[module]
    gym.change("acme_gym/__init__.py", "def history", "def past")

    line = gym.line("history-offered")

    assert (line.outcome, line.detail, line.remedy) == ("exempt", reason, "")


def test_a_plugin_that_does_not_load_is_looked_at_no_further(gym: Project, command: Commands) -> None:
    gym.change("acme_gym/__init__.py", "from msgspec import Struct\n", "raise SystemExit(3)\n")

    done = command("plugins", "check", "gym", "--json")

    first, *others = done.json["lines"]
    assert (done.code, first["outcome"]) == (1, "failed")
    assert {(line["outcome"], line["detail"]) for line in others} == {("skipped", "it does not load")}


def test_a_blocked_plugin_can_be_checked(gym: Project, command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    gym.change("acme_gym/__init__.py", "[Gym(settings.server)]", "[]")
    monkeypatch.setenv("SKILLCORE__PLUGINS__BLOCK", '["gym"]')

    done = command("plugins", "check", "gym")

    assert "it offers nothing as it is configured" in done.out


def test_what_is_not_installed_cannot_be_checked(command: Commands, tmp_path: Path) -> None:
    done = command("plugins", "check", "gymm\x1b[2J")
    assert done.code == 2
    assert r"found gymm\x1b[2J; allowed: defaults, " in done.err

    done = command("plugins", "check", "context7", "--tests", str(tmp_path / "nowhere"))
    assert done.code == 2
    assert "allowed: a folder with the plugin's tests" in done.err


def test_an_advisor_passes_what_applies_to_it(command: Commands, types_known: None) -> None:
    done = command("plugins", "check", "context7", "--json")

    assert done.code == 0
    assert outcomes(done.json["lines"]) == {
        "loads": "passed",
        "conforms": "skipped",
        "typed": "passed",
        "settings-documented": "passed",
        "faults-survived": "skipped",
        "accounts-proved": "skipped",
        "history-offered": "skipped",
        "evidence-explained": "skipped",
    }


# Ours

ROOT = Path(__file__).parents[2]
OURS = ("codeforces", "context7", "github", "leetcode", "practice")
QUICK = tuple(rule for rule in RULES if rule not in (CONFORMS, SURVIVES))


@pytest.mark.parametrize("name", OURS)
def test_our_plugins_pass_every_line_but_those_that_run_tests(name: str, types_known: None) -> None:
    """Their suites run with their own tests, and the faults below."""
    subject = found(name, Plugins.load(sections={"practice": {"enabled": True}}), None)
    assert subject is not None
    subject = msgspec.structs.replace(subject, suites=Suites(None))

    lines = list(go_through(subject, QUICK))

    assert [line for line in lines if line.outcome == "failed"] == []
    assert {line.outcome for line in lines} == ({"passed", "skipped"} if name == "context7" else {"passed"})


@pytest.mark.parametrize("name", [name for name in OURS if name != "context7"])
def test_our_sources_survive_faults(name: str) -> None:
    file = ROOT / "plugins" / name / "tests" / "test_conformance.py"
    module = ModuleType(f"conformance_of_{name}")
    module.__file__ = str(file)
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), module.__dict__)
    suites = [thing for key, thing in vars(module).items() if key.startswith("Test") and issubclass(thing, SourceSuite)]

    struck = [strike(suite()) for suite in suites]

    assert [mishap for one in struck for mishap in one.mishaps] == []
    assert sum(one.tried for one in struck) >= 50
    assert all(suite.source.name == name for suite in suites)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", OURS)
def test_our_plugins_pass_the_whole_checklist(name: str, command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLCORE__PLUGINS__PRACTICE__ENABLED", "true")

    done = command("plugins", "check", name, "--json")

    assert [line for line in done.json["lines"] if line["outcome"] == "failed"] == []
    assert done.code == 0
