"""What holds for every text here: links lead somewhere, code that is named exists, and the project speaks of itself alone."""

import json
import pkgutil
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.documents import LINK, ROOT, anchors, blocks, codes, prose

SKIPPED = {"node_modules", "data", "dist", "__pycache__"}
PLACE = re.compile(r"(?:skillcore|tests|plugins|docs|migrations|config|benchmarks)/[\w./-]*")
DOTTED = re.compile(r"skillcore(?!\.(?:lock|toml)$)(?:\.\w+)+")

FOREIGN = (
    r"(?<![\w.*])/(?:wo" + r"rk|ro" + r"ot|t" + r"mp)/",
    "pypi" + r"\.org",
    "python" + "hosted",
    "npm" + r"js\.(?:org|com)",
    "anthro" + "pic|clau" + "de",
    r"\bsub" + "agents?|" + r"\bAI " + "agents?",
    r"(?-i:\bTO" + r"DO\b|\bFIX" + r"ME\b)",
    "NotImplemented" + "Error",
)
"""Places and names that say nothing about this project, and words for what is not done."""


def skipped(path: Path) -> bool:
    """Tell whether a file is none of ours: what tools leave behind is hidden, or lies in a directory of a known name."""
    return any(part in SKIPPED or (part.startswith(".") and part not in {".ci", ".gitignore"}) for part in path.parts)


@cache
def texts() -> dict[Path, str]:
    """Return the committed texts; in a copy without its history, all that lie here."""
    command = [shutil.which("git") or "false", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        files = [file for file in ROOT.rglob("*") if file.is_file() and not skipped(file.relative_to(ROOT))]
    found = {}
    for file in files:
        try:
            found[file] = file.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    assert len(found) > 100
    return found


def documents() -> list[Path]:
    return sorted(file for file in texts() if file.suffix == ".md")


DOCUMENTS = [str(file.relative_to(ROOT)) for file in documents()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    document = ROOT / name
    broken = []
    for link in LINK.findall(prose(document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_named_exists(name):
    named = codes(prose((ROOT / name).read_text(encoding="utf-8")))
    # The pages for authors speak of a plugin's own files; the practice plugin has the same.
    roots = (ROOT, ROOT / "plugins" / "practice") if name.startswith("docs/plugins/") else (ROOT,)
    places = [code for code in named if PLACE.fullmatch(code)]
    assert [code for code in places if not any((root / code).exists() for root in roots)] == []
    assert [code for code in named if DOTTED.fullmatch(code) and not exists(code)] == []


def exists(dotted: str) -> bool:
    """Tell whether a name of the code exists."""
    try:
        pkgutil.resolve_name(dotted)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("name", DOCUMENTS)
def test_blocks_can_be_read(name):
    readers = {"toml": tomllib.loads, "json": json.loads, "python": lambda text: compile(text, name, "exec")}
    for block in blocks((ROOT / name).read_text(encoding="utf-8")):
        if block.language in readers:
            readers[block.language](block.text)


def test_the_project_speaks_of_itself_alone():
    found = list(foreign())
    assert found == []


def foreign() -> Iterator[str]:
    pattern = re.compile("|".join(FOREIGN), re.IGNORECASE)
    for file, text in texts().items():
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{file.relative_to(ROOT)}:{line}: {match[0]}"
