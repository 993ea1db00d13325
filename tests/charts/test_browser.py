"""Charts in a real Chromium: texts within the frame and apart, both schemes, as images and in pages under a strict policy."""

import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from skillcore.charts import Bars, Card, CardSkill, LineChart, MindMap, Radar, Series, Target, Topic, draw, stylesheet, tabulate
from skillcore.charts.palette import DARK, LIGHT
from skillcore.charts.text import width
from tests.charts.chromium import PROGRAM, chromium
from tests.charts.examples import examples
from tests.charts.hostile import AWFUL
from tests.charts.reading import BOLD

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

EXAMPLES = examples()
PRINTABLE = [text for text in AWFUL if "\ud800" not in text]
POLICY = "default-src 'none'; img-src 'self'; style-src 'self'"


def hostile_charts():
    """Return one chart of each kind that is full of awful texts."""
    names = tuple(PRINTABLE)
    count = len(names)
    series = tuple(Series(name, tuple(float(place) for place in range(count))) for name in names[3:9])
    topics = tuple(Topic(str(place), name, "open", (str(place - 1),) if place % 3 else ()) for place, name in enumerate(names))
    skills = tuple(CardSkill(name, 1e15) for name in names[13:18])
    return {
        "line": LineChart(title=names[9], unit=names[14], labels=names, series=series, target=Target((5.0,), names[10])),
        "radar": Radar(
            title=names[12],
            labels=names[:16],
            series=tuple(msgspec.structs.replace(one, values=one.values[:16]) for one in series),
            maximum=20,
        ),
        "bars": Bars(title=names[13], unit=names[3], labels=names, series=(Series("S", (1e15, -1e15, *(0.5,) * (count - 2))),)),
        "mindmap": MindMap(title=names[16], topics=topics),
        "card": Card(title=names[9], unit=names[9], level=1e15, history=(0.0, 1.0), skills=skills, works=10**9),
    }


ALL = EXAMPLES | {f"hostile {name}": chart for name, chart in hostile_charts().items()}


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


BOXES = """
[...document.querySelectorAll("svg text")].map(text => {
  const box = text.getBBox(), whole = text.closest("svg").viewBox.baseVal;
  return [text.textContent, box.x, box.y, box.x + box.width, box.y + box.height, whole.width, whole.height];
})
"""


@pytest.mark.parametrize("name", ALL)
def test_texts_stand_within_the_frame_and_apart(browser, name):
    browser.show(draw(ALL[name]))
    boxes = browser.ask(BOXES)
    assert boxes or name == "sparkline"
    for text, left, top, right, bottom, wide, high in boxes:
        # Faces for rare scripts differ from machine to machine; marks above letters may reach into the blank at the top.
        assert left >= -0.5, text
        assert right <= wide + 0.5, text
        assert top >= -0.5 or name.startswith("hostile"), text
        assert bottom <= high + 0.5, text
    if not name.startswith("hostile"):
        # A line box is taller than its letters: what overlaps by less than its blank does not touch.
        meeting = [
            (one[0], other[0])
            for number, one in enumerate(boxes)
            for other in boxes[:number]
            if one[1] < other[3] and other[1] < one[3] and one[2] + 3 < other[4] and other[2] + 3 < one[4]
        ]
        assert meeting == []


def test_no_text_is_wider_than_measured(browser):
    words = [
        "Will it fit?",
        "iiiiii",
        "WWWWWW",
        "Größe, naïve",
        "0123456789",
        "a_b-c+d=e",
        "Привет",
        "Καλημέρα",
        "ابدأ تعلم",
        "שלום",
    ]
    markup = "".join(
        f'<svg class="chart"><text class="{name} ink">{word}</text></svg>' for word in words for name in ("plain", "strong")
    )
    browser.show(f"<style>{stylesheet()}</style>{markup}")
    measured = browser.ask("[...document.querySelectorAll('text')].map(text => text.getComputedTextLength())")
    expected = [width(word, 12, bold=name in BOLD) for word in words for name in ("plain", "strong")]
    assert [(real, ours) for real, ours in zip(measured, expected, strict=True) if real > ours + 0.5] == []


