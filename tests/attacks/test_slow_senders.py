"""Senders and readers that take their time: each has an end, and meanwhile everybody else is served."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from tests.attacks.wire import HOST, Wire, answers, read

LOGIN = b"POST /api/auth/login HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
BODY_TIMEOUT = 1.5
"""As the service is configured."""


def left_alone(connection: socket.socket) -> tuple[list[int], float]:
    began = time.monotonic()
    said, ended = read(connection)
    assert ended
    return [answer.status for answer in answers(said)], time.monotonic() - began


@pytest.mark.parametrize(
    "beginning",
    [b"Content-Length: 100\r\n\r\n", b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{"],
    ids=["nothing", "a byte", "half a chunk"],
)
def test_a_body_that_does_not_come_is_not_waited_for(wire: Wire, beginning: bytes) -> None:
    with wire.connect() as connection:
        connection.sendall(LOGIN + beginning)
        statuses, seconds = left_alone(connection)
    assert statuses == [408]
    assert BODY_TIMEOUT * 0.9 < seconds < 15


def test_bytes_now_and_then_do_not_put_it_off(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.settimeout(0.1)
        connection.sendall(LOGIN + b"Content-Length: 100000\r\n\r\n")
        began, said = time.monotonic(), b""
        while not said:
            connection.send(b" ")
            with contextlib.suppress(TimeoutError):
                said = connection.recv(65_536)
            assert time.monotonic() - began < 15
    (answer,) = answers(said)
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert answer.json()["type"] == "urn:skillcore:problem:request-timeout"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_many_of_them_keep_nobody_waiting(wire: Wire) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(wire.connect()) for _ in range(150)]
        for connection in held:
            connection.sendall(LOGIN + b"Content-Length: 100\r\n\r\n{")
        began = time.monotonic()
        assert wire.ask("/api/health/live").status == 200
        assert time.monotonic() - began < 5
        for connection in held:
            assert left_alone(connection)[0] == [408]


def test_a_body_that_breaks_off_is_no_fault_of_ours(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.sendall(LOGIN + b"Content-Length: 100\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        said, _ = read(connection)
    assert all(answer.status == 400 for answer in answers(said))


def test_a_refusal_needs_no_body(wire: Wire) -> None:
    """What is refused by its headers is answered at once, and the connection is over."""
    began = time.monotonic()
    with wire.connect() as connection:
        connection.sendall(b"POST /api/platforms HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n{")
        assert left_alone(connection)[0] == [401]
    assert time.monotonic() - began < BODY_TIMEOUT


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_not_read_to_its_end(wire: Wire, announced: bool) -> None:
    large = 2_000_000
    with wire.connect() as connection:
        if announced:
            connection.sendall(LOGIN + b"Content-Length: %d\r\n\r\n" % large)
        else:
            connection.sendall(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(large // 10_000):
                    connection.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        said, ended = read(connection)
    assert ended
    assert [answer.status for answer in answers(said)] in ([413], []) if not announced else [413]
