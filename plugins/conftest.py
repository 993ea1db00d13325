"""What the plugins' tests share: what the real servers said."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def observed(shared: Path) -> list[dict[str, str]]:
    """What the real servers answered: the rows of ``observed.md``, with the section they stand in and plain text cells."""
    rows, section, columns = [], "", []
    for line in (shared / "upstream" / "observed.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| tool"):
            columns = [cell.strip() for cell in line.strip("|").split(" | ")]
        elif line.startswith(("| get_", "| list_", "| resolve-", "| query-")):
            cells = [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
            rows.append({"section": section, **dict(zip(columns, cells, strict=False))})
    return rows