def pixel(png, x, y):
    """Return a pixel of a PNG of 8 bits as ``#rrggbb``."""
    place, data, wide, depth = 8, b"", 0, 0
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kind, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            wide, depth = struct.unpack(">I", body[:4])[0], {2: 3, 6: 4}[body[9]]
        if kind == b"IDAT":
            data += body
        place += length + 12
    raw, stride = zlib.decompress(data), wide * depth
    above = bytearray(stride)
    for row in range(y + 1):
        start = row * (stride + 1)
        here = bytearray(raw[start + 1 : start + 1 + stride])
        unfilter(raw[start], here, above, depth)
        above = here
    return "#" + above[x * depth : x * depth + 3].hex()


def unfilter(kind, here, above, depth):
    """Undo the filter of a line of a PNG."""
    for index in range(len(here)):
        left = here[index - depth] if index >= depth else 0
        corner = above[index - depth] if index >= depth else 0
        up = above[index]
        guess = left + up - corner
        paeth = min((left, up, corner), key=lambda one: abs(guess - one))
        here[index] = (here[index] + (0, left, up, (left + up) // 2, paeth)[kind]) % 256


@pytest.fixture(scope="module")
def site():
    """A server with a page that shows a chart as an image and one inside, under a strict policy, and the chart itself."""
    chart = EXAMPLES["bars"]
    pages = {
        "/chart.svg": ("image/svg+xml", draw(chart)),
        "/charts.css": ("text/css", stylesheet() + "body{margin:0}svg,img{display:block}"),
        "/": (
            "text/html; charset=utf-8",
            '<!doctype html><meta name="color-scheme" content="light dark"><link rel="stylesheet" href="/charts.css">'
            f'<img src="/chart.svg" alt="">{draw(chart, "page")}{tabulate(chart)}',
        ),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            kind, text = pages.get(self.path, ("text/plain", ""))
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize(("scheme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_an_image_and_a_page_under_a_strict_policy_have_the_colours(browser, site, scheme, colours):
    browser.prefer(scheme)
    browser.open(site)
    seen = browser.picture(700, 700)
    image, inside = browser.ask(
        "[document.images[0], document.querySelector('svg')].map(one => one.getBoundingClientRect().toJSON())"
    )
    assert (image["width"], image["height"]) == (inside["width"], inside["height"])
    # The first bar begins at 182 and stands 16 high from 74; two pixels into it, in the picture and on the page.
    assert pixel(seen, 12, 12) == colours.surface
    assert pixel(seen, 200, int(image["top"]) + 82) == colours.series[0]
    assert pixel(seen, 200, int(inside["top"]) + 82) == colours.series[0]
    assert browser.ask("getComputedStyle(document.querySelector('svg text')).fontWeight") == "600"


def test_a_page_reads_names_and_descriptions(browser, site):
    browser.open(site)
    found = browser.call("Accessibility.getFullAXTree")["nodes"]
    images = [node for node in found if node["role"]["value"] in {"image", "img", "SvgRoot"} and node["name"]["value"]]
    assert [node["name"]["value"] for node in images] == ["Verified works by skill"]
    assert "Python: 64 works" in images[0]["description"]["value"]
    tables = [node for node in found if node["role"]["value"] == "table"]
    assert [node["name"]["value"] for node in tables] == ["Verified works by skill"]


def test_a_page_that_is_narrow_shrinks_its_charts(browser, site):
    browser.picture(320, 600)
    browser.open(site)
    box = browser.ask("document.querySelector('svg').getBoundingClientRect().toJSON()")
    assert box["width"] == 320
    assert box["height"] == pytest.approx(browser.ask("document.querySelector('svg').viewBox.baseVal.height") / 2, abs=1)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_file_opens_as_a_document_of_its_own(browser, name):
    browser.show(f'<img src="data:image/svg+xml;utf8,{quoted(draw(EXAMPLES[name]))}">')
    assert browser.ask("[document.images[0].complete, document.images[0].naturalWidth > 0]") == [True, True]


def quoted(markup):
    """Return markup so that it stands in a quoted address."""
    return markup.replace("%", "%25").replace("#", "%23").replace('"', "%22").replace("<", "%3C").replace("&", "%26")
