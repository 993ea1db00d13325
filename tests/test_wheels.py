"""The distributions as they are installed away from a checkout: built, installed into an empty directory, and run there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.services import serving

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))

LOOK = """
import importlib, json
from importlib.metadata import entry_points
from skillcore.runtime.bundled import bundled
modules = {point.name: importlib.import_module(point.module).__file__ for point in entry_points(group="skillcore")}
files = [str(bundled(name)) for name in ("migrations", "config/skillcore.toml", "config/topics.toml")]
print(json.dumps({"modules": modules, "files": files}))
"""


def run(command: Sequence[str | Path], directory: Path, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SKILLCORE_", "PYTHON", "PIP_"))}
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(
        words, cwd=directory, env={**kept, **variables}, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.Path]:
    """All wheels, by the name of their distribution."""
    pytest.importorskip("pip", reason="this environment has no pip")
    place = tmp_path_factory.mktemp("wheels")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation"]
    run(["-m", "pip", "wheel", *quiet, "-w", place, ROOT, *PLUGINS], place)
    return {path.name.split("-")[0]: zipfile.Path(path) for path in place.glob("*.whl")}


@pytest.fixture(scope="module")
def site(wheels: dict[str, zipfile.Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds what the wheels install, and nothing else."""
    place = tmp_path_factory.mktemp("away") / "a site with spaces"
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    files = [str(wheel.root.filename) for wheel in wheels.values()]
    run(["-m", "pip", "install", *quiet, "--target", place, *files], place.parent)
    return place


def files_in(package: Path, below: str = "") -> set[str]:
    """Return the files of a directory in the checkout as they should be called in a wheel."""
    found = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{below or package.name}/{path.relative_to(package)}" for path in found}


def test_a_wheel_holds_the_whole_package_and_nothing_else(wheels: dict[str, zipfile.Path]) -> None:
    expected = {f"skillcore_{plugin.name}": files_in(plugin / f"skillcore_{plugin.name}") for plugin in PLUGINS}
    migrations = files_in(ROOT / "migrations", "skillcore/_bundled/migrations")
    configuration = {f"skillcore/_bundled/config/{name}.toml" for name in ("skillcore", "topics")}
    expected["skillcore"] = {*files_in(ROOT / "skillcore"), *migrations, *configuration}
    assert wheels.keys() == expected.keys()
    for name, wheel in wheels.items():
        files = {entry for entry in wheel.root.namelist() if ".dist-info/" not in entry and not entry.endswith("/")}
        assert files == expected[name]
        assert f"{name}/py.typed" in files
    assert {"skillcore/operations/page/index.html", "skillcore/_bundled/migrations/env.py"} <= expected["skillcore"]


def test_each_wheel_brings_its_entry_point(wheels: dict[str, zipfile.Path]) -> None:
    for name, wheel in wheels.items():
        (information,) = (entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info"))
        points = ConfigParser()
        points.read_string((information / "entry_points.txt").read_text("utf-8"))
        module = "skillcore.defaults" if name == "skillcore" else name
        assert list(points["skillcore"].values()) == [module]


def test_away_from_the_checkout_everything_comes_from_the_wheels(site: Path, tmp_path: Path) -> None:
    found = json.loads(run(["-c", LOOK], tmp_path, PYTHONPATH=str(site)))
    assert found["modules"].keys() == {"defaults", *(plugin.name for plugin in PLUGINS)}
    assert all(Path(file).is_relative_to(site) for file in (*found["modules"].values(), *found["files"]))
    assert str(site) in run(["-m", "skillcore", "config", "check"], tmp_path, PYTHONPATH=str(site))
    listed = json.loads(run(["-m", "skillcore", "plugins", "list", "--json"], tmp_path, PYTHONPATH=str(site)))
    assert {plugin["name"]: plugin["state"] for plugin in listed["plugins"]} == dict.fromkeys(found["modules"], "active")
    assert list(tmp_path.iterdir()) == []


def test_away_from_the_checkout_it_serves(site: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "place", "--practice", variables={"PYTHONPATH": str(site)}) as served:
        assert served.ready()
        assert (tmp_path / "place" / "data" / "setup-token").exists()
