"""An author who has the pages for authors and nothing else: a site of somebody else's, a plugin for it, and the checklist."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.environments import Environment, run

AUTHOR = Path(__file__).parent / "author"
OWN_SITE = (
    "skillcore_dojo/learners.py",
    "skillcore_dojo/notes.py",
    "skillcore_dojo/server.py",
    "tests/notes/practice-2.json",
    "tests/test_server.py",
)
"""What comes with a new source and goes when a real server takes its place."""

CHECKLIST = [
    "loads",
    "conforms",
    "typed",
    "settings-documented",
    "faults-survived",
    "accounts-proved",
    "history-offered",
    "evidence-explained",
]


def write(place: Path) -> None:
    """Turn a new source into the author's own, as the end of the tutorial says."""
    for file in OWN_SITE:
        (place / file).unlink()
    shutil.copytree(AUTHOR / "dojo", place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    project = place / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    assert '"mcp>=2.3,<3"' in text
    project.write_text(text.replace('"mcp>=2.3,<3"', '"dojo-mcp-server>=1"'), encoding="utf-8")


@pytest.mark.timeout(600)
def test_a_plugin_for_a_fourth_site_passes_the_whole_checklist(environment: Environment, tmp_path: Path) -> None:
    environment.run("skillcore", "plugins", "new", "dojo")
    tree = environment.place / "skillcore-dojo"
    write(tree)
    shutil.copytree(AUTHOR / "site", tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__"))
    environment.install(tmp_path / "site", "dojo-mcp-server")
    environment.install(tree, "skillcore-dojo[test]")

    assert " passed" in environment.run("pytest", "-p", "no:cacheprovider", directory=tree)
    environment.run("mypy", directory=tree)
    run([sys.executable, "-m", "ruff", "check", "--no-cache", "."], tree)
    run([sys.executable, "-m", "ruff", "format", "--check", "--no-cache", "."], tree)

    listed = json.loads(environment.run("skillcore", "plugins", "list", "--json"))["plugins"]
    (plugin,) = (one for one in listed if one["name"] == "dojo")
    assert (plugin["state"], plugin["distribution"], plugin["offers"]) == ("active", "skillcore-dojo", {"sources": ["dojo"]})
    assert "dojo" in environment.run("skillcore", "sources", "check", "dojo")
    assert " fine" in environment.run("skillcore", "config", "check", directory=tree)

    found = verdict(environment, "mika", "binary-trees")
    assert [(one["work"], one["difficulty"], one["metadata"]) for one in found["evidence"]] == [
        ("binary-trees", 6.0, {"rank": "3 kyu"})
    ]
    missing = verdict(environment, "mika", "hello-dojo", code=1)
    assert missing["found"] == "3 other katas"

    checked = json.loads(environment.run("skillcore", "plugins", "check", "dojo", "--tests", "tests", "--json", directory=tree))
    assert [(line["id"], line["outcome"]) for line in checked["lines"]] == [(line, "passed") for line in CHECKLIST]


def verdict(environment: Environment, student: str, kata: str, *, code: int = 0) -> dict[str, Any]:
    """Return the verdict on a kata, away from the plugin's folder."""
    asked = ["--source", "dojo", "--handle", student, "--require", json.dumps({"kata": kata})]
    answer: dict[str, Any] = json.loads(environment.run("skillcore", "verify", *asked, "--json", code=code))["verdict"]
    return answer
