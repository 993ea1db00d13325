"""The source against the suite of its contract, which asks the server once and then bends and breaks its answers."""

from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace
from skillcore.testing import MetChallenge, Sample, SourceSuite

from skillcore_practice.source import OWN_SERVER, Exercises, Solved

NOTES = str(Path(__file__).parent / "notes")


class TestConformance(SourceSuite):
    source = Exercises(replace(OWN_SERVER, env={"PRACTICE_NOTES": NOTES}))
    met = (
        Sample("practice-2", Solved("python-variables-2", min_difficulty=2)),
        Sample("practice-3", Solved("sql-joins-3", after=datetime(2026, 1, 5, tzinfo=UTC))),
    )
    not_met = (
        Sample("practice-3", Solved("sql-joins-3", min_difficulty=9)),
        Sample("practice-4", Solved("sql-joins-3")),
    )
    not_found = (Sample("practice-9", Solved("sql-joins-1")),)
    challenges = (
        MetChallenge(
            handle="practice-1",
            key="skillcore 0000000000000007",
            data={"note": "skillcore 0000000000000007"},
            done_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
        ),
    )
