"""Removes the escapes of URLs, JSON and HTML from a text, and tells where each character stood before."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPE = re.compile(
    r"(?P<url>(?:%[0-9A-Fa-f]{2})+)"
    r"|(?P<json>(?:\\u[0-9A-Fa-f]{4})+)"
    r"|(?P<html>&(?:#[0-9]{1,7}|#[Xx][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});)"
    r"|\\x(?P<hex>[0-9A-Fa-f]{2})"
    r"""|\\(?P<character>["'\\/t])"""
)
# The first characters of an escape that a cut has left at the end of a text in lower case.
HALF_ESCAPE = re.compile(r"(?:%[0-9a-f]?|\\(?:u[0-9a-f]{0,3}|x[0-9a-f]?)?|&#?[0-9a-z]{0,31})\Z")


def unescape(text: str) -> tuple[str, list[int]]:
    """Return `text` without escapes, and for each character, and for the end, where it begins in `text`."""
    parts: list[str] = []
    begins: list[int] = []
    position = 0
    for found in _ESCAPE.finditer(text):
        parts.append(text[position : found.start()])
        begins.extend(range(position, found.start()))
        position = found.start()
        for character, width in _characters(found):
            parts.append(character)
            begins.append(position)
            position += width
        position = found.end()
    parts.append(text[position:])
    begins.extend(range(position, len(text) + 1))
    return "".join(parts), begins


def _characters(found: re.Match[str]) -> Iterator[tuple[str, int]]:
    """Yield each character that an escape stands for, with the length of its part of the escape."""
    if found["url"]:
        data = bytes.fromhex(found["url"].replace("%", ""))
        try:
            yield from ((character, 3 * len(character.encode())) for character in data.decode())
        except UnicodeDecodeError:
            yield from ((chr(byte), 3) for byte in data)  # Latin-1
    elif found["json"]:
        yield from ((each, 12 if ord(each) > 0xFFFF else 6) for each in json.loads(f'"{found["json"]}"'))
    elif found["html"]:
        yield from ((character, 0) for character in html.unescape(found["html"]))
    else:
        character = found["character"] or chr(int(found["hex"], 16))
        yield "\t" if found[0] == "\\t" else character, len(found[0])
