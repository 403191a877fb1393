"""Which headers a job may set, which are secret, and which may follow a redirect to another origin."""

from __future__ import annotations

import re

MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024
MASK = "••••"  # never a value of its own: it is not Latin-1

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_SENSITIVE = re.compile(
    r"^(?!idempotency-key$).*(auth|cookie|token|secret|passw|pwd|bearer|credential|signature|session|jwt|(^|-)(api|access|private)?-?key($|-))",
    re.IGNORECASE,
)
# They belong to the connection, and two opinions on a message's length are how requests are smuggled.
_OURS = frozenset({
    "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
_ABOUT_THE_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location"})


def fold(name: str) -> str:
    """Return what many servers make of a header's name: to them case, `-` and `_` are all the same."""
    return name.lower().replace("_", "-")


def check_name(name: str) -> str:
    """Return the header name, or raise ValueError with a sentence."""
    if not _TOKEN.fullmatch(name):
        raise ValueError("A header's name has letters, digits and -_. only, such as X-Request-Source.")
    if fold(name) in _OURS:
        raise ValueError(f"{name} is set by Mainspring itself: leave it out.")
    return name


def check_value(value: str) -> str:
    """Return the header value without surrounding space, or raise ValueError with a sentence (without the value)."""
    if MASK in value:
        raise ValueError(f"{MASK} stands for a value that was hidden from its reader: give the value itself.")
    if _BAD_VALUE.search(value):
        raise ValueError("A header's value is one line without control characters: take out the line breaks.")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("A header's value takes Latin-1 characters only: percent-encode the others.") from None
    return value.strip(" \t")


def check_all(headers: dict[str, str]) -> dict[str, str]:
    """Check what only shows in the whole; raises ValueError with a sentence."""
    if sum(len(name) + len(value) + 4 for name, value in headers.items()) > MAX_HEADER_BYTES:
        raise ValueError(f"The headers are longer than {MAX_HEADER_BYTES // 1024} KB in all: make them shorter.")
    seen: dict[str, str] = {}
    for name in headers:
        other = seen.setdefault(fold(name), name)
        if other != name:
            raise ValueError(f"{other} and {name} are given twice (case, - and _ are the same to many): keep one.")
    return headers


def is_sensitive(name: str) -> bool:
    """Say whether a header's name looks like that of a credential: hidden from readers, never sent to another origin."""
    return bool(_SENSITIVE.search(fold(name)))


def masked(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers for readers: the values of those that look like credentials are hidden."""
    return {name: MASK if is_sensitive(name) else value for name, value in headers.items()}


def for_another_origin(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers that may follow a redirect to another scheme, host or port."""
    return {name: value for name, value in headers.items() if not is_sensitive(name)}


def without_body(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of a request that has lost its body on the way."""
    return {name: value for name, value in headers.items() if fold(name) not in _ABOUT_THE_BODY}
