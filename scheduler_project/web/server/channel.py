"""What gunicorn uses as the socket of a client: reads only what has arrived, and never waits."""

from __future__ import annotations

import os
import select
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

READ_SIZE = 64 * 1024  # bytes that are read or sent at once
RESPONSE_START = b"HTTP/"  # the first bytes of every response
CLIENT_END = getattr(select, "POLLRDHUP", 0)  # Linux reports the end of the stream even if bytes before it are unread


@dataclass(slots=True)
class FilePart:
    """A part of a file that the client has not read yet. It owns its file descriptor."""

    descriptor: int
    offset: int
    n_bytes: int


class Channel:
    """The bytes that have arrived from a client, and the bytes that the client has not read yet.

    The main loop and the thread that serves the client's request use it in turn, never at the same time.
    """

    def __init__(self, accepted: socket.socket) -> None:
        self._socket = accepted  # each call has a flag not to wait, which is cheaper than a change of the mode
        self._to_send: deque[memoryview | FilePart] = deque()
        self.received = bytearray()
        self.n_readable = 0  # bytes of `received` that belong to the current request, and that gunicorn may read
        self.n_unsent = 0  # bytes that the client has not read yet
        # Bytes of memory that hold unsent bytes. A number, because another thread may change `_to_send`.
        self._n_kept = 0
        self._n_begun = 0  # bytes of the next response that have been sent already
        self.target = ""  # of the current request, for the form of an error response
        self.is_head = False  # whether the response has no body

    # For the main loop

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> bool:
        """Read what has arrived. Return False at the end of the stream. Raises OSError if the connection is lost."""
        try:
            data = self._socket.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        self.received += data
        return bool(data)

    def flush(self) -> bool:
        """Send what the client accepts without waiting. Return whether everything has been sent.

        Raises OSError if the connection is lost.
        """
        while self._to_send:
            part = self._to_send[0]
            data = _read(part) if isinstance(part, FilePart) else part
            try:
                n_sent = self._socket.send(data, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            self.n_unsent -= n_sent
            rest = _without_start(part, n_sent)
            self._n_kept += _size(rest) - _size(part)
            if rest is None:
                _release(self._to_send.popleft())
            else:
                self._to_send[0] = rest
        return True

    def end_stream(self) -> None:
        """Tell the client that no more bytes follow. Raises OSError if the connection is lost."""
        self._socket.shutdown(socket.SHUT_WR)

    def disconnect(self) -> None:
        for part in self._to_send:
            _release(part)
        self._to_send.clear()
        self.received.clear()
        self.n_unsent = self._n_kept = 0
        self._socket.close()

    @property
    def has_ended(self) -> bool:
        """Whether the client sends no more bytes: it has closed the connection, or its side of it."""
        return bool(self._state() & (CLIENT_END | select.POLLHUP | select.POLLERR))

    @property
    def is_lost(self) -> bool:
        """Whether the client has reset the connection: it reads no response."""
        return bool(self._state() & (select.POLLHUP | select.POLLERR))

    def _state(self) -> int:
        poll = select.poll()
        poll.register(self._socket, CLIENT_END)
        return sum(state for _, state in poll.poll(0))

    def begin_response(self) -> None:
        """Send the first bytes of the response, whatever it will be.

        A client that has closed the connection resets it then; one that only has nothing more to send reads on.
        """
        if self._to_send:  # of `100 Continue`, which comes first
            return
        with suppress(OSError):
            self._n_begun += self._socket.send(RESPONSE_START[self._n_begun :], socket.MSG_DONTWAIT)

    @property
    def n_in_memory(self) -> int:
        """Bytes of memory that the client occupies."""
        return len(self.received) + self._n_kept

    # For gunicorn

    def recv(self, size: int) -> bytes:
        """Return bytes of the current request; no bytes after its end."""
        size = min(size, self.n_readable)
        part = bytes(self.received[:size])
        del self.received[:size]
        self.n_readable -= size
        return part

    def send(self, data: bytes) -> int:
        """Send nothing. gunicorn calls this only for `100 Continue`, for which no client waits any more."""
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Send or keep the data. Raises OSError if the connection is lost."""
        data, self._n_begun = data[self._n_begun :], 0
        self._to_send.append(part := memoryview(data))
        self.n_unsent += len(data)
        self._n_kept += _size(part)
        self.flush()

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int = 0) -> None:
        """Send or keep a part of a file. Raises OSError if the connection is lost."""
        self._to_send.append(FilePart(os.dup(file.fileno()), offset, count))
        self.n_unsent += count
        self.flush()

    def gettimeout(self) -> float:
        """Return that calls never wait."""
        return 0.0

    def settimeout(self, seconds: float | None) -> None:
        """Ignore the timeout: no call waits."""

    def setblocking(self, flag: Any) -> None:
        """Ignore the mode: no call waits."""

    def shutdown(self, how: int) -> None:
        """Ignore the call: the main loop ends the stream when the client has read the response."""

    def close(self) -> None:
        """Ignore the call: the main loop closes the connection when the client has read the response."""


def _read(part: FilePart) -> bytes:
    data = os.pread(part.descriptor, min(part.n_bytes, READ_SIZE), part.offset)
    if not data:
        raise OSError("The file became shorter while it was being sent.")
    return data


def _without_start(part: memoryview | FilePart, n_sent: int) -> memoryview | FilePart | None:
    """Return the part that is left after `n_sent` bytes, or None."""
    if isinstance(part, FilePart):
        left = FilePart(part.descriptor, part.offset + n_sent, part.n_bytes - n_sent)
        return left if left.n_bytes else None
    rest = part[n_sent:]
    if len(rest) * 2 < _size(part):
        rest = memoryview(bytes(rest))  # frees the bytes that have been sent
    return rest if rest else None


def _size(part: memoryview | FilePart | None) -> int:
    """Return how many bytes of memory a part occupies. Bytes that have been sent count until the whole part is sent."""
    return len(part.obj) if isinstance(part, memoryview) else 0  # type: ignore[arg-type]  # always bytes


def _release(part: memoryview | FilePart) -> None:
    if isinstance(part, FilePart):
        os.close(part.descriptor)
