"""`python -m benchmarks.http_server`: an HTTP server that delays its responses.

The path is the delay in seconds, for example `/1.5`. The server prints its port when it starts. `/open` returns the
highest number of concurrent requests since the last call of `/open`.
"""

from __future__ import annotations

import asyncio

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n\r\n%b"
LISTEN_BACKLOG = 2048  # connections: more than the threads of any worker under measurement


class DelayedResponses:
    """Sends delayed responses and counts concurrent requests."""

    def __init__(self) -> None:
        self._n_open = self._max_open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection with any number of requests."""
        try:
            while head := await _read_head(reader):
                path = head.split(b" ", 2)[1].decode()
                await self._skip_body(reader, head)
                body = b"done"
                if path == "/open":
                    body, self._max_open = b"%d" % self._max_open, self._n_open
                else:
                    self._n_open += 1
                    self._max_open = max(self._max_open, self._n_open)
                    try:
                        await asyncio.sleep(float(path.strip("/") or 0))
                    finally:
                        self._n_open -= 1
                writer.write(RESPONSE % (len(body), body))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _skip_body(self, reader: asyncio.StreamReader, head: bytes) -> None:
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.partition(b":")[2]))


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def main() -> None:
    """Print the port, then serve until killed."""
    server = await asyncio.start_server(DelayedResponses().serve, "127.0.0.1", 0, backlog=LISTEN_BACKLOG)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
