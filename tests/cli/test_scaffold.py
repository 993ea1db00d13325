"""``plugins new``: what it writes and refuses. That it works when installed stands in `test_new_plugins.py`."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from skillcore.cli.scaffold.names import LONGEST
from skillcore.cli.scaffold.rendering import KINDS, LICENCES, render
from tests.cli.conftest import Commands

ROOT = Path(__file__).resolve().parents[2]
PRACTICE = ROOT / "plugins" / "practice"
LEFT_BEHIND = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".venv"}
NAMES = ("a", "gym", "code-gym-2", "an-extraordinarily-long-name-3")


def files_of(directory: Path) -> dict[str, str]:
    """Return the texts of a directory by their paths, without what tools leave behind."""
    found = (path for path in directory.rglob("*") if path.is_file() and not LEFT_BEHIND & set(path.parts))
    return {path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8") for path in found}


def test_the_practice_plugin_is_what_it_writes() -> None:
    assert render("practice", "source", "Apache-2.0", 2026) == files_of(PRACTICE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_is_written_and_said(command: Commands, kind: str) -> None:
    done = command("plugins", "new", "code-gym", "--kind", kind)
    assert done.code == 0, done.err
    written = files_of(Path("skillcore-code-gym"))
    assert written == render("code-gym", kind, "Apache-2.0", 2026)
    assert all(f"    {file}\n" in done.out for file in written)
    assert {"README.md", "LICENSE", "pyproject.toml", ".github/workflows/test.yml", "skillcore_code_gym/py.typed"} <= {*written}
    assert any(file.startswith("tests/test_") for file in written)
    assert "$" not in "".join(text for file, text in written.items() if not file.endswith(".yml"))
    assert "practice" not in written["pyproject.toml"]
    assert "pip install --editable '.[test]'" in done.out


def test_a_source_is_what_is_written_unless_told_otherwise(command: Commands) -> None:
    done = command("plugins", "new", "gym", "--dir", "some where/gym")
    assert files_of(Path("some where/gym")) == render("gym", "source", "Apache-2.0", 2026)
    assert "skillcore verify --source gym --handle practice-1 --require" in done.out
    assert "cd 'some where/gym'" in done.out


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_its_name_it_is_formatted(tmp_path: Path, kind: str, name: str) -> None:
    assert len(NAMES[-1]) == LONGEST
    for file, text in render(name, kind, "none", 2026).items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    for check in (("format", "--check"), ("check",)):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Gym", "lower-case"),
        ("code_gym", "lower-case"),
        ("-gym", "lower-case"),
        ("gym-", "lower-case"),
        ("7gym", "lower-case"),
        ("gym\n", "lower-case"),
        ("gÿm", "lower-case"),
        ("../gym", "lower-case"),
        ("", "lower-case"),
        ("g" * (LONGEST + 1), "30 characters"),
        ("import", "Python itself"),
        ("json", "Python itself"),
        ("defaults", "skillcore itself"),
        ("allow", "skillcore itself"),
        ("strict", "skillcore itself"),
        ("practice", "installed plugin"),
    ],
)
def test_names_that_cannot_be_had_are_refused(command: Commands, name: str, why: str) -> None:
    done = command("plugins", "new", "--dir", "somewhere", "--", name)
    assert done.code == 2
    assert why in done.err
    assert repr(name) in done.err
    assert list(Path().iterdir()) == []


def test_a_name_whose_distribution_is_installed_is_refused(command: Commands, tmp_path: Path, monkeypatch) -> None:
    """It need not offer a plugin of that name, nor any at all."""
    metadata = tmp_path / "site" / "skillcore_gym-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: skillcore-gym\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    done = command("plugins", "new", "gym")
    assert (done.code, list(Path().iterdir())) == (2, [])
    assert "skillcore-gym is installed already" in done.err


def test_nothing_is_written_over(command: Commands) -> None:
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine")
    Path("file").write_text("mine")
    for place in ("full", "file"):
        done = command("plugins", "new", "gym", "--dir", place)
        assert done.code == 2
        assert f"found {place}" in done.err
    assert files_of(Path()) == {"full/notes.txt": "mine", "file": "mine"}
    Path("empty").mkdir()
    assert command("plugins", "new", "gym", "--dir", "empty").code == 0


def test_what_cannot_be_written_is_said(command: Commands) -> None:
    Path("file").write_text("mine")
    done = command("plugins", "new", "gym", "--dir", "file/below")
    assert done.code == 1
    assert done.err.endswith("it cannot be written: Not a directory\n")


@pytest.mark.parametrize("licence", LICENCES)
def test_the_licence_is_the_one_chosen(command: Commands, licence: str) -> None:
    assert command("plugins", "new", "gym", "--kind", "rule", "--license", licence).code == 0
    directory = Path("skillcore-gym")
    project = tomllib.loads((directory / "pyproject.toml").read_text("utf-8"))["project"]
    if licence == "none":
        assert "license" not in project
        assert project["classifiers"] == ["Private :: Do Not Upload"]
        assert not (directory / "LICENSE").exists()
        return
    assert (project["license"], project["license-files"]) == (licence, ["LICENSE"])
    assert BEGINNINGS[licence] in (directory / "LICENSE").read_text("utf-8")


BEGINNINGS = {
    "Apache-2.0": "Apache License\n                           Version 2.0, January 2004\n",
    "BSD-3-Clause": "the authors of skillcore-gym\nAll rights reserved.\n\nRedistribution and use in source and binary forms",
    "MIT": "the authors of skillcore-gym\n\nPermission is hereby granted, free of charge, to any person",
    "MPL-2.0": "Mozilla Public License Version 2.0\n==================================\n",
}
