"""What this process counts. Every metric is declared through this module, so that one list names them all."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["CONTENT_TYPE", "Metric", "counter", "declared", "exposition", "gauge", "histogram"]

CONTENT_TYPE = "text/plain; version=0.0.4"
REGISTRY = CollectorRegistry()
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metric(Struct, frozen=True):
    """A declared metric, for people who read or document it.

    Attributes:
        name: as scraped; a histogram adds ``_bucket``, ``_sum`` and ``_count``.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]


DECLARED: dict[str, Metric] = {}


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """Declare a counter; its name ends in ``_total``. Once a name, at import."""
    _declare(name, "counter", text, labels)
    return Counter(name, text, labels, registry=REGISTRY)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """Declare a gauge. Once a name, at import."""
    _declare(name, "gauge", text, labels)
    return Gauge(name, text, labels, registry=REGISTRY)


def histogram(name: str, text: str, labels: Sequence[str] = ()) -> Histogram:
    """Declare a histogram of seconds. Once a name, at import."""
    _declare(name, "histogram", text, labels)
    return Histogram(name, text, labels, registry=REGISTRY, buckets=BUCKETS)


def declared() -> tuple[Metric, ...]:
    """Return every metric that an imported module declares, by name."""
    return tuple(DECLARED[name] for name in sorted(DECLARED))


def exposition() -> bytes:
    """Return the present values in Prometheus's text format."""
    return generate_latest(REGISTRY)


def _declare(name: str, kind: str, text: str, labels: Sequence[str]) -> None:
    if name in DECLARED:
        raise ValueError(f"two metrics are called {name}")
    DECLARED[name] = Metric(name, kind, text, tuple(labels))
