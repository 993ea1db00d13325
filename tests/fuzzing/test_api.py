"""Schemathesis asks the served API whatever its description allows, and what it forbids, as everybody who may ask.

`make check` tries each operation a little, with the same seed each time, and by turns as each of those who may use it;
`make fuzz` goes on for as long as it is told, as one after the other, whether they may or not, and draws anew. Operations are
followed from one to the next by the ids that answers show.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skillcore.accounts.access import SCOPES
from tests.docs.documents import ROOT
from tests.services import DIRECTLY, Served, serving

SECONDS = int(os.environ.get("SKILLCORE_FUZZ", "0"))
"""How long each actor asks; 0 for the short run of the check."""

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SHORT = """
[phases.coverage]
unexpected-methods = []
generation.mode = "negative"
[phases.fuzzing.generation]
max-examples = 2
mode = "positive"
[phases.stateful.generation]
max-examples = 10
"""
"""How little the short run asks, beside `SPARSE`; other methods are the business of the tests of all routes."""

SEED = 20261121
PASSWORD = "correct horse battery staple"
LEFT_OUT = "positive_data_acceptance,object_level_authorization"
"""Ours, `what_fits_its_description_can_be_read` and the test with two tenants, know more than these."""

SETTINGS = {"SKILLCORE__AUTH__BCRYPT_COST": "4"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A service with an administrator, without limits, which would end every search at once."""
    with serving(tmp_path / "served", "--practice", variables=SETTINGS) as served:
        token = (tmp_path / "served" / "data" / "setup-token").read_text().strip()
        body = {"token": token, "email": "root@example.org", "password": PASSWORD}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{served.address}/api/setup", json.dumps(body).encode(), headers)
        with DIRECTLY.open(request, timeout=30) as answer:
            assert answer.status == 201
        yield served


def operations(served: Served) -> set[str]:
    with DIRECTLY.open(f"{served.address}/api/docs/openapi.json", timeout=30) as answer:
        paths = json.loads(answer.read())["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def ask(served: Served, actor: str, directory: Path, phases: str, examples: int) -> tuple[str, dict[str, Any]]:
    """Have Schemathesis ask; return what it told, and what became of each operation."""
    configuration = directory / "schemathesis.toml"
    configuration.write_text(("" if SECONDS else SHORT) + CONFIGURATION.read_text())
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(configuration), "run"]
    command += [f"{served.address}/api/docs/openapi.json"]
    command += ["--phases", phases, "--exclude-checks", LEFT_OUT, "--no-color"]
    command += ["--continue-on-failure", "--generation-allow-x00", "false", "--request-timeout", "30", "--warnings", "off"]
    if SECONDS:
        command += [
            "--max-examples",
            str(examples),
            "--max-time",
            str(SECONDS),
            "--seed",
            str(random.SystemRandom().randrange(2**31)),
        ]
        command += ["--generation-database", "none"]
    else:
        command += ["--seed", str(SEED), "--generation-deterministic"]
    reached = directory / "reached.json"
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | {
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks",
        "FUZZED_ADDRESS": served.address,
        "FUZZED_AS": actor,
        "FUZZED_REACHED": str(reached),
        "FUZZED_SCOPES": json.dumps(SCOPES),
    }
    said = directory / "schemathesis.txt"
    with said.open("w") as file:
        done = subprocess.run(command, env=environment, stdout=file, stderr=subprocess.STDOUT, cwd=directory, check=False)
    told = said.read_text("utf-8", errors="replace")
    assert done.returncode == 0, told
    return told, json.loads(reached.read_text())


EVERYTHING = "examples,coverage,fuzzing,stateful"
RUNS = [("admin", EVERYTHING, 2, 30), ("learner", EVERYTHING, 4, 25), ("key", EVERYTHING, 4, 15)]


@pytest.mark.timeout(SECONDS + 600)
@pytest.mark.parametrize(
    ("actor", "phases", "examples", "enough"), RUNS if SECONDS else [("everybody", "coverage,fuzzing,stateful", 0, 50)]
)
def test_no_request_finds_a_fault(served, tmp_path, actor, phases, examples, enough):
    told, reached = ask(served, actor, tmp_path, phases, examples)
    assert set(reached) >= operations(served), told
    successful = [label for label, statuses in reached.items() if any(status.startswith("2") for status in statuses)]
    assert len(successful) >= enough, sorted(successful)
    assert "a request failed unexpectedly" not in served.said
