"""Charsets of HTTP bodies: the one that a content type states, and the codec for it."""

from __future__ import annotations

import codecs
import re

_PARAMETER = re.compile(r"""(?:^|[;\s])charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^;\s]*))""", re.IGNORECASE)
# The allowed codecs. Python's other codecs are not for text, or so slow that a server could keep a worker busy.
_CODECS = re.compile(
    r"(utf-(8|16|32)(-[bl]e)?|utf-8-sig|ascii|iso8859-\d+|cp\d+|koi8-[ru]|big5|gb\w+|shift_jis|euc_\w+)"
)


def stated_charset(content_type: str) -> str | None:
    """Return the charset in the value of a Content-Type header, as it is written there; None if there is none."""
    found = _PARAMETER.search(content_type)
    return None if found is None else (found[1] or found[2] or found[3] or "").strip()


def find_codec(charset: str) -> str | None:
    """Return the name of Python's codec for a charset; None if the charset is unknown, or not allowed."""
    try:
        known = codecs.lookup(charset).name
    except (LookupError, ValueError):  # a ValueError if the name contains NUL
        return None
    return known if _CODECS.fullmatch(known) else None
