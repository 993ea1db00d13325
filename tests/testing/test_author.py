"""An author's tests as pytest runs them: one file, one line in the conftest, no settings, and words that help."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = 'pytest_plugins = ["skillcore.testing.fixtures"]\n'
CONFORMANCE = """
from tests.testing.gym import GymSuite


class TestConformance(GymSuite):
    met = GymSuite.met[2:3]
    not_met = GymSuite.not_met[1:]
"""
BROKEN = """
from skillcore.plugin import Verified
from skillcore.testing import Sample, SourceSuite
from tests.testing.gym import Gym, Solved, answer


class Forgetful(Gym):
    def __init__(self):
        self.seen = []

    async def verify(self, tools, account, requirement):
        self.seen.append(account.handle)
        return await super().verify(tools, account, requirement)


class TestForgetful(SourceSuite):
    source = Forgetful()
    met = (Sample("ann", Solved("loops-1")),)
    not_met = (Sample("eve", Solved("loops-1")),)

    def answer(self, tool, arguments):
        return answer(tool, arguments)
"""
SERVER = """
import asyncio

from skillcore.plugin import Account, Verified
from skillcore.testing import Drop, ScriptedServer
from tests.testing.gym import Gym, Solved, answer


def test_solved(mcp_server: ScriptedServer) -> None:
    async def verify():
        async with mcp_server.tools(Gym()) as tools:
            return await Gym().verify(tools, Account("gym", "ann"), Solved("loops-1"))

    mcp_server.answer("solved", lambda arguments: answer("solved", arguments))
    assert isinstance(asyncio.run(verify()), Verified)
"""


@pytest.fixture
def tests(tmp_path: Path):
    """Run files of tests in a project of their own, and return how pytest ended and what it said."""

    def run(only: str = "", **files: str) -> tuple[int, str]:
        for name, text in {"conftest": CONFTEST, **files}.items():
            (tmp_path / f"{name}.py").write_text(text, "utf-8")
        # pytest-asyncio wants a setting that its own next version will have by default.
        warnings = ["-W", "error", "-W", "ignore::pytest.PytestDeprecationWarning"]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            "-rs",
            "-k",
            only,
            *warnings,
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False)
        return done.returncode, done.stdout

    return run


def test_the_suite_and_the_fixtures_need_no_settings(tests):
    status, said = tests(test_conformance=CONFORMANCE, test_server=SERVER)
    assert status == 0, said
    assert "41 passed" in said


def test_a_failure_names_the_test_what_is_wrong_and_the_remedy(tests):
    status, said = tests("remembers or challenges or exist", test_forgetful=BROKEN)
    assert status == 1
    assert "TestForgetful.test_it_remembers_nothing" in said
    assert "gym: changed while it verified: self.seen was []" in said
    assert "Remedy: keep what belongs to one verification in local variables" in said
    assert "gym: has a ChallengeProof and no sample of one. Remedy: add a MetChallenge to `challenges`" in said
    assert "gym has no sample in `not_found`" in said
