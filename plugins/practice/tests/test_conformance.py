"""The source against the suite of its contract, which asks the server once and then bends and breaks its answers."""

from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace
from skillcore.testing import MetChallenge, Sample, SourceSuite

from skillcore_practice.source import OWN_SERVER, Exercises, Solved

NOTES = str(Path(__file__).parent / "notes")


class TestConformance(SourceSuite):
    source = Exercises(replace(OWN_SERVER, env={"PRACTICE_NOTES": NOTES}))
    met = (Sample("practice-2", Solved("python-variables-2", min_difficulty=2.0)),)
    not_met = (
        Sample("practice-2", Solved("python-variables-2", after=datetime(2026, 12, 31, tzinfo=UTC))),
        Sample("practice-4", Solved("python-variables-2")),
    )
    not_found = (Sample("practice-9", Solved("python-variables-2")),)
    challenges = (
        MetChallenge(
            handle="practice-2",
            key="skillcore-0000000000000007",
            data={"word": "skillcore-0000000000000007"},
            done_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
        ),
    )
