"""The examples of docs/charts/: their data as JSON, and the pictures beside them.

``python -m tests.charts.examples`` draws them anew after the drawing has changed.
"""

from __future__ import annotations

import msgspec

from skillcore.charts import Chart, draw
from tests.docs.documents import DOCS

PLACE = DOCS / "charts"


def examples() -> dict[str, Chart]:
    """Return the examples by their names."""
    return {file.stem: msgspec.json.decode(file.read_bytes(), type=Chart) for file in sorted(PLACE.glob("*.json"))}


if __name__ == "__main__":
    for name, chart in examples().items():
        (PLACE / f"{name}.svg").write_text(draw(chart) + "\n", encoding="utf-8")
