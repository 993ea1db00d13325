"""Every benchmark runs, at sizes at which its figures mean nothing. No time is asserted: machines are shared."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.ground import Ground, Sizes, ground
from benchmarks.measuring import Sample, compared, table
from tests.conftest import FAST

TINY = Sizes(
    rounds=1,
    warming=0,
    people=8,
    batch=70,
    batches=4,
    callers=4,
    singles=8,
    requests=8,
    connections=2,
    histories=(5, 12),
    readers=2,
    reads=4,
    signing_in=3,
    verifications=16,
    hostile=1,
    plugins=2,
)


@pytest.fixture(scope="module")
def tiny_ground() -> Iterator[Ground]:
    with ground(FAST) as found:
        yield found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BENCHMARKS)
async def test_a_benchmark_runs_and_says_what_it_found(name: str, tiny_ground: Ground) -> None:
    report = await BENCHMARKS[name](tiny_ground, TINY)

    assert report.name == name
    assert report.measured
    assert report.reference
    assert report.comparisons
    for comparison in report.comparisons:
        assert 0 < comparison.ratio < math.inf
        assert comparison.rounds == 1
    assert all(comparison.subject in table(report) for comparison in report.comparisons)


async def test_ratios_are_taken_within_a_round() -> None:
    # The machine gets slower from round to round; one leg always takes twice as long as the other.
    seconds = {"reference": iter([9.0, 1.0, 2.0, 4.0]), "subject": iter([9.0, 2.0, 4.0, 12.0])}
    order = []

    def leg(name: str) -> object:
        async def run() -> Sample:
            order.append(name)
            return Sample(100, next(seconds[name]))

        return run

    legs = {name: leg(name) for name in seconds}
    (found,) = await compared(legs, reference="reference", unit="things", rounds=3)

    assert (found.ratio, found.low, found.high) == (0.5, pytest.approx(1 / 3), 0.5)
    assert (found.rate, found.reference_rate) == (25.0, 50.0)  # medians of 50, 25, 8.3 and of 100, 50, 25
    assert order == ["subject", "reference", "reference", "subject"] * 2


async def test_the_benchmarks_cover_what_they_promise() -> None:
    here = {
        "batches",
        "singles",
        "posting",
        "reading",
        "limiting",
        "signing_in",
        "auditing",
        "verifying",
        "isolation",
        "starting",
    }
    assert set(BENCHMARKS) == here
