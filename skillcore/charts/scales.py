"""Axes: ends and ticks at round numbers and dates, and how numbers and dates are written, without any locale."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator

from msgspec import Struct

__all__ = ["MONTHS", "Scale", "brief", "date_ticks", "long_date", "short_date", "shown", "spread", "ticks"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


class Scale(Struct, frozen=True):
    """Where the values between two ends lie between two coordinates; `marks` are round values with their labels."""

    low: float
    high: float
    start: float
    end: float
    marks: tuple[tuple[float, str], ...] = ()

    def at(self, value: float) -> float:
        """Return the coordinate of a value; one beyond an end is drawn at the end."""
        part = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * min(max(part, 0.0), 1.0)


def shown(value: float) -> str:
    """Return a number in full: ``1,234.5``; two decimals at most, three digits where it is small."""
    if value != 0 and abs(value) < 0.01:
        return f"{value:.3g}".replace("e-0", "e-")
    written = f"{value:,.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def brief(value: float) -> str:
    """Return a number in at most ten characters: from a hundred thousand on with a unit, ``123.46k``, up to ``1,000T``."""
    for scale, unit in _UNITS:
        if abs(value) >= max(scale, 1e5):
            return shown(value / scale) + unit
    return shown(value)


def ticks(
    values: Iterable[float], start: float, end: float, *, most: int = 6, bounds: tuple[float, float] | None = None
) -> Scale:
    """Return a scale over the values and the bounds whose ends are ticks at multiples of 1, 2, 5 or 25 · 10ⁿ.

    Without bounds it begins at zero, unless the values lie close together far away from it.
    """
    known = [float(value) for value in values] + [float(bound) for bound in bounds or ()]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if bounds is None and (high - low < max(abs(low), abs(high)) * 1e-6 or 0 <= low < 0.6 * high or 0.6 * low < high <= 0):
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-12:
        high = low + 1
    for mantissa, exponent in _steps(high - low):
        first, last = math.floor(_ratio(low, mantissa, exponent)), math.ceil(_ratio(high, mantissa, exponent))
        if last - first < most:
            break
    steps = [_multiple(number * mantissa, exponent) for number in range(first, last + 1)]
    labels = _labels(steps, mantissa, exponent)
    return Scale(steps[0], steps[-1], start, end, tuple(zip(steps, labels, strict=True)))


def _steps(span: float) -> Iterator[tuple[float, int]]:
    """Yield growing steps as mantissa and power of ten, from well below the span."""
    exponent = math.floor(math.log10(span)) - 2
    while True:
        yield 1.0, exponent
        yield 2.0, exponent
        if exponent > 0:
            yield 2.5, exponent
        yield 5.0, exponent
        exponent += 1


def _multiple(number: float, exponent: int) -> float:
    """Return number · 10^exponent; dividing by a whole power of ten rounds as the decimal would be read."""
    return number * float(10**exponent) if exponent >= 0 else number / float(10**-exponent)


def _ratio(value: float, mantissa: float, exponent: int) -> float:
    """Return how many steps a value is, a whole number where it is one but for rounding."""
    ratio = _multiple(value, -exponent) / mantissa
    near = round(ratio)
    return near if abs(ratio - near) < 1e-9 * max(1.0, abs(ratio)) else ratio


def _labels(steps: list[float], mantissa: float, exponent: int) -> list[str]:
    largest = max(abs(step) for step in steps)
    for scale, unit in _UNITS:
        decimals = max(0, round(math.log10(scale)) - exponent + (mantissa == 2.5))
        if largest >= max(scale, 1e4) and decimals <= 2:
            return [f"{_plain(step / scale, decimals)}{unit if step else ''}" for step in steps]
    if exponent < -6:
        return [f"{step:.3g}" for step in steps]
    return [_plain(step, max(0, -exponent)) for step in steps]


def _plain(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}" if value else "0"


def short_date(day: datetime.date) -> str:
    """Return a day as on an axis: ``4 Mar``."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def long_date(day: datetime.date) -> str:
    """Return a day in full: ``4 Mar 2026``."""
    return f"{short_date(day)} {day.year}"


def date_ticks(first: datetime.date, last: datetime.date, most: int) -> tuple[tuple[datetime.date, str], ...]:
    """Return at most so many days between two, at even distances in days, months or years, with short labels.

    The first label of a year names it.
    """
    span = (last - first).days
    for step in (1, 2, 7, 14):
        if span // step < most:
            return _named([first + datetime.timedelta(days=number) for number in range(0, span + 1, step)])
    for months in (1, 2, 3, 6):
        if span // (28 * months) < 2 * most and len(days := list(_months(first, last, months))) <= most:
            return _named(days, months=True)
    start = first.year + (first > datetime.date(first.year, 1, 1))
    years = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if (last.year - start) // step < most)
    round_years = range(-(-start // years) * years, last.year + 1, years)
    return tuple((datetime.date(year, 1, 1), str(year)) for year in round_years)


def _months(first: datetime.date, last: datetime.date, step: int) -> Iterator[datetime.date]:
    """Yield the first days of every so many months, counted from January."""
    for year in range(first.year, last.year + 1):
        for month in range(1, 13, step):
            if first <= (day := datetime.date(year, month, 1)) <= last:
                yield day


def _named(days: list[datetime.date], *, months: bool = False) -> tuple[tuple[datetime.date, str], ...]:
    named: list[tuple[datetime.date, str]] = []
    for day in days:
        label = MONTHS[day.month - 1] if months else short_date(day)
        new = bool(named) and day.year != named[-1][0].year
        named.append((day, f"{label} {day.year}" if new else label))
    return tuple(named)


def spread(places: list[float], gap: float, low: float, high: float) -> list[float]:
    """Return places moved as little as makes neighbours stand `gap` apart between the ends; their order stays.

    Where all do not fit, the gap becomes as large as the room allows.
    """
    if not places:
        return []
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    order = sorted(range(len(places)), key=lambda index: (places[index], index))
    settled = settle([places[index] for index in order], [gap] * (len(places) - 1), ends=(low, high))
    return [settled[order.index(index)] for index in range(len(places))]


def settle(
    wanted: list[float], gaps: list[float], weights: list[float] | None = None, ends: tuple[float, float] | None = None
) -> list[float]:
    """Return the places nearest to those wanted (least squares) in which each stands its gap or more behind the one before.

    Pools neighbours that would come too close (isotonic regression on the places less the gaps). Where `ends` are given, the
    first stands at the lower one or behind it, the last at the upper one or before it.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, float, int]] = []
    for place, offset, weight in zip(wanted, offsets, weights or [1.0] * len(wanted), strict=True):
        mean, total, count = place - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, heavy, many = pools.pop()
            mean = (mean * total + before * heavy) / (total + heavy)
            total, count = total + heavy, count + many
        pools.append((mean, total, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    if ends is not None:
        means = [max(min(mean, ends[1] - offsets[-1]), ends[0]) for mean in means]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
