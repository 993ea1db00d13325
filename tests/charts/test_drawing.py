"""What holds for every picture and every table: well-formed, described, self-contained, within its frame, equal for equals."""

import hashlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings

from skillcore.charts import Bars, Day, LineChart, Ring, Series, Sparkline, draw, stylesheet, tabulate
from tests.charts.examples import PLACE, examples
from tests.charts.hostile import CHARTS
from tests.charts.reading import SVG, Box, classes, frame, parsed, texts, words
from tests.docs.documents import ROOT

EXAMPLES = examples()
ELEMENTS = {"svg", "title", "desc", "style", "g", "rect", "circle", "path", "polygon", "text"}
ATTRIBUTES = {
    "viewBox", "width", "height", "class", "role", "aria-labelledby", "aria-describedby", "direction", "lang", "id",
    "x", "y", "rx", "cx", "cy", "r", "d", "points",
}  # fmt: skip
NUMBER = re.compile(r"-?\d+(\.\d{1,2})?")


def check(markup, mode):
    """Check what holds for every picture, and return its root."""
    root = parsed(markup)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= ELEMENTS - ({"style"} if mode == "page" else set())
    assert {name for element in root.iter() for name in element.attrib} <= ATTRIBUTES
    assert root.tag == f"{SVG}svg"
    title, description = root[0], root[1]
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert title.text
    assert description.text
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == title.attrib["id"]
    assert root.attrib["aria-describedby"] == description.attrib["id"]
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids)) == 2
    for element in root.iter():
        for name in ("x", "y", "rx", "cx", "cy", "r", "width", "height"):
            assert name not in element.attrib or NUMBER.fullmatch(element.attrib[name]), (name, element.attrib[name])
        assert not re.search(r"nan|inf|e[+-]?\d", element.get("d", "") + element.get("points", ""))
    return root


def check_places(root):
    """Check that nothing that is drawn leaves the frame."""
    whole = frame(root)
    for _, box in texts(root):
        assert whole.holds(box), box
    for element in root.iter():
        x, y, r = (float(element.get(name, 0)) for name in ("cx", "cy", "r"))
        assert whole.holds(Box(x - r, y - r, x + r, y + r)), element.attrib
        left, top = float(element.get("x", 0)), float(element.get("y", 0))
        assert left >= whole.left
        assert top >= whole.top
        if element.tag == f"{SVG}rect":
            assert left + float(element.attrib["width"]) <= whole.right
            assert top + float(element.attrib["height"]) <= whole.bottom


def meeting(root):
    """Return the pairs of texts that share an area."""
    boxes = [box for _, box in texts(root) if box.right - box.left > 0.1]
    return [(one, other) for number, one in enumerate(boxes) for other in boxes[:number] if one.meets(other)]


@pytest.mark.parametrize("mode", ["file", "page"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_whole(name, mode):
    check_places(check(draw(EXAMPLES[name], mode), mode))


@settings(max_examples=80, deadline=None)
@given(CHARTS)
def test_a_hostile_chart_is_whole_too(chart):
    markup = draw(chart)
    root = check(markup, "file")
    check_places(root)
    assert meeting(root) == []
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066\u2067\ufffe\uffff\ud800-\udfff]", markup)
    Reader().feed(tabulate(chart))


@pytest.mark.parametrize("name", EXAMPLES)
def test_texts_of_an_example_stand_apart(name):
    assert meeting(parsed(draw(EXAMPLES[name]))) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_has_classes_only_and_its_sheet_knows_them(name):
    root = parsed(draw(EXAMPLES[name], "page"))
    sheet = stylesheet()
    used = {one for element in root.iter() for one in classes(element)} - classes(root)
    assert used
    assert {one for one in used if f".chart .{one}{{" not in sheet} == set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_file_has_the_style_of_what_it_holds_and_no_more(name):
    root = parsed(draw(EXAMPLES[name]))
    (style,) = root.iter(f"{SVG}style")
    used = {one for element in root.iter() for one in classes(element)} - classes(root)
    assert set(re.findall(r"\.chart \.(\w+)\{", style.text)) == used
    assert "@media (prefers-color-scheme:dark)" in style.text
    assert not re.search(r"url|import|http|@font", style.text)


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_outside_is_named(name):
    markup = draw(EXAMPLES[name]).replace('xmlns="http://www.w3.org/2000/svg"', "", 1)
    assert not re.search(r"href|src|script|\son\w+=|://|style=", markup)


class Reader(HTMLParser):
    """Reads a table: its rows of cells, and every tag."""

    def __init__(self):
        super().__init__()
        self.rows, self.tags, self.caption, self._open = [], [], "", ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data):
        if self._open == "caption":
            self.caption += data
        elif self._open in {"td", "th"}:
            self.rows[-1][-1] += data
        else:
            raise AssertionError(data)

    def handle_endtag(self, tag):
        self._open = ""


