"""What a browser sends when somebody submits an untouched form of a page, by the rules of the HTML standard."""

from __future__ import annotations

import re
from html.parser import HTMLParser

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
LOCAL_TIME = re.compile(r"[0-9]{4,}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?")
NOT_SENT = ("submit", "button", "reset", "image", "file")


def sent_by_browser(page: str, form_mark: str) -> dict[str, list[str]]:
    """Return the values that the form whose tag contains `form_mark` sends, by the names of its fields."""
    reader = _FormReader(form_mark)
    # A page's line ends are LF before its tags are read.
    reader.feed(page.replace("\r\n", "\n").replace("\r", "\n"))
    reader.close()
    assert reader.was_found, f"The page has no form {form_mark}."
    return {name: [_with_crlf(text) for text in texts] for name, texts in reader.sent.items()}


class _FormReader(HTMLParser):
    def __init__(self, form_mark: str) -> None:
        super().__init__(convert_charrefs=True)
        self.sent: dict[str, list[str]] = {}
        self.was_found = False
        self._form_mark = form_mark
        self._is_inside = False
        self._textarea: tuple[str, list[str]] | None = None  # its name, and the pieces of its text
        self._select: tuple[str, bool, list[tuple[str, bool]]] | None = None  # name, several?, options: value, chosen?

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = self._form_mark in (self.get_starttag_text() or "")
            self.was_found |= self._is_inside
        name = found.get("name", "")
        if not self._is_inside or "disabled" in found or not (name or tag == "option"):
            return
        if tag == "input":
            self._read_input(name, found)
        elif tag == "textarea":
            self._textarea = (name, [])
        elif tag == "select":
            self._select = (name, "multiple" in found, [])
        elif tag == "option" and self._select:
            self._select[2].append((found.get("value", ""), "selected" in found))

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._textarea[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False
        elif tag == "textarea" and self._textarea:
            name, pieces = self._textarea
            # The line feed right after the tag is not part of the text.
            self._send(name, "".join(pieces).removeprefix("\n"))
            self._textarea = None
        elif tag == "select" and self._select:
            name, is_multiple, options = self._select
            chosen = [value for value, is_chosen in options if is_chosen]
            if not is_multiple:
                chosen = chosen[-1:] or [value for value, _ in options[:1]]
            for value in chosen:
                self._send(name, value)
            self._select = None

    def _read_input(self, name: str, found: dict[str, str]) -> None:
        kind, value = found.get("type", "text"), found.get("value", "")
        if kind in NOT_SENT or (kind in ("checkbox", "radio") and "checked" not in found):
            return
        if kind in ("checkbox", "radio"):
            self._send(name, found.get("value", "on"))
        elif kind == "hidden":
            self._send(name, value)
        elif kind in ("number", "datetime-local"):
            pattern = NUMBER if kind == "number" else LOCAL_TIME
            self._send(name, value if pattern.fullmatch(value) else "")
        else:
            self._send(name, value.replace("\n", ""))  # a single line

    def _send(self, name: str, value: str) -> None:
        self.sent.setdefault(name, []).append(value)


def _with_crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
