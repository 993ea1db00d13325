"""Bytes on the wire: requests as no library would send them, from addresses of this machine's loopback."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from itertools import count
from typing import Any, NamedTuple

HOST = b"Host: skills.example.org\r\n"
PATIENCE = 30.0


class Answer(NamedTuple):
    """A response; status 0 where the connection ended without one."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """Connections to a running service, each from an address of its own unless one is given."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._strangers = (f"127.{16 + number // 40_000}.{number // 200 % 200}.{number % 200 + 1}" for number in count())

    def stranger(self) -> str:
        """Return an address from which nobody has called yet."""
        return next(self._strangers)

    def connect(self, source: str = "") -> socket.socket:
        address = source or self.stranger()
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE, source_address=(address, 0))

    def exchange(self, *parts: bytes, source: str = "") -> tuple[list[Answer], bool]:
        """Send bytes, then say that there will be no more; return all answers, and whether the connection ended by itself.

        What a server answers before the end of the bytes it answered without waiting for that end.
        """
        with self.connect(source) as connection:
            send(connection, parts)
            connection.settimeout(1.0)
            said, ended = read(connection)
            connection.settimeout(PATIENCE)
            if not ended:
                connection.shutdown(socket.SHUT_WR)
                said += read(connection)[0]
        return answers(said), ended

    def ask(self, target: str, *headers: str, method: str = "GET", body: bytes = b"", source: str = "") -> Answer:
        """Send one request as it stands, with nothing made of its target, and return the answer."""
        lines = [f"{method} {target} HTTP/1.1", *headers, "Connection: close"]
        if not any(header.lower().startswith("host:") for header in headers):
            lines.append("Host: skills.example.org")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        with self.connect(source) as connection:
            send(connection, ["\r\n".join([*lines, "", ""]).encode("latin-1") + body])
            said, _ = read(connection)
        return (answers(said) or [Answer(0, {}, b"")])[0]


def send(connection: socket.socket, parts: Iterable[bytes]) -> None:
    """Send as much as the other side takes: it may have had enough before the end."""
    try:
        for part in parts:
            connection.sendall(part)
    except (BrokenPipeError, ConnectionResetError):
        return


def read(connection: socket.socket) -> tuple[bytes, bool]:
    """Return what comes until the other side ends the connection or says nothing more, and which of the two."""
    said = b""
    try:
        while part := connection.recv(65_536):
            said += part
    except TimeoutError:
        return said, False
    except ConnectionResetError:
        return said, True
    return said, True


def answers(said: bytes) -> list[Answer]:
    """Take responses apart; those before the last one have to tell their length."""
    found = []
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(b":")
            headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
        length = int(headers.get("content-length", 0))
        body, said = said[:length], said[length:]
        found.append(Answer(int(status.split()[1]), headers, body))
    return found
