"""Checks a job's headers. Masks headers that contain credentials, and drops them on redirects to another origin."""

from __future__ import annotations

import re

# Limits that common servers accept: Apache accepts up to 100 headers, nginx up to 32 KB of headers.
MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024
MASK = "••••"  # not valid as a header value, because it is not Latin-1: a masked value can't be saved by mistake

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_SENSITIVE = re.compile(
    r"^(?!idempotency-key$).*"
    r"(auth|cookie|token|secret|passw|pwd|bearer|credential|signature|session|jwt"
    r"|(^|-)(api|access|private)?-?key($|-))",
    re.IGNORECASE,
)
# Headers of the connection. A job that could set a message's length could smuggle in a second request.
_RESERVED = frozenset({
    "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
_OF_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location"})


def fold(name: str) -> str:
    """Return a header's name in lower case and with `-` for `_`: many servers treat `X_A` and `x-a` as the same."""
    return name.lower().replace("_", "-")


def check_name(name: str) -> str:
    """Return a header's name. Raises ValueError if the name is invalid, or if a job may not set this header."""
    if not _TOKEN.fullmatch(name):
        raise ValueError(
            "A header's name has 1 to 256 characters: ASCII letters, digits and !#$%&'*+-.^_`|~. "
            "Example: X-Request-Source."
        )
    if fold(name) in _RESERVED:
        raise ValueError(f"A job may not set {name}, a header of the connection: remove it.")
    return name


def check_value(value: str) -> str:
    """Return a header's value without surrounding spaces.

    Raises ValueError if a job may not send this value. The error never quotes the value.
    """
    if MASK in value:
        raise ValueError(f"{MASK} stands for a hidden value: write the actual value.")
    if _BAD_VALUE.search(value):
        raise ValueError("The value of a header must be one line: remove line breaks and control characters.")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            "The value of a header may contain Latin-1 characters only: percent-encode all other characters."
        ) from None
    return value.strip(" \t")


def check_all(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers.

    Raises ValueError if all headers together are too long, or if two names differ only in case, `-` or `_`.
    """
    if sum(len(name) + len(value) + 4 for name, value in headers.items()) > MAX_HEADER_BYTES:
        raise ValueError(f"The headers together must not be longer than {MAX_HEADER_BYTES // 1024} KB: shorten them.")
    seen: dict[str, str] = {}
    for name in headers:
        other = seen.setdefault(fold(name), name)
        if other != name:
            raise ValueError(
                f"{other} and {name} are the same header to many servers (case is ignored, _ equals -): remove one."
            )
    return headers


def is_sensitive(name: str) -> bool:
    """Return whether a header's name looks like the name of a credential."""
    return bool(_SENSITIVE.search(fold(name)))


def masked(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers. MASK replaces the value of each header whose name looks like the name of a credential."""
    return {name: MASK if is_sensitive(name) else value for name, value in headers.items()}


def for_another_origin(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers that may be sent after a redirect to another scheme, host or port: all except credentials."""
    return {name: value for name, value in headers.items() if not is_sensitive(name)}


def without_body(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers for a request whose body was dropped by a redirect: all except headers about the body."""
    return {name: value for name, value in headers.items() if fold(name) not in _OF_BODY}
