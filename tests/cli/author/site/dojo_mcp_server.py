"""The server of a dojo of programming katas, as somebody wrote it who never heard of skillcore.

It lists the oldest katas first, page by page behind a bookmark; it tells times in seconds since 1970 and difficulty in ranks,
and what goes wrong it says in plain words, in an answer that looks like any other.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from mcp.server.mcpserver import MCPServer

LARGEST_PAGE = 5
FIRST_LESSON = 1_767_600_000
DAY = 86_400
KATAS = (
    ("hello-dojo", "8 kyu", ["fundamentals"]),
    ("sum-of-odds", "7 kyu", ["fundamentals", "math"]),
    ("vowel-count", "7 kyu", ["strings"]),
    ("matching-brackets", "6 kyu", ["stacks"]),
    ("snail-walk", "5 kyu", ["arrays"]),
    ("roman-numerals", "4 kyu", ["strings", "math"]),
    ("range-extraction", "4 kyu", ["algorithms"]),
    ("binary-trees", "3 kyu", ["trees", "recursion"]),
    ("sudoku-checker", "3 kyu", ["algorithms"]),
    ("tiny-compiler", "2 kyu", ["parsing", "recursion"]),
    ("game-of-go", "1 kyu", ["graphs"]),
    ("prime-sieve-stream", "2 dan", ["math", "performance"]),
)
STUDENTS: dict[str, dict[str, Any]] = {
    "kenji": {"id": 1001, "name": "Kenji", "every": 1, "motto": "dojo-0000000000000007", "since": 1_772_366_400},
    "mika": {"id": 1002, "name": "Mika", "every": 4, "motto": "slowly but surely", "since": 1_770_000_000},
    "aoi": {"id": 1003, "name": "Aoi", "every": 0, "motto": "", "since": 0},
}

server = MCPServer("dojo", log_level="WARNING")


@server.tool(structured_output=False)
def completed_katas(student: str, bookmark: str = "", count: int = LARGEST_PAGE) -> str:
    """List the katas that a student has completed, the oldest first, from behind a bookmark on."""
    who = STUDENTS.get(student.lower())
    if who is None:
        return _nobody(student)
    if not 1 <= count <= LARGEST_PAGE:
        return f"The dojo shows between 1 and {LARGEST_PAGE} katas at once."
    katas = _completed(who["every"])
    try:
        begin = int(base64.urlsafe_b64decode(bookmark).removeprefix(b"kata ")) if bookmark else 0
    except ValueError:
        return "This bookmark is not from this dojo."
    page = katas[begin : begin + count]
    return json.dumps(
        {
            "student": {"id": who["id"], "name": who["name"]},
            "completed": len(katas),
            "katas": page,
            "bookmark": _bookmark(begin + len(page)) if page else None,
            "more": begin + len(page) < len(katas),
        }
    )


@server.tool(structured_output=False)
def student_profile(student: str) -> str:
    """Show what a student's page says: honour, and the motto that the student may change at any time."""
    who = STUDENTS.get(student.lower())
    if who is None:
        return _nobody(student)
    return json.dumps(
        {
            "student": {"id": who["id"], "name": who["name"]},
            "honour": 10 * len(_completed(who["every"])),
            "motto": who["motto"],
            "motto_since": who["since"],
        }
    )


def _completed(every: int) -> list[dict[str, Any]]:
    chosen = KATAS[every - 1 :: every] if every else ()
    return [
        {"slug": slug, "rank": rank, "tags": tags, "completed_at": FIRST_LESSON + DAY * lesson}
        for lesson, (slug, rank, tags) in enumerate(chosen)
    ]


def _nobody(student: str) -> str:
    return f"There is no student called {student} in this dojo."


def _bookmark(number: int) -> str:
    return base64.urlsafe_b64encode(b"kata %d" % number).decode()


def main() -> None:
    """Serve over standard input and output."""
    server.run("stdio")
