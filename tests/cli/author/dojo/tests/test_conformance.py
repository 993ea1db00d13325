"""The source against the suite of its contract."""

from datetime import UTC, datetime

from skillcore.testing import MetChallenge, Sample, SourceSuite

from skillcore_dojo.source import Completed, Dojo


class TestConformance(SourceSuite):
    source = Dojo()
    met = (
        Sample("kenji", Completed("sudoku-checker", min_difficulty=6.0), external_id="1001"),
        Sample("Mika", Completed("binary-trees")),
    )
    not_met = (
        Sample("kenji", Completed("sudoku-checker", after=datetime(2026, 12, 31, tzinfo=UTC))),
        Sample("mika", Completed("hello-dojo")),
        Sample("aoi", Completed("hello-dojo")),
    )
    not_found = (Sample("nobody", Completed("hello-dojo")),)
    challenges = (
        MetChallenge(
            handle="kenji",
            key="dojo-0000000000000007",
            done_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        ),
    )
