"""Counts what a recorded Codeforces history says, by itself: the measure that an import of it is held against.

    python benchmarks/recorded_history.py user.status.tourist.2016.json

It reads an answer of the API's ``user.status`` with the standard library alone, shares no code with the plugin that imports
such histories, and prints one JSON document: how many submissions and accepted ones there are, how many problems were
solved, how many of these bear each topic, and for each the time at which it was solved first.
"""

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["counted"]


def counted(answer: dict[str, object]) -> dict[str, object]:
    """Return the counts of an answer of ``user.status``."""
    rows = answer["result"]
    assert isinstance(rows, list)
    oldest_first = sorted(rows, key=lambda row: row["id"])
    accepted = [row for row in oldest_first if row["verdict"] == "OK"]
    solved: dict[str, dict[str, object]] = {}
    topics: Counter[str] = Counter()
    for row in accepted:
        problem = row["problem"]
        name = f"{problem.get('contestId', problem.get('problemsetName'))}/{problem['index']}"
        if name not in solved:
            at = datetime.fromtimestamp(row["creationTimeSeconds"], UTC)
            solved[name] = {"at": at.isoformat(), "topics": problem["tags"], "team": len(row["author"]["members"])}
            topics.update(problem["tags"])
    return {
        "submissions": len(rows),
        "accepted": len(accepted),
        "solved": len(solved),
        "topics": dict(sorted(topics.items())),
        "problems": solved,
    }


if __name__ == "__main__":
    print(json.dumps(counted(json.loads(Path(sys.argv[1]).read_text("utf-8"))), indent=1))
