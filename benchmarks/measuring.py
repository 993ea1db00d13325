"""Rates of several ways to do a thing, taken in turns, and what they are to one of them.

Absolute rates say little on a machine that others use too. So each round runs all legs one after the other, every second
round in the opposite order, and a ratio is taken within a round, between neighbours in time. What is reported is the median
of the rounds' ratios, with the lowest and the highest.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["Comparison", "Leg", "Machine", "Report", "Sample", "compared", "describe_machine", "table", "timed"]


class Sample(Struct, frozen=True):
    """So many things in so many seconds."""

    count: int
    seconds: float

    @property
    def rate(self) -> float:
        """Things a second."""
        return self.count / self.seconds


Leg = Callable[[], Awaitable[Sample]]
"""One way to do a thing, done for a while. What it needs is made before its clock starts."""


class Comparison(Struct, frozen=True, kw_only=True):
    """One way beside the reference, over all rounds.

    Attributes:
        ratio: the median of this one's rate divided by the reference's; 1 is as fast, 0.5 takes twice as long.
        low: the lowest ratio of a round.
        high: the highest.
        rate: the median, in things a second, as is ``reference_rate``.
    """

    subject: str
    reference: str
    unit: str
    ratio: float
    low: float
    high: float
    rate: float
    reference_rate: float
    rounds: Annotated[int, Meta(ge=1)]


class Report(Struct, frozen=True, kw_only=True):
    """What one benchmark found.

    Attributes:
        measured: what was done.
        reference: what it is compared with.
        notes: what else one must know to judge the figures.
    """

    name: str
    measured: str
    reference: str
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()


class Machine(Struct, frozen=True, kw_only=True):
    """Where and on what it was measured.

    Attributes:
        load: of the last minute, before and after.
    """

    processor: str
    cores: int
    python: str
    postgresql: str
    load: tuple[float, float]


async def timed(count: int, work: Awaitable[object]) -> Sample:
    """Return how long it took to do `count` things. The garbage of what came before is not collected on its time."""
    gc.collect()
    start = time.perf_counter()
    await work
    return Sample(count, time.perf_counter() - start)


async def compared(
    legs: Mapping[str, Leg], *, reference: str, unit: str, rounds: int, warming: int = 1
) -> tuple[Comparison, ...]:
    """Run all legs in turns, `warming` times to warm up and then `rounds` times, and compare each with the reference.

    Each round's ratios are told on standard error as it ends, so that a long run shows how it goes.

    Args:
        legs: by name.
        reference: the name of the leg that the others are compared with.
        unit: what is counted, in the plural.
        rounds: how many count.
        warming: how many come before them, and do not.
    """
    rates: dict[str, list[float]] = {name: [] for name in legs}
    for turn in range(1 - warming, rounds + 1):
        order = list(legs)
        for name in order if turn % 2 else reversed(order):
            sample = await legs[name]()
            if turn > 0:
                rates[name].append(sample.rate)
        if turn > 0:
            told = ", ".join(f"{name} {rates[name][-1] / rates[reference][-1]:.2f}" for name in legs if name != reference)
            print(f"round {turn} of {rounds}: {told}", file=sys.stderr, flush=True)
    return tuple(_comparison(name, rates[name], reference, rates[reference], unit) for name in legs if name != reference)


def _comparison(name: str, rates: list[float], reference: str, references: list[float], unit: str) -> Comparison:
    ratios = [rate / against for rate, against in zip(rates, references, strict=True)]
    return Comparison(
        subject=name,
        reference=reference,
        unit=unit,
        ratio=median(ratios),
        low=min(ratios),
        high=max(ratios),
        rate=median(rates),
        reference_rate=median(references),
        rounds=len(ratios),
    )


def describe_machine(postgresql: str, load_before: float) -> Machine:
    """Return what figures depend on."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        postgresql=postgresql,
        load=(load_before, os.getloadavg()[0]),
    )


def table(report: Report) -> str:
    """Return a report as text for people."""
    lines = [report.name, f"  measured:  {report.measured}", f"  reference: {report.reference}"]
    width = max((len(comparison.subject) for comparison in report.comparisons), default=0)
    lines += [
        f"    {one.subject:<{width}}  ratio {one.ratio:5.2f}  ({one.low:.2f} to {one.high:.2f} in {one.rounds} rounds)"
        f"  {one.rate:,.0f} {one.unit}/s, {one.reference} {one.reference_rate:,.0f}/s"
        for one in report.comparisons
    ]
    lines += [f"    note: {note}" for note in report.notes]
    return "\n".join(lines)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
