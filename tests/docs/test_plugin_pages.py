"""docs/plugins/: every block runs, and what the pages write is what ``plugins new`` writes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from skillcore.runtime.configuration import load
from tests.docs.documents import ROOT, Block, blocks
from tests.docs.plugin_pages import KINDS, NAME, PAGES, files, spliced

ALL = sorted(page.name for page in PAGES.glob("*.md"))
LEFT_TO_THE_SCAFFOLD = {".gitignore", ".github/workflows/test.yml", "LICENSE", "README.md", f"skillcore_{NAME}/py.typed"}
RUN_ELSEWHERE = ("python -m venv", ". .venv", "pip install", "pytest", "mypy", "ruff check .")
"""Commands that `tests/cli/test_new_plugins.py` runs on the same files, in a new environment with wheels from the tree."""


def of(page: str) -> list[Block]:
    return blocks((PAGES / page).read_text(encoding="utf-8"))


def texts(page: str) -> str:
    return (PAGES / page).read_text(encoding="utf-8")


def installed(directory: Path, written: Mapping[str, str]) -> dict[str, str]:
    """Write a plugin, install it, and return the environment in which it is found."""
    for name, text in written.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(written["pyproject.toml"])["project"]
    metadata = directory / f"skillcore_{NAME}-{project['version']}.dist-info"
    metadata.mkdir()
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n\n{written['README.md']}"
    (metadata / "METADATA").write_text(about, encoding="utf-8")
    entries = "".join(f"{name} = {module}\n" for name, module in project["entry-points"]["skillcore"].items())
    (metadata / "entry_points.txt").write_text(f"[skillcore]\n{entries}")
    commands = directory / "commands"
    commands.mkdir()
    for name in ("skillcore", "pytest"):
        (commands / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {name} "$@"\n')
        (commands / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "SKILLCORE"))}
    path = os.pathsep.join([str(commands), os.environ["PATH"]])
    return kept | {"PYTHONPATH": os.pathsep.join([str(directory), str(ROOT)]), "PATH": path, "HOME": str(directory)}


def run(command: str, directory: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def commands(page: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a page, each with what it should say."""
    found = [block for block in of(page) if block.language in {"sh", "text"}]
    for place, block in enumerate(found):
        if block.language == "text":
            continue
        lines = [line for line in block.text.splitlines() if line and not line.startswith(RUN_ELSEWHERE)]
        following = found[place + 1] if place + 1 < len(found) else None
        for line in lines:
            said = following.text if following is not None and following.language == "text" and line == lines[-1] else ""
            yield line, said


def test_the_other_pages_have_no_commands_but_those_that_run_elsewhere() -> None:
    assert [command for page in KINDS if page != "tutorial.md" for command, _ in commands(page)] == []
    assert len(list(commands("tutorial.md"))) == 4


@pytest.mark.parametrize("page", KINDS)
def test_the_files_of_a_page_are_those_that_are_written(page: str) -> None:
    written = files(KINDS[page])
    shown = {block.words: block.text for block in of(page) if block.words}
    assert {name: written.get(name) for name in shown} == shown
    assert spliced(texts(page), written) == texts(page)


def test_the_tutorial_ends_with_what_the_scaffold_writes() -> None:
    shown = {block.words for block in of("tutorial.md") if block.words}
    assert files("source").keys() - shown == LEFT_TO_THE_SCAFFOLD
    assert all(files("source")[name] == "" for name in LEFT_TO_THE_SCAFFOLD if name.endswith("py.typed"))


@pytest.mark.timeout(400)
def test_the_commands_of_the_tutorial_do_what_it_says(tmp_path: Path, known_types: Path) -> None:
    directory, page = tmp_path / "plugin", "tutorial.md"
    environment = installed(directory, files(KINDS[page])) | {"MYPY_CACHE_DIR": str(known_types)}
    for command, said in commands(page):
        answer = run(command, directory, environment)
        assert said in answer, f"{command}\n{answer}"


def test_the_scaffold_is_what_the_first_page_says(tmp_path: Path) -> None:
    environment = installed(tmp_path / "else", files("source")) | {"PYTHONPATH": str(ROOT)}
    ((command, _),) = commands("README.md")
    run(command, tmp_path, environment)
    assert (tmp_path / f"skillcore-{NAME}" / "pyproject.toml").read_text(encoding="utf-8") == files("source")["pyproject.toml"]


def test_the_formula_takes_the_level_s_place_by_configuration(tmp_path: Path) -> None:
    (block,) = [block for block in of("formula.md") if block.words == "skillcore.toml"]
    file = tmp_path / "skillcore.toml"
    file.write_text(block.text, encoding="utf-8")
    assert load(str(file), environ={}).settings.formulas["level"] == NAME


@pytest.mark.timeout(300)
def test_the_tests_of_the_page_on_testing_pass(tmp_path: Path) -> None:
    number = 0
    for block in of("testing.md"):
        if block.language == "python":
            number += 1
            name = block.words or f"test_block_{number}.py"
            (tmp_path / name).write_text(block.text, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    environment = installed(tmp_path / "else", files("rule"))
    said = run("pytest -q -p no:randomly -p no:cacheprovider .", tmp_path, environment)
    assert " passed" in said


@pytest.mark.parametrize("page", ["settings.md", "errors.md", "publishing.md", "upgrading.md"])
def test_the_other_blocks_run_too(page: str, tmp_path: Path) -> None:
    module = ModuleType(f"page_{page.partition('.')[0]}")
    ran = 0
    for block in of(page):
        if block.language == "python":
            exec(compile(block.text, page, "exec"), module.__dict__)  # the document is ours
        elif block.language == "toml":
            file = tmp_path / "skillcore.toml"
            file.write_text(block.text, encoding="utf-8")
            load(str(file), environ={})
        elif block.language == "dockerfile":
            assert block.text.startswith("FROM ")
        else:
            assert block.language == "sh", block
            assert block.text.strip() in texts("tutorial.md"), "run there"
        ran += 1
    assert ran > 0
    if page == "settings.md":
        assert module.skillcore_plugin().settings is module.Settings


def test_every_page_is_listed_and_no_block_is_left_out() -> None:
    listing = texts("README.md")
    assert [page for page in ALL if page != "README.md" and f"({page})" not in listing] == []
    known = {"README.md", "testing.md", "settings.md", "errors.md", "publishing.md", "upgrading.md", *KINDS}
    assert set(ALL) == known
    for page in KINDS:
        assert all(block.words or block.language in {"sh", "text"} for block in of(page)), page
    assert json.loads(files("source")["tests/notes/practice-2.json"])
