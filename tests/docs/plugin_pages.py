"""The pages for plugin authors, whose blocks that name a file are that file as ``skillcore plugins new pool`` writes it.

``python -m tests.docs.plugin_pages`` puts the files as they are now into the pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skillcore.cli.scaffold.rendering import render
from tests.docs.documents import DOCS, FENCE

PAGES = DOCS / "plugins"
KINDS = {"tutorial.md": "source", "rule.md": "rule", "formula.md": "formula"}
"""What each page writes."""

NAME = "pool"


def files(kind: str) -> Mapping[str, str]:
    """Return the files of a new plugin of a kind."""
    return render(NAME, kind, "Apache-2.0", 2026)


def spliced(text: str, written: Mapping[str, str]) -> str:
    """Return a page with the files in the blocks that name them."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        fence = FENCE.match(line)
        if fence and not inside and fence[2] in written:
            lines += [line, *written[fence[2]].rstrip("\n").split("\n"), "```"]
            inside = True
        elif inside:
            inside = not line.lstrip().startswith("```")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Rewrite the pages."""
    for page, kind in KINDS.items():
        file = Path(PAGES / page)
        file.write_text(spliced(file.read_text(encoding="utf-8"), files(kind)), encoding="utf-8")


if __name__ == "__main__":
    main()
