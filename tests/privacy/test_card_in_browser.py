"""A public card in a real Chromium: on a page elsewhere as an image, and opened by itself under its own policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from skillcore.charts.palette import LIGHT
from tests.charts.chromium import PROGRAM, chromium
from tests.charts.test_browser import pixel
from tests.visitors import Door

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")


@contextmanager
def serving(body: bytes, headers: Mapping[str, str]) -> Iterator[int]:
    """Answer everything with this, on a port of our own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
async def card(door: Door) -> httpx.Response:
    ada, ada_id = await door.learner()
    await ada.send("PATCH", "/api/auth/profile", json={"display_name": "Ada Lovelace"})
    await ada.send("PUT", "/api/auth/visibility", json={"public_profile": True, "public_level": True})
    answer = await door.anyone.get(f"/api/profiles/{ada_id}/card.svg")
    assert answer.status_code == 200
    return answer


def test_a_page_elsewhere_shows_a_card(card: httpx.Response) -> None:
    with serving(card.content, card.headers) as port:
        # By another name this is another site, and what is only for the own one is not shown there.
        page = (
            f'<!doctype html><body style="margin:0;background:#ff0000"><img src="http://localhost:{port}/card.svg" alt="Ada">'
        )
        with serving(page.encode(), {"Content-Type": "text/html"}) as elsewhere, chromium() as browser:
            browser.open(f"http://127.0.0.1:{elsewhere}/")
            assert browser.ask("[document.images[0].naturalWidth, document.images[0].naturalHeight]") == [420, 162]
            assert pixel(browser.picture(440, 200), 210, 100) == LIGHT.surface


def test_a_card_that_is_opened_has_its_style(card: httpx.Response) -> None:
    with serving(card.content, card.headers) as port, chromium() as browser:
        browser.open(f"http://127.0.0.1:{port}/card.svg")
        assert (
            browser.ask("[...document.querySelectorAll('text')].map(one => one.textContent).slice(0, 2)")[0] == "Ada Lovelace"
        )
        assert browser.ask("getComputedStyle(document.querySelector('text')).fontWeight") == "600"
