"""docs/charts.md: every chart with its fields and pictures, and code that does what it says."""

import json
from typing import get_args

import msgspec
import pytest

from skillcore.charts import Chart, draw, tabulate
from tests.docs.documents import DOCS, LINK, codes, read, sections

PAGE = read("charts.md")
SECTIONS = sections(PAGE)
TITLES = {"line": "Line", "mindmap": "Mind map"}


@pytest.mark.parametrize("kind", get_args(Chart), ids=lambda kind: kind.__name__)
def test_a_chart_is_there_with_its_fields_and_a_picture(kind):
    tag = kind.__struct_config__.tag
    section = SECTIONS[TITLES.get(tag, tag.capitalize())]
    assert [codes(row["field"])[0] for row in section.table()] == [field.name for field in msgspec.structs.fields(kind)]
    assert f"charts/{tag}.svg" in LINK.findall(section.text)


def test_every_picture_is_shown_and_has_its_data_beside_it():
    shown = {link.removeprefix("charts/") for link in LINK.findall(PAGE) if link.endswith(".svg")}
    assert shown == {file.name for file in (DOCS / "charts").glob("*.svg")}
    assert shown == {f"{file.stem}.svg" for file in (DOCS / "charts").glob("*.json")}


def run(section):
    """Run the example of a section and return its names."""
    (block,) = section.blocks("python")
    names = {}
    exec(block.text, names)
    return names


def test_the_first_example_draws():
    whole = sections(PAGE)["Charts"]
    names = {}
    exec(whole.blocks("python")[0].text, names)
    assert names["picture"] == draw(names["chart"])
    assert names["table"] == tabulate(names["chart"])
    assert "Python: 64 works" in names["picture"]


def test_the_data_for_chartjs_is_what_is_shown():
    section = SECTIONS["Chart.js"]
    (block,) = section.blocks("json")
    assert json.loads(msgspec.json.encode(run(section)["data"])) == json.loads(block.text)
