"""Where the topics of a path stand: in layers from the top, in an order with few crossings, near what they belong to.

After Sugiyama: layers, an order within each by the mean place of neighbours, then coordinates. A requirement that skips layers
passes each of them through a lane of its own, so that no line runs behind a topic; lines from one topic share their lanes.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from skillcore.charts.paths import arrange, essential
from skillcore.charts.scales import settle

__all__ = ["Layout", "Stop", "layout"]

Stop = tuple[str, int]
"""A topic in a layer: its own, or one that a line from it passes."""

SWEEPS = 24
PATIENCE = 4
"""Sweeps without a better order after which none is looked for."""

LANE_WEIGHT = 4.0
"""Lanes keep their place rather than topics do: long lines become straight."""

INWARD = 0.8
"""How near to its neighbours something wants to be, measured from the middle; less than 1 keeps the whole from drifting."""


class Layout(Struct, frozen=True):
    """Where everything stands.

    Attributes:
        middles: the middle of each stop, from the left edge of the whole.
        depth: the layer of each topic.
        links: which stop goes on to which in the next layer.
        wide: the width of the whole.
        layers: how many there are.
    """

    middles: dict[Stop, float]
    depth: dict[str, int]
    links: tuple[tuple[Stop, Stop], ...]
    wide: float
    layers: int


def layout(requires: Mapping[str, Sequence[str]], *, most: int, topic: float, lane: float, gap: float) -> Layout:
    """Return where the topics stand.

    Args:
        requires: what each topic requires, without cycles.
        most: how many topics a layer may hold.
        topic: the width of a topic.
        lane: the width of a lane.
        gap: the blank between neighbours.
    """
    needed = essential(requires)
    arranged = arrange(needed, most)
    depth = {name: level for level, names in enumerate(arranged) for name in names}
    links = _links(needed, depth)
    rows: list[list[Stop]] = [[(name, level) for name in names] for level, names in enumerate(arranged)]
    for one, other in links:
        for stop in (one, other):
            if stop not in rows[stop[1]]:
                rows[stop[1]].append(stop)
    rows = _ordered(rows, links)
    sizes = {stop: topic if depth[stop[0]] == stop[1] else lane for row in rows for stop in row}
    middles = _placed(rows, links, sizes, gap)
    left = min((middles[stop] - sizes[stop] / 2 for stop in middles), default=0.0)
    right = max((middles[stop] + sizes[stop] / 2 for stop in middles), default=0.0)
    return Layout({stop: middle - left for stop, middle in middles.items()}, depth, links, right - left, len(rows))


def _links(requires: Mapping[str, Sequence[str]], depth: Mapping[str, int]) -> tuple[tuple[Stop, Stop], ...]:
    """Return the steps from layer to layer, each once."""
    links: dict[tuple[Stop, Stop], None] = {}
    for name, others in requires.items():
        for other in others:
            for level in range(depth[other], depth[name] - 1):
                links[(other, level), (other, level + 1)] = None
            links[(other, depth[name] - 1), (name, depth[name])] = None
    return tuple(links)


def _neighbours(links: Sequence[tuple[Stop, Stop]]) -> tuple[dict[Stop, list[Stop]], dict[Stop, list[Stop]]]:
    """Return what stands above and below each stop."""
    above: dict[Stop, list[Stop]] = {}
    below: dict[Stop, list[Stop]] = {}
    for one, other in links:
        above.setdefault(other, []).append(one)
        below.setdefault(one, []).append(other)
    return above, below


def _ordered(rows: list[list[Stop]], links: Sequence[tuple[Stop, Stop]]) -> list[list[Stop]]:
    """Return the rows in the order with the fewest crossings that sweeps down and up find."""
    above, below = _neighbours(links)
    best, least, idle = rows, _crossings(rows, below), 0
    for sweep in range(SWEEPS):
        if idle == PATIENCE or not least:
            break
        down = sweep % 2 == 0
        near = above if down else below
        rows = [list(row) for row in rows]
        for level in range(len(rows)) if down else reversed(range(len(rows))):
            rows[level] = _by_neighbours(rows, level, near)
        _swapped(rows, above, below)
        crossings = _crossings(rows, below)
        idle += 1
        if crossings < least:
            best, least, idle = rows, crossings, 0
    return best


def _by_neighbours(rows: list[list[Stop]], level: int, near: Mapping[Stop, list[Stop]]) -> list[Stop]:
    """Return a row sorted by the mean place of the neighbours, each place as a part of its row."""
    place = {
        stop: (index + 0.5) / len(row)
        for row in rows[max(level - 1, 0) : level + 2]
        for index, stop in enumerate(row)
    }  # fmt: skip
    means = {
        stop: sum(place[one] for one in near[stop]) / len(near[stop]) if stop in near else place[stop] for stop in rows[level]
    }
    return sorted(rows[level], key=lambda stop: (means[stop], place[stop]))


def _swapped(rows: list[list[Stop]], above: Mapping[Stop, list[Stop]], below: Mapping[Stop, list[Stop]]) -> None:
    """Swap neighbours in rows where that saves a crossing."""
    for level, row in enumerate(rows):
        place = {stop: index for other in rows[max(level - 1, 0) : level + 2] for index, stop in enumerate(other)}
        ends = {stop: [[place[one] for one in near.get(stop, ())] for near in (above, below)] for stop in row}
        for index in range(len(row) - 1):
            one, other = row[index], row[index + 1]
            now = sum(left > right for side, far in zip(ends[one], ends[other], strict=True) for left in side for right in far)
            then = sum(left < right for side, far in zip(ends[one], ends[other], strict=True) for left in side for right in far)
            if then < now:
                row[index], row[index + 1] = other, one


def _crossings(rows: list[list[Stop]], below: Mapping[Stop, list[Stop]]) -> int:
    """Return how many pairs of lines cross: of two that begin in order, those that end out of order."""
    count = 0
    for row, following in pairwise(rows):
        place = {stop: index for index, stop in enumerate(following)}
        ends: list[int] = []
        for stop in row:
            here = [place[other] for other in below.get(stop, ())]
            count += sum(len(ends) - bisect_right(ends, end) for end in here)
            for end in here:
                insort(ends, end)
    return count


def _placed(
    rows: list[list[Stop]], links: Sequence[tuple[Stop, Stop]], sizes: Mapping[Stop, float], gap: float
) -> dict[Stop, float]:
    """Return the middles: each near the mean of its neighbours, none nearer to the next than the gap.

    The whole becomes no wider than its widest row.
    """
    above, below = _neighbours(links)
    gaps = [[(sizes[one] + sizes[other]) / 2 + gap for one, other in pairwise(row)] for row in rows]
    wides = [sum(sizes[stop] + gap for stop in row) - gap for row in rows]
    half = max(wides, default=0.0) / 2
    middles: dict[Stop, float] = {}
    for row, apart, wide in zip(rows, gaps, wides, strict=True):
        start = (sizes[row[0]] - wide) / 2
        middles.update({stop: start + sum(apart[:index]) for index, stop in enumerate(row)})
    widest = max(sizes.values(), default=0.0)
    for sweep in range(SWEEPS):
        for level in range(len(rows)) if sweep % 2 == 0 else reversed(range(len(rows))):
            row = rows[level]
            near = {stop: [middles[one] for one in (*above.get(stop, ()), *below.get(stop, ()))] for stop in row}
            wanted = [INWARD * math.fsum(near[stop]) / len(near[stop]) if near[stop] else middles[stop] for stop in row]
            weights = [1.0 if sizes[stop] == widest else LANE_WEIGHT for stop in row]
            ends = (sizes[row[0]] / 2 - half, half - sizes[row[-1]] / 2)
            middles.update(zip(row, settle(wanted, gaps[level], weights, ends), strict=True))
    return middles
