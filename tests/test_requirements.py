"""requirements.lock and the distributions' own requirements say the same."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
MANIFESTS = [ROOT / "pyproject.toml", *sorted((ROOT / "plugins").glob("*/pyproject.toml"))]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked() -> Iterator[tuple[Requirement, list[str]]]:
    """Yield each requirement of the lock with the words after it."""
    for line in LOCK.replace("\\\n", " ").splitlines():
        requirement, *words = re.split(r"\s+(?=--)", line.strip())
        if requirement:
            yield Requirement(requirement), [word.strip() for word in words]


def pinned() -> dict[str, list[Version]]:
    """Return the versions that the lock has for each distribution; several where they differ by platform."""
    versions: dict[str, list[Version]] = {}
    for requirement, _ in locked():
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        versions.setdefault(canonicalize_name(requirement.name), []).append(Version(pin.version))
    return versions


def direct(manifest: Path) -> list[Requirement]:
    """Return what a distribution asks for itself, in every group."""
    found: dict[str, Any] = tomllib.loads(manifest.read_text("utf-8"))
    project = found["project"]
    groups = [
        project.get("dependencies", []),
        *project.get("optional-dependencies", {}).values(),
        *found.get("dependency-groups", {}).values(),
        found["build-system"]["requires"],
    ]
    return [Requirement(line) for group in groups for line in group]


def test_everything_is_pinned_with_hashes_and_nothing_has_an_address() -> None:
    assert len(list(locked())) > 50
    for requirement, words in locked():
        assert [word for word in words if HASH.fullmatch(word)], requirement
        assert [word for word in words if not HASH.fullmatch(word)] == [], requirement
        assert requirement.url is None
    assert "://" not in LOCK
    assert "index-url" not in LOCK


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_the_lock_satisfies_every_requirement(manifest: Path) -> None:
    versions = pinned()
    own = tomllib.loads(MANIFESTS[0].read_text("utf-8"))["project"]
    versions[own["name"]] = [Version(own["version"])]
    for requirement in direct(manifest):
        found = versions.get(canonicalize_name(requirement.name), [])
        assert found, f"{requirement.name} is not locked: run `make lock`"
        assert [version for version in found if version not in requirement.specifier] == [], requirement


def test_the_queue_has_the_schema_that_the_migrations_create() -> None:
    (queue,) = (one for one in direct(MANIFESTS[0]) if one.name == "procrastinate")
    assert Version("3.10.0") in queue.specifier
    assert Version("3.11.0") not in queue.specifier
