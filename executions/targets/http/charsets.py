"""Charsets of HTTP bodies: the one that a content type states, and the codec for it."""

from __future__ import annotations

import codecs
import pkgutil
import re
from encodings import __path__ as _folder
from encodings import normalize_encoding
from encodings.aliases import aliases

_PARAMETER = re.compile(r"""(?:^|[;\s])charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^;\s]*))""", re.IGNORECASE)
# The allowed codecs. Python's other codecs are not for text, or so slow that a server could keep a worker busy.
_CODECS = re.compile(
    r"(utf-(8|16|32)(-[bl]e)?|utf-8-sig|ascii|iso8859-\d+|cp\d+|koi8-[ru]|big5|gb\w+|shift_jis|euc_\w+)"
)

# Python's names of its codecs, normalised. Python remembers each other name that is looked up, and each spelling, for
# ever: a server that sends a new charset in each response would fill the memory of a worker.
_KNOWN = frozenset(aliases) | {module.name for module in pkgutil.iter_modules(_folder)}


def stated_charset(content_type: str) -> str | None:
    """Return the charset in the value of a Content-Type header, as it is written there; None if there is none."""
    found = _PARAMETER.search(content_type)
    return None if found is None else (found[1] or found[2] or found[3] or "").strip()


def find_codec(charset: str) -> str | None:
    """Return the name of Python's codec for a charset; None if the charset is unknown, or not allowed."""
    name = normalize_encoding(charset).lower()
    if name not in _KNOWN:
        name = name.replace(".", "_")
    if name not in _KNOWN:
        return None
    try:
        codec = codecs.lookup(name).name
    except LookupError:  # a codec of another operating system
        return None
    return codec if _CODECS.fullmatch(codec) else None
