"""One log of many processes: whole lines, each after the name of its process, on the terminal and in a file."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

COLOURS = (36, 32, 33, 35, 34, 96, 92, 93)
LONGEST_LINE = 64 * 1024
LARGEST_FILE = 10 * 1024 * 1024


class CombinedLog:
    """Writes lines as `name | text`. Colours only on a terminal and unless NO_COLOR is set.

    `closed` turns true when nobody reads standard output any more; the file is written on. A file that can't be
    written, as on a full disk, is said once on the terminal and tried again every `RETRY_SECONDS`.
    """

    RETRY_SECONDS = 10.0

    def __init__(self, file: Path | None = None, *, terminal: BinaryIO | None = None, width: int = 11) -> None:
        self._terminal = terminal or sys.stdout.buffer
        self._coloured = self._terminal.isatty() and not os.environ.get("NO_COLOR")
        self._width = width
        self._colours: dict[str, int] = {}
        self._path = file
        self._file: FileIO | None = None
        self._lost = False
        self._try_at = 0.0
        self.closed = False
        self._keep(b"")

    def write(self, name: str, text: str) -> None:
        """Write each line of `text`; control characters that could rewrite the terminal are dropped."""
        for line in text.splitlines():
            shown = "".join(character for character in line if character == "\t" or character.isprintable())
            self._keep(f"{name:<{self._width}}| {shown}\n".encode())
            self._show(name, shown)

    def _show(self, name: str, line: str) -> None:
        label = f"{name:<{self._width}}|"
        if self._coloured:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            label = f"\x1b[{colour}m{label}\x1b[0m"
        self.plain(f"{label} {line}")

    def plain(self, text: str) -> None:
        """Write to the terminal alone, without a name: what must not be kept, such as a password."""
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

    def _keep(self, data: bytes) -> None:
        """Write to the file, if it is there to be written now."""
        if not self._path or (self._lost and time.monotonic() < self._try_at):
            return
        try:
            # Without a buffer nothing is left over that would fail again later.
            self._file = self._file or FileIO(self._path, "a")
            while data:
                data = data[self._file.write(data) :]
            self._rotate(self._file, self._path)
        except OSError as error:
            self.close()
            if not self._lost:
                self._show(
                    "mainspring", f"{self._path} can't be written: {error.strerror}. The log goes on here alone."
                )
            self._lost, self._try_at = True, time.monotonic() + self.RETRY_SECONDS
        else:
            if self._lost:
                self._lost = False
                self._show("mainspring", f"{self._path} is written again.")

    def _rotate(self, file: FileIO, path: Path) -> None:
        if file.tell() > LARGEST_FILE:
            self.close()
            path.replace(path.with_suffix(".1.log"))
            self._file = FileIO(path, "a")


class LineSplitter:
    """Turns what arrives from a pipe into whole lines; an endless line is cut at 64 KiB."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def end(self) -> list[str]:
        """The last line, when it had no line break."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []
