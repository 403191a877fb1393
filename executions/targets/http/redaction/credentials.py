"""Finds the parts of a header's value that a server may take out of it, and that are secrets alone.

No grammar of a header is followed, because servers do not follow it either: every word of the value is a part.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEPARATORS = ";,&"
_BETWEEN_WORDS = str.maketrans(dict.fromkeys(_SEPARATORS + ":@\"'\\{}[]()<>|", " "))
# Of https://www.iana.org/assignments/http-authschemes, and of common services.
_SCHEMES = frozenset({
    "api-key", "apikey", "aws4-hmac-sha256", "basic", "bearer", "concealed", "digest", "dpop", "gnap", "hawk",
    "hmac-sha256", "hoba", "mutual", "negotiate", "ntlm", "oauth", "privatetoken", "scram-sha-1", "scram-sha-256",
    "sharedaccesssignature", "sharedkey", "sharedkeylite", "signature", "token", "vapid",
})  # fmt: skip


def secret_parts(text: str) -> Iterator[str]:
    """Yield a header's value and its parts: what follows a scheme, the value of each parameter or cookie, each word.

    The user name and password of `Basic` are decoded. A part may be yielded more than once, and may be empty.
    """
    yield text
    scheme, rest = [*text.split(maxsplit=1), "", ""][:2]
    if rest and not set(scheme) & set("=" + _SEPARATORS):
        yield rest
        if scheme.lower() == "basic":
            yield from _basic(rest)
    for separator in set(_SEPARATORS) & set(text) or _SEPARATORS[0]:
        for piece in text.split(separator):
            yield piece.strip()
            for mark in "=:":
                yield piece.partition(mark)[2].strip()
    yield from _quoted(text)
    words = list(_words(text))
    yield from words[1:] if words and words[0].lower() in _SCHEMES else words


def _quoted(text: str) -> Iterator[str]:
    for mark in "\"'":
        # NUL and SOH, which no value contains, stand for an escaped backslash and an escaped quotation mark.
        for quoted in text.replace("\\\\", "\0").replace("\\" + mark, "\1").split(mark)[1::2]:
            yield quoted.replace("\1", mark).replace("\0", "\\")


def _words(text: str) -> Iterator[str]:
    for word in text.replace('="', "=").translate(_BETWEEN_WORDS).split():
        name, _, value = word.partition("=")
        # Of `name=value`, the name of a parameter or cookie is no secret; in `abc==`, no value follows.
        yield from (value if value.strip("=") else name).split("=")


def _basic(encoded: str) -> Iterator[str]:
    # Servers differ: some accept the alphabet of URLs, missing padding, or a line break that was encoded too.
    usual = "".join(encoded.split()).rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        pair = base64.b64decode(usual + "=" * (-len(usual) % 4), validate=True)
    except ValueError:
        return
    for charset in ("utf-8", "latin-1"):
        decoded = pair.decode(charset, "replace").strip()
        name, _, password = decoded.partition(":")
        yield from (decoded, name, password)
