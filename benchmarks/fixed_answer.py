"""``python -m benchmarks.fixed_answer PORT``: answers all requests with the same bytes, to find the generator's ceiling."""

from __future__ import annotations

import asyncio
import sys

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class FixedAnswer(asyncio.Protocol):
    """One connection. Each request comes in one piece, as the generator sends them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection; asyncio calls this."""
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment] # one for writing too

    def data_received(self, data: bytes) -> None:
        """Answer; asyncio calls this."""
        self.transport.write(ANSWER)


async def serve(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(FixedAnswer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
