"""Checks a job's headers, and decides which headers are harmless.

Any header that is not known to be harmless may contain a credential: its value is masked wherever it is shown or
stored, and it does not follow a redirect to another origin. A list of dangerous names would never be complete.
"""

from __future__ import annotations

import re

# Limits that common servers accept: Apache accepts up to 100 headers, nginx up to 32 KB of headers.
MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024
MASK = "••••"  # not valid as a header value, because it is not Latin-1: a masked value can't be saved by mistake

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
# Harmless in requests: negotiation, conditions and caching, the body, tracing, and Mainspring's own.
_HARMLESS_IN_REQUESTS = frozenset({
    "accept", "accept-charset", "accept-datetime", "accept-encoding", "accept-language", "api-version",
    "cache-control", "content-disposition", "content-encoding", "content-language", "content-location", "content-md5",
    "content-range", "content-type", "date", "digest", "dnt", "idempotency-key", "if-match", "if-modified-since",
    "if-none-match", "if-range", "if-unmodified-since", "mainspring-attempt", "mainspring-nominal-at",
    "mainspring-run-id", "max-forwards", "pragma", "prefer", "priority", "range", "request-id", "save-data",
    "soapaction", "traceparent", "upgrade-insecure-requests", "user-agent", "via", "warning", "x-api-version",
    "x-correlation-id", "x-github-api-version", "x-http-method-override", "x-idempotency-key", "x-request-id",
    "x-requested-with",
})  # fmt: skip
# Harmless in responses. `Location` and `Content-Location` are shown without the values of their queries.
_HARMLESS_IN_RESPONSES = frozenset({
    "accept-ranges", "access-control-allow-credentials", "access-control-allow-headers",
    "access-control-allow-methods", "access-control-allow-origin", "access-control-expose-headers",
    "access-control-max-age", "age", "allow", "alt-svc", "api-version", "cache-control", "cf-cache-status", "cf-ray",
    "connection", "content-disposition", "content-encoding", "content-language", "content-length", "content-location",
    "content-md5", "content-range", "content-security-policy", "content-type", "cross-origin-embedder-policy",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "date", "deprecation", "digest", "etag", "expires",
    "keep-alive", "last-modified", "location", "permissions-policy", "pragma", "preference-applied", "ratelimit",
    "ratelimit-limit", "ratelimit-policy", "ratelimit-remaining", "ratelimit-reset", "referrer-policy", "request-id",
    "retry-after", "server", "server-timing", "strict-transport-security", "sunset", "trailer", "transfer-encoding",
    "upgrade", "vary", "via", "warning", "x-amz-request-id", "x-amzn-requestid", "x-amzn-trace-id", "x-api-version",
    "x-cache", "x-cache-hits", "x-content-type-options", "x-correlation-id", "x-frame-options",
    "x-github-request-id", "x-ms-request-id", "x-powered-by", "x-rate-limit-limit", "x-rate-limit-remaining",
    "x-rate-limit-reset", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-used",
    "x-request-id", "x-response-time", "x-runtime", "x-served-by", "x-timer", "x-trace-id", "x-xss-protection",
})  # fmt: skip
# Headers of the connection. A job that could set a message's length could smuggle in a second request.
_RESERVED = frozenset({
    "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "te", "trailer",
    "transfer-encoding", "upgrade",
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
    if fold(name) in _RESERVED or fold(name).startswith("proxy-"):
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
        raise ValueError(f"The headers together must not be longer than {MAX_HEADER_BYTES // 1024} KiB: shorten them.")
    seen: dict[str, str] = {}
    for name in headers:
        other = seen.setdefault(fold(name), name)
        if other != name:
            raise ValueError(
                f"{other} and {name} are the same header to many servers (case is ignored, _ equals -): remove one."
            )
    return headers


def is_sensitive(name: str) -> bool:
    """Return whether a request header may contain a credential: true for every name not known to be harmless."""
    return fold(name) not in _HARMLESS_IN_REQUESTS


def is_sensitive_in_response(name: str) -> bool:
    """Return whether a response header may contain a credential: true for every name not known to be harmless."""
    return name.lower() not in _HARMLESS_IN_RESPONSES


def masked(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers. MASK replaces the value of each header that may contain a credential."""
    return {name: MASK if is_sensitive(name) else value for name, value in headers.items()}


def for_another_origin(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers that may be sent after a redirect to another scheme, host or port: the harmless headers."""
    return {name: value for name, value in headers.items() if not is_sensitive(name)}


def without_body(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers for a request whose body was dropped by a redirect: all except headers about the body."""
    return {name: value for name, value in headers.items() if fold(name) not in _OF_BODY}
