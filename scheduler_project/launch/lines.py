"""One log of many processes: whole lines, each after the name of its process, on the terminal and in a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

COLOURS = (36, 32, 33, 35, 34, 96, 92, 93)
LONGEST_LINE = 64 * 1024
LARGEST_FILE = 10 * 1024 * 1024


class Lines:
    """Writes lines as `name | text`. Colours only on a terminal and unless NO_COLOR is set.

    `closed` turns true when nobody reads standard output any more; the file is written on.
    """

    def __init__(self, file: Path | None = None, *, terminal: BinaryIO | None = None, width: int = 11) -> None:
        self._terminal = terminal or sys.stdout.buffer
        self._coloured = self._terminal.isatty() and not os.environ.get("NO_COLOR")
        self._width = width
        self._colours: dict[str, int] = {}
        self._path = file
        self._file = file.open("ab") if file else None
        self.closed = False

    def write(self, name: str, text: str) -> None:
        """Write each line of `text`; control characters that could rewrite the terminal are dropped."""
        for line in text.splitlines():
            shown = "".join(character for character in line if character == "\t" or character.isprintable())
            self._write(name, shown)

    def _write(self, name: str, line: str) -> None:
        label = f"{name:<{self._width}}|"
        if self._file:
            self._file.write(f"{label} {line}\n".encode())
            self._file.flush()
            self._rotate()
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
            self._file.close()

    def _rotate(self) -> None:
        if self._file and self._path and self._file.tell() > LARGEST_FILE:
            self._file.close()
            self._path.replace(self._path.with_suffix(".1.log"))
            self._file = self._path.open("ab")


class Splitter:
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
