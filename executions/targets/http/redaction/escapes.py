"""Removes the escapes of URLs, JSON and HTML from a text, and tells where each character stood before."""

from __future__ import annotations

import html
import json
import re
import sys
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ENTITY = r"&(?:#[0-9]{1,30}|#[Xx][0-9A-Fa-f]{1,30}|[A-Za-z][A-Za-z0-9]{1,30});"
# Code points of JavaScript and Python, such as \u{2f}, \U0000002f and \057.
_CODE = r"\\(?:u\{(?P<braced>[0-9A-Fa-f]{1,8})\}|U(?P<long>[0-9A-Fa-f]{8})|(?P<octal>[0-3][0-7]{2}))"
# Each match is a run of escapes of one kind.
_ESCAPES = re.compile(
    r"(?P<url>(?:%[0-9A-Fa-f]{2})+)"
    r"|(?P<json>(?:[\\%]u[0-9A-Fa-f]{4})+)"  # %u: of JavaScript's `escape`
    rf"|(?P<html>(?:{_ENTITY})+)"
    r"|(?P<hex>(?:\\x[0-9A-Fa-f]{2})+)"
    rf"|(?P<code>(?:{re.sub('[?]P<[a-z]+>', '?:', _CODE)})+)"
    r"""|(?P<short>(?:\\[!-/:-@\[-`{-~t])+)"""
)
# The first characters of an escape that a cut has left at the end of a text in lower case.
HALF_ESCAPE = re.compile(
    r"(?:%(?:[0-9a-f]?|u[0-9a-f]{0,3})|\\(?:u(?:[0-9a-f]{0,7}|\{[0-9a-f]{0,8})|x[0-9a-f]?|[0-3][0-7]?)?"
    r"|&#?[0-9a-z]{0,31})\Z"
)


def _without_url(run: str) -> str:
    data = bytes.fromhex(run.replace("%", ""))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _character(found: re.Match[str]) -> str:
    number = int(found["octal"], 8) if found["octal"] else int(found["braced"] or found["long"], 16)
    return chr(number) if number <= sys.maxunicode else "\ufffd"


_WITHOUT: dict[str, Callable[[str], str]] = {
    "url": _without_url,
    "json": lambda run: str(json.loads(f'"{run.replace("%", chr(92))}"')),
    "html": html.unescape,
    "hex": lambda run: bytes.fromhex(run.replace("\\x", "")).decode("latin-1"),
    "code": lambda run: re.sub(_CODE, _character, run),
    "short": lambda run: run[1::2].replace("t", "\t"),
}


class Unescaped:
    """A text without one layer of its escapes: `text`. Almost all work is left to the first call of `begin_of`."""

    def __init__(self, source: str) -> None:
        self._runs: list[tuple[re.Match[str], str]] = []  # of escapes, each with the characters that it stands for
        self.text = _ESCAPES.sub(self._replace, source)
        self._begins: dict[int, list[int]] = {}  # by the number of a run: where its characters begin in the source

    def _replace(self, found: re.Match[str]) -> str:
        plain = _WITHOUT[found.lastgroup or ""](found[0])
        self._runs.append((found, plain))
        return plain

    def begin_of(self, position: int) -> int:
        """Return where the character at `position` of `text`, or the end, begins in the source."""
        number = bisect_right(self._starts, position) - 1
        if number < 0:
            return position
        found, plain = self._runs[number]
        n_after = position - self._starts[number]
        if n_after >= len(plain):
            return found.end() + n_after - len(plain)
        if number not in self._begins:
            self._begins[number] = _begins_in(found, plain)
        return self._begins[number][n_after]

    @cached_property
    def _starts(self) -> list[int]:
        """Where each run begins in `text`."""
        shifts = accumulate((len(plain) - len(found[0]) for found, plain in self._runs), initial=0)
        return [found.start() + shift for (found, _), shift in zip(self._runs, shifts, strict=False)]


def _begins_in(found: re.Match[str], plain: str) -> list[int]:
    """Return where in the source each character of `plain` begins, for which this run of escapes stands."""
    match found.lastgroup:
        case "url":
            is_utf8 = 3 * len(plain.encode()) == len(found[0])
            widths = [3 * len(each.encode()) if is_utf8 else 3 for each in plain]
        case "json":
            widths = [12 if ord(each) > 0xFFFF else 6 for each in plain]
        case "html":
            begins: list[int] = []
            for entity in re.finditer(_ENTITY, found[0]):
                n_plain = len(html.unescape(entity[0]))
                # After the first character, as in the source: `&ef;` stands for itself, and `&notit;` for `¬it;`.
                rest = range(entity.end() - n_plain + 1, entity.end())
                begins += [found.start() + begin for begin in [entity.start(), *rest][:n_plain]]
            return begins
        case "code":
            return [found.start() + code.start() for code in re.finditer(_CODE, found[0])]
        case kind:
            widths = [4 if kind == "hex" else 2] * len(plain)
    return list(accumulate(widths, initial=found.start()))
