"""`python -m benchmarks.answering`: an HTTP server that answers each request after as many seconds as its path says.

It prints its port. Whoever asks for `/open` is told how many requests were open at most since the last time.
"""

from __future__ import annotations

import asyncio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n\r\n%b"
BACKLOG = 2048


class Answering:
    """Counts the requests that are open."""

    def __init__(self) -> None:
        self._n_open = self._most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with any number of requests."""
        try:
            while head := await _head(reader):
                path = head.split(b" ", 2)[1].decode()
                await self._take(reader, head)
                body = b"done"
                if path == "/open":
                    body, self._most = b"%d" % self._most, self._n_open
                else:
                    self._n_open += 1
                    self._most = max(self._most, self._n_open)
                    try:
                        await asyncio.sleep(float(path.strip("/") or 0))
                    finally:
                        self._n_open -= 1
                writer.write(ANSWER % (len(body), body))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, head: bytes) -> None:
        """Read the body, if there is one."""
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.partition(b":")[2]))


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.start_server(Answering().serve, "127.0.0.1", 0, backlog=BACKLOG)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
