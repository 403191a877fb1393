"""Which headers a job may set, which are secret, and which may follow a redirect to another origin."""

from __future__ import annotations

import re

MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SENSITIVE = re.compile(
    r"^(?!idempotency-key$).*(auth|cookie|token|secret|passw|credential|signature|session|jwt|(^|-)(api|access|private)?-?key($|-))",
    re.IGNORECASE,
)
# They belong to the connection, and two opinions on a message's length are how requests are smuggled.
_OURS = frozenset({
    "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
_ABOUT_THE_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location"})


def check_name(name: str) -> str:
    """Return the header name, or raise ValueError with a sentence."""
    if not _TOKEN.fullmatch(name):
        raise ValueError("A header's name has letters, digits and -_. only, such as X-Request-Source.")
    if name.lower() in _OURS:
        raise ValueError(f"{name} is set by Mainspring itself: leave it out.")
    return name


def check_value(value: str) -> str:
    """Return the header value without surrounding space, or raise ValueError with a sentence (without the value)."""
    if _BAD_VALUE.search(value):
        raise ValueError("A header's value is one line without control characters: take out the line breaks.")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("A header's value takes Latin-1 characters only: percent-encode the others.") from None
    return value.strip(" \t")


def check_all(headers: dict[str, str]) -> dict[str, str]:
    """Check what only shows in the whole; raises ValueError with a sentence."""
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"There are {len(headers)} headers: {MAX_HEADERS} is the most.")
    if sum(len(name) + len(value) + 4 for name, value in headers.items()) > MAX_HEADER_BYTES:
        raise ValueError(f"The headers are longer than {MAX_HEADER_BYTES // 1024} KB in all: make them shorter.")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("The same header is given twice (upper and lower case are the same): keep one.")
    return headers


def is_sensitive(name: str) -> bool:
    """Say whether a header's name looks like that of a credential: recorded as ***, never sent to another origin."""
    return bool(_SENSITIVE.search(name))


def for_another_origin(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers that may follow a redirect to another scheme, host or port."""
    return {name: value for name, value in headers.items() if not is_sensitive(name)}


def without_body(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of a request that has lost its body on the way."""
    return {name: value for name, value in headers.items() if name.lower() not in _ABOUT_THE_BODY}