def table(chart):
    reader = Reader()
    reader.feed(tabulate(chart))
    assert {tag for tag, _ in reader.tags} <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    return reader


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_table_has_a_caption_and_scopes(name):
    reader = table(EXAMPLES[name])
    assert reader.caption == EXAMPLES[name].title
    assert len({len(row) for row in reader.rows}) == 1
    scopes = [attributes["scope"] for tag, attributes in reader.tags if tag == "th"]
    assert scopes.count("col") == len(reader.rows[0])
    assert scopes.count("row") == len(reader.rows) - 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_description_says_what_the_table_says(name):
    (description,) = parsed(draw(EXAMPLES[name])).iter(f"{SVG}desc")
    rows = [row for row in table(EXAMPLES[name]).rows[1:] if row[-1] != "empty"]
    assert [cell for row in rows for cell in row if cell not in description.text] == []


def test_the_examples_beside_the_documents_are_what_the_code_draws():
    drawn = {name: draw(chart) + "\n" for name, chart in EXAMPLES.items()}
    assert {file.stem: file.read_text(encoding="utf-8") for file in PLACE.glob("*.svg")} == drawn


PROGRAM = """
import hashlib
from skillcore.charts import draw, tabulate
from tests.charts.examples import examples
drawn = [draw(chart, mode) + tabulate(chart) for chart in examples().values() for mode in ("file", "page")]
print(hashlib.sha256("".join(drawn).encode()).hexdigest())
"""


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_every_process_draws_the_same_bytes(seed):
    here = "".join(draw(chart, mode) + tabulate(chart) for chart in EXAMPLES.values() for mode in ("file", "page"))
    environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()


def test_equal_numbers_are_equal_bytes():
    whole = LineChart(title="A", labels=("x", "y"), series=(Series("B", (1, 0)),))
    broken = LineChart(title="A", labels=("x", "y"), series=(Series("B", (1.0, -0.0)),))
    assert whole == broken
    assert draw(whole) == draw(broken)
    assert tabulate(whole) == tabulate(broken)


def test_the_order_of_days_makes_no_difference():
    chart = EXAMPLES["heatmap"]
    turned = msgspec.structs.replace(chart, days=tuple(Day(day.date, day.value) for day in reversed(chart.days)))
    assert draw(turned) == draw(chart)


def test_ids_tell_contents_and_keys_apart():
    def name(chart, mode="page", key=""):
        return parsed(draw(chart, mode, key)).attrib["aria-labelledby"]

    chart = Ring(title="Goal", value=1.0)
    others = [
        name(Ring(title="Goal", value=2.0)),
        name(Ring(title="Aim", value=1.0)),
        name(chart, "file"),
        name(chart, "page", "second"),
    ]
    assert len({name(chart), *others}) == 5
    assert name(chart) == name(Ring(title="Goal", value=1.0))


@pytest.mark.parametrize(
    "chart",
    [
        LineChart(title="A"),
        LineChart(title="A", labels=("x",), series=(Series("B", (None,)),)),
        Bars(title="A", labels=("x",), series=()),
        Ring(title="A"),
        Sparkline(title="A"),
        EXAMPLES["empty"],
    ],
)
def test_nothing_yet_is_said(chart):
    root = parsed(draw(chart))
    assert "Nothing yet" in [words(element) for element in root.iter(f"{SVG}text")]
    assert "Nothing yet" in root[1].text
