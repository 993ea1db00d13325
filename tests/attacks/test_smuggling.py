"""Requests that two programs could read in two ways: each is refused, or ends its connection, or has one meaning only."""

from __future__ import annotations

import pytest

from tests.attacks.wire import HOST, Wire

LIVE = b"GET /api/health/live HTTP/1.1\r\n" + HOST
LOGIN = b"POST /api/auth/login HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
SMUGGLED = b"GET /api/health/plugins HTTP/1.1\r\n" + HOST + b"\r\n"

REFUSED = {
    "two lengths": LOGIN + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a list of lengths": LOGIN + b"Content-Length: 2, 2\r\n\r\n{}",
    "a length with a sign": LOGIN + b"Content-Length: +2\r\n\r\n{}",
    "a length below zero": LOGIN + b"Content-Length: -2\r\n\r\n{}",
    "a length in another base": LOGIN + b"Content-Length: 0x2\r\n\r\n{}",
    "an unknown transfer coding": LOGIN + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a transfer coding before chunked": LOGIN + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a transfer coding after chunked": LOGIN + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": LOGIN + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": LOGIN + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a tab in the coding": LOGIN + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": LOGIN.replace(b"1.1", b"1.0", 1) + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": LIVE + b"X-A: a\r\n b\r\n\r\n",
    "a folded first header": b"GET /api/health/live HTTP/1.1\r\n X-A: a\r\n" + HOST + b"\r\n",
    "a carriage return alone": LIVE + b"X-A: a\rX-B: b\r\n\r\n",
    "NUL in a value": LIVE + b"X-A: a\0b\r\n\r\n",
    "NUL in a name": LIVE + b"X\0A: a\r\n\r\n",
    "NUL in the target": b"GET /api/health/live\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a control character in a value": LIVE + b"X-A: a\x07b\r\n\r\n",
    "a space in a name": LIVE + b"X A: a\r\n\r\n",
    "no name": LIVE + b": a\r\n\r\n",
    "no colon": LIVE + b"nonsense\r\n\r\n",
    "no host": b"GET /api/health/live HTTP/1.1\r\n\r\n",
    "an empty host": b"GET /api/health/live HTTP/1.1\r\nHost:\r\n\r\n",
    "two hosts": LIVE + b"Host: other.example\r\n\r\n",
    "two kinds of body": LOGIN + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
    "two credentials": LIVE + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "two keys of one request": LIVE + b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n",
    "a version that there is not": b"GET /api/health/live HTTP/9.9\r\n" + HOST + b"\r\n",
    "no version": b"GET /api/health/live\r\n\r\n",
    "HTTP/2 from the start": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "more than a hundred headers": LIVE + b"".join(b"X-%d: a\r\n" % number for number in range(101)) + b"\r\n",
    "a header that does not end": LIVE + b"X-A: " + b"a" * 500_000,
    "an endless target": b"GET /" + b"a" * 80_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "chunks of nonsense": LOGIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk larger than numbers go": LOGIN + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a chunk of less than nothing": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    "chunks that end in line feeds": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n",
    "an endless chunk extension": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"a" * 100_000,
}


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED)
def test_what_is_ambiguous_is_refused_and_carries_nothing_further(wire: Wire, request_: bytes) -> None:
    """One refusal, and the connection is over: what follows on it is never looked at."""
    found, ended = wire.exchange(request_, SMUGGLED)
    assert [answer.status for answer in found if answer.status not in {400, 408, 413, 414, 415, 431, 505}] == []
    assert len(found) <= 1
    assert ended


def test_what_is_refused_for_other_reasons_leaves_the_connection_alone(wire: Wire) -> None:
    """Where it ends is beyond doubt, so the next request on it is the next request."""
    for request, status in (
        (b"GET /api/health/live HTTP/1.1\r\nHost: a b/c\r\n\r\n", 400),
        (LOGIN + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415),
    ):
        found, _ = wire.exchange(request, SMUGGLED)
        assert [answer.status for answer in found] == [status, 200]


def test_a_length_beside_chunks_ends_the_connection(wire: Wire) -> None:
    """Chunks count, as the standard says; and nothing else comes on a connection that said both."""
    for lines in (
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    ):
        found, ended = wire.exchange(LOGIN + lines + b"\r\n2\r\n{}\r\n0\r\n\r\n", SMUGGLED)
        assert [answer.status for answer in found] == [422]
        assert ended


def test_the_same_length_twice_is_that_length(wire: Wire) -> None:
    found, _ = wire.exchange(LOGIN + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", LIVE + b"\r\n")
    assert [answer.status for answer in found] == [422, 200]


def test_a_body_where_none_belongs_is_no_second_request(wire: Wire) -> None:
    found, _ = wire.exchange(LIVE + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED), SMUGGLED)
    assert [answer.status for answer in found] == [200]
    assert found[0].json() == {"status": "ok"}


def test_trailers_are_no_headers(wire: Wire) -> None:
    chunks = b"Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n2;a=b\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
    found, _ = wire.exchange(LOGIN + chunks, LIVE + b"\r\n")
    assert [answer.status for answer in found] == [422, 200]


def test_line_feeds_alone_end_lines(wire: Wire) -> None:
    """The standard lets servers read them so; there is one reading, and a space before a name is refused all the same."""
    found, _ = wire.exchange(b"GET /api/health/live HTTP/1.1\nHost: x\nX-A: b\n\n")
    assert [answer.status for answer in found] == [200]


def test_an_address_in_full_is_served_as_its_path(wire: Wire) -> None:
    found, _ = wire.exchange(b"GET http://evil.example/api/health/live HTTP/1.1\r\n" + HOST + b"\r\n")
    assert [answer.status for answer in found] == [200]
    assert b"evil" not in found[0].body


@pytest.mark.parametrize(
    ("method", "target"), [("CONNECT", "evil.example:80"), ("OPTIONS", "*"), ("TRACE", "/api/health/live")]
)
def test_targets_and_methods_of_proxies_lead_nowhere(wire: Wire, method: str, target: str) -> None:
    found, _ = wire.exchange(f"{method} {target} HTTP/1.1\r\n".encode() + HOST + b"Cookie: secret=1\r\n\r\n")
    assert found[0].status in {400, 404, 405}
    assert b"secret" not in found[0].body


def test_no_upgrade_leads_past_the_rules(wire: Wire) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    found, _ = wire.exchange(LIVE + upgrade)
    assert [answer.status for answer in found] == [200]


def test_requests_one_after_the_other_are_answered_in_order(wire: Wire) -> None:
    found, _ = wire.exchange(LIVE + b"\r\n", SMUGGLED, LIVE + b"\r\n")
    assert [answer.status for answer in found] == [200, 200, 200]
    assert found[0].json() == found[2].json() == {"status": "ok"}
