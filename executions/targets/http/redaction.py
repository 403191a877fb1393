"""Removes secrets from texts of a server before they are stored: careless servers echo what they were sent.

A server that changes a secret on purpose, for example by reversing it, can't be stopped by this.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from executions.targets.http.headers import MASK, fold, is_sensitive
from values.json_values import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MIN_SECRET_LENGTH = 6  # characters: hiding every `1` or `true` would make a text unreadable, and protects nothing
MIN_START_LENGTH = 3  # characters of a secret that a cut leaves at the end of a text

_LOWER = {ord(upper): ord(upper.lower()) for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}  # never changes a text's length
_PARAMETER = re.compile(r"""(?<![\w.-])([\w.-]++)=("[^"]*"|'[^']*'|[^\s,;"']+)""")
# Parameters of an Authorization header that are no secrets.
_HARMLESS_PARAMETERS = frozenset({"algorithm", "charset", "nc", "qop", "realm", "signedheaders", "uri", "username"})
_UNCHANGED = re.compile(r"[A-Za-z0-9._~-]+")  # written in the same way everywhere
_URL_QUERY = re.compile(r"(?<=[?&#;])([^=&;#]*)(=?)([^&;#]*)")


class Secrets:
    """The values of a job's request headers that may be credentials."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        values = {
            value
            for name, text in headers.items()
            if is_sensitive(name)
            for value in _secret_values(fold(name), text)
            if len(value) >= MIN_SECRET_LENGTH
        }
        self._forms = {form.translate(_LOWER) for value in values for form in _forms(value)}

    def hide(self, text: str, *, is_cut: bool = False) -> str:
        """Return `text` as it can be stored, with MASK for each secret, whatever its case and encoding.

        `is_cut`: the text is incomplete, so it may end with the first characters of a secret, which are hidden too.
        """
        text = clean_text(text)
        folded = text.translate(_LOWER) if self._forms else ""
        spans = sorted(span for form in self._forms for span in _find(form, folded, is_cut=is_cut))
        shown: list[str] = []
        position = 0
        for start, end in spans:
            if start >= position:
                shown += [text[position:start], MASK]
            position = max(position, end)
        return "".join([*shown, text[position:]])


def _find(form: str, folded: str, *, is_cut: bool) -> Iterator[tuple[int, int]]:
    start = folded.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = folded.find(form, start + len(form))
    if is_cut:
        start = folded.find(form[:MIN_START_LENGTH], max(len(folded) - len(form) + 1, 0))
        while start >= 0:
            if form.startswith(folded[start:]):
                yield start, len(folded)
                return
            start = folded.find(form[:MIN_START_LENGTH], start + 1)


def _secret_values(name: str, text: str) -> Iterator[str]:
    """Yield the header's value, and the parts of it that are secrets alone: tokens, cookies, a Basic password."""
    yield text
    scheme, _, rest = text.partition(" ")
    rest = rest.strip()
    if rest and " " not in rest and not scheme.endswith((",", ";")):
        yield rest
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(rest, validate=True)
        except binascii.Error:
            return
        for charset in ("utf-8", "latin-1"):
            decoded = pair.decode(charset, "replace")
            yield decoded
            yield decoded.partition(":")[2]
    if "cookie" in name or "auth" in name:
        for parameter in _PARAMETER.finditer(text):
            if parameter[1].lower() not in _HARMLESS_PARAMETERS or "cookie" in name:
                yield parameter[2].strip("\"'")


def _forms(value: str) -> Iterator[str]:
    """Yield `value` as servers write it: as it is, in URLs, in JSON and in HTML."""
    yield value
    if _UNCHANGED.fullmatch(value):
        return
    yield from (quote(value, safe=safe) for safe in ("", "/", "!'()*"))
    yield quote_plus(value)
    for is_ascii in (True, False):
        written = json.dumps(value, ensure_ascii=is_ascii)[1:-1]
        yield written
        yield written.replace("/", "\\/")
        for character in "<>&'":  # Go and PHP escape these
            written = written.replace(character, f"\\u{ord(character):04x}")
        yield written
        written = written.replace('\\"', "\\u0022")
        for character in "+`":  # .NET escapes these too
            written = written.replace(character, f"\\u{ord(character):04x}")
        yield written
    yield html.escape(value)
    yield html.escape(value).replace("+", "&#x2b;")  # .NET
    yield html.escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    if not value.isascii():  # sent as Latin-1, and read as UTF-8 or the other way round
        yield quote(value, safe="", encoding="latin-1", errors="replace")
        yield value.encode("latin-1", "replace").decode("utf-8", "replace")
        yield value.encode("utf-8", "replace").decode("latin-1")


def without_query_values(url: str) -> str:
    """Return the URL of a response header with MASK for each value of its query and fragment, and for a password.

    A server may put a token into the URL: a signature of a storage service, or a code of a sign-in.
    """
    head, mark, tail = _split_query(url)
    head = re.sub(r"(?<=//)[^/?#]*@", f"{MASK}@", head)
    return head + mark + _URL_QUERY.sub(_mask_value, mark + tail)[len(mark) :] if mark else head


def _split_query(url: str) -> tuple[str, str, str]:
    found = re.search(r"[?#]", url)
    return (url, "", "") if found is None else (url[: found.start()], found[0], url[found.end() :])


def _mask_value(found: re.Match[str]) -> str:
    name, equals, value = found.groups()
    if equals:
        return f"{name}={MASK}" if value else f"{name}="
    return MASK if name else ""
