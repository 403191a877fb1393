"""The combined log of the supervisor and its programs, on the terminal and in a file.

Each line of the log starts with the name of the program that wrote the line.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

ANSI_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93)  # no red, which would look like an error
# Longer lines without an end so far are split: a program that never writes a line break must not fill the memory.
MAX_LINE_BYTES = 64 * 1024
MAX_FILE_BYTES = 10 * 1024 * 1024  # a larger file is renamed to .1.log: the two files use at most about 20 MiB


class CombinedLog:
    """Writes lines as `name | text` to the terminal and, if a file is given, to the file.

    On a terminal, the names are coloured unless NO_COLOR is set. If writing to the terminal fails (for example, the
    reader of a pipe has ended), `closed` becomes true, and only the file is written. If writing to the file fails (for
    example, the disk is full), the terminal shows one message. The file is tried again after `RETRY_SECONDS`.
    """

    RETRY_SECONDS = 10.0  # trying for each line would slow down the programs, which block until their output is read

    def __init__(self, file: Path | None = None, *, terminal: BinaryIO | None = None, width: int = 11) -> None:
        self._terminal = terminal or sys.stdout.buffer
        self._coloured = self._terminal.isatty() and not os.environ.get("NO_COLOR")
        self._width = width
        self._colours: dict[str, int] = {}
        self._path = file
        self._file: FileIO | None = None
        self._file_failed = False
        self._retry_at = 0.0
        self.closed = False
        self._write_file(b"")

    def write(self, name: str, text: str) -> None:
        """Write each line of `text` without its control characters, which could change the display. Tabs are kept."""
        for line in text.splitlines():
            printable = "".join(character for character in line if character == "\t" or character.isprintable())
            self._write_file(f"{name:<{self._width}}| {printable}\n".encode())
            self._write_terminal(name, printable)

    def _write_terminal(self, name: str, line: str) -> None:
        label = f"{name:<{self._width}}|"
        if self._coloured:
            colour = self._colours.setdefault(name, ANSI_COLOURS[len(self._colours) % len(ANSI_COLOURS)])
            label = f"\x1b[{colour}m{label}\x1b[0m"
        self.write_unlogged(f"{label} {line}")

    def write_unlogged(self, text: str) -> None:
        """Write to the terminal only, without a program's name: for a password, which must not be stored in a file."""
        if self.closed:
            return
        try:
            self._terminal.write(f"{text}\n".encode(errors="replace"))
            self._terminal.flush()
        except (BrokenPipeError, OSError):
            self.closed = True

    def close(self) -> None:
        """Close the file."""
        if self._file:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _write_file(self, data: bytes) -> None:
        if not self._path or (self._file_failed and time.monotonic() < self._retry_at):
            return
        try:
            # Unbuffered: after a failed write, a buffer would fail again on close.
            self._file = self._file or FileIO(self._path, "a")
            while data:
                data = data[self._file.write(data) :]
            self._rotate(self._file, self._path)
        except OSError as error:
            self.close()
            if not self._file_failed:
                message = f"The log file {self._path} can't be written: {error.strerror}. Logging to the terminal only."
                self._write_terminal("mainspring", message)
            self._file_failed, self._retry_at = True, time.monotonic() + self.RETRY_SECONDS
        else:
            if self._file_failed:
                self._file_failed = False
                self._write_terminal("mainspring", f"The log file {self._path} can be written again.")

    def _rotate(self, file: FileIO, path: Path) -> None:
        if file.tell() > MAX_FILE_BYTES:
            self.close()
            path.replace(path.with_suffix(".1.log"))
            self._file = FileIO(path, "a")


class LineSplitter:
    """Splits the bytes from a pipe into lines.

    If more than `MAX_LINE_BYTES` bytes arrive without a line break, these bytes count as a line.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Add `data`, and return the lines that are now complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def flush(self) -> list[str]:
        """Return the last line if it has no line break; otherwise return no line."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []
