"""The README's walk-through, executed as it stands: every command of it, in one shell, while ``make serve``'s command runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from skillcore_codeforces import Settings
from tests.services import serving

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"^```sh\n(?P<commands>.*?)^```\n(?:\n```text\n(?P<said>.*?)^```\n)?", re.DOTALL | re.MULTILINE)
MARK = "-- end of a block --"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("curl") is None, reason="the walk-through calls curl, which is not installed"),
]


class Block(NamedTuple):
    """Commands, and what the README says that they print, if it does."""

    commands: str
    said: str | None


def blocks(section: str) -> list[Block]:
    """Return the commands of a section of the README."""
    text = README.read_text("utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [Block(found["commands"], found["said"]) for found in BLOCK.finditer(text)]


def followed(blocks: list[Block], directory: Path, environment: dict[str, str]) -> list[str]:
    """Run all commands in one shell that stops at the first failure, and return what each block printed."""
    script = "set -euo pipefail\n" + f"echo '{MARK}'\n".join(block.commands for block in blocks)
    done = subprocess.run(
        ["bash", "-c", script], cwd=directory, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(f"{MARK}\n")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory that looks like a checkout in which everything is prepared."""
    place = tmp_path / "skillcore checkout"
    place.mkdir()
    (place / ".venv").symlink_to(sys.prefix)
    return place


@pytest.fixture
def environment() -> dict[str, str]:
    """That of the tests; a proxy that it may name cannot reach this machine's loopback."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SKILLCORE")}
    return inherited | {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}


def test_it_works_as_written(directory: Path, environment: dict[str, str]) -> None:
    walk = blocks("Walk-through")
    assert len([block for block in walk if block.said is not None]) >= 5
    with serving(directory, "--practice", limited=True) as served:
        said = followed(walk, directory, environment | {"SKILLCORE": served.address})
    for block, printed in zip(walk, said, strict=True):
        assert block.said is None or printed == block.said, block.commands


@pytest.mark.npm
@pytest.mark.skipif(shutil.which("npx") is None, reason="Node is not installed")
def test_it_works_with_codeforces(
    directory: Path, environment: dict[str, str], shared: Path, upstream: Any, npm_server: Callable[[str], object]
) -> None:
    npm_server("codeforces")  # skips where npm cannot get the server's package, since npx could not either
    walk, second = blocks("Walk-through"), blocks("With Codeforces")
    redirect = (shared / "upstream" / "redirect.mjs").as_uri()
    turned = ["-y", f"--node-options=--import {redirect}", Settings().server.args[-1]]
    server = "SKILLCORE__PLUGINS__CODEFORCES__SERVER__"
    variables = {f"{server}ENV": json.dumps({"UPSTREAM": upstream.url}), f"{server}ARGS": json.dumps(turned)}
    with serving(directory, "--practice", variables=variables, limited=True) as served:
        said = followed([*walk, *second], directory, environment | variables | {"SKILLCORE": served.address})
    for block, printed in zip(second, said[len(walk) :], strict=True):
        assert block.said is None or printed == block.said, block.commands
    assert "1401/F" in said[len(walk)]
