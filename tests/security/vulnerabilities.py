"""Asks whether a version in the lock file is known to be vulnerable, and fails when that could not be found out.

``python -m tests.security.vulnerabilities requirements.lock`` asks through pip-audit, which by itself says that it found
nothing, and exits with 0, where it could look up nothing at all.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from packaging.requirements import Requirement

LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)
PATIENCE = 900


class Vulnerability(msgspec.Struct, frozen=True):
    """What is known of a version."""

    id: str
    fix_versions: tuple[str, ...] = ()


class Dependency(msgspec.Struct, frozen=True):
    """What pip-audit says of a package."""

    name: str
    version: str = ""
    vulns: tuple[Vulnerability, ...] = ()
    skip_reason: str = ""


class Report(msgspec.Struct, frozen=True):
    """What pip-audit says."""

    dependencies: tuple[Dependency, ...]


def locked(text: str) -> dict[str, set[str]]:
    """Return the versions of each package in a lock file; one may have several, for different machines."""
    found: dict[str, set[str]] = {}
    for match in LOCKED.finditer(text):
        found.setdefault(plain(match["name"]), set()).add(match["version"])
    return found


def judge(wanted: dict[str, set[str]], answers: Iterable[bytes]) -> Iterator[str]:
    """Yield what speaks against a lock file: vulnerable versions, and those that were not looked up."""
    checked: set[str] = set()
    for answer in answers:
        try:
            report = msgspec.json.decode(answer, type=Report)
        except msgspec.MsgspecError as error:
            yield f"pip-audit gave no report: {error}"
            continue
        for dependency in report.dependencies:
            name = plain(dependency.name)
            for known in dependency.vulns:
                mended = f", mended in {' or '.join(known.fix_versions)}" if known.fix_versions else ", not mended yet"
                yield f"{name} {dependency.version}: {known.id}{mended}"
            if not dependency.skip_reason and dependency.version in wanted.get(name, ()):
                checked.add(name)
            elif dependency.skip_reason:
                yield f"{name} was not checked: {dependency.skip_reason}"
    for name in sorted(wanted.keys() - checked):
        yield f"{name} was not checked"
    if not wanted:
        yield "the lock file names no package"


def plain(name: str) -> str:
    """Return a package's name as all ways of writing it are the same."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(lock: str) -> int:
    """Check a lock file; 0 only if every package was looked up and none is known to be vulnerable."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
    # A package that only other machines need is in the lock file too, and pip-audit leaves it out here.
    found = list(dict.fromkeys(judge(here(Path(lock).read_text("utf-8")), [done.stdout])))
    for line in found:
        print(line, file=sys.stderr)
    if done.returncode and not found:
        print(done.stderr.decode(errors="replace"), file=sys.stderr)
    return 1 if found or done.returncode else 0


def here(text: str) -> dict[str, set[str]]:
    """Return what of a lock file this machine installs."""
    kept = [
        line
        for line in text.replace("\\\n", " ").splitlines()
        if ";" not in line or Requirement(line.split("--hash")[0].strip()).marker.evaluate()
    ]
    return locked("\n".join(kept))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
