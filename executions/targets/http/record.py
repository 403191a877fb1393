"""The result of an attempt as JSON: request, response and timings. Headers that look like credentials are masked."""

from __future__ import annotations

import codecs
import re
import time
from typing import TYPE_CHECKING

from executions.targets.http.headers import MASK, is_sensitive
from values.json_values import clean

if TYPE_CHECKING:
    from executions.targets.http.exchange import Response, Trace
    from values.json_values import JSON

_PARAMETER = re.compile(r"charset\s*=\s*[\"']?([a-z0-9._:-]{1,40})", re.IGNORECASE | re.ASCII)
# Characters kept of a response: history is stored for days, and servers choose what they send.
MAX_HEADER_LENGTH = 1024  # of one header's value
MAX_HEADERS_LENGTH = 16 * 1024  # of all headers
MAX_REASON_LENGTH = 200

# The allowed codecs. Python's other codecs are not for text, or so slow that a server could keep a worker busy.
_CHARSETS = re.compile(
    r"(utf-(8|16|32)(-[bl]e)?|utf-8-sig|ascii|iso8859-\d+|cp\d+|koi8-[ru]|big5|gb\w+|shift_jis|euc_\w+)"
)


def record(trace: Trace) -> JSON:
    """Return the result of an attempt. After a failure, `response` and `remote_address` may be null."""
    request, response = trace.request, trace.response
    timings = {**trace.timings_ms, "total": (time.monotonic() - trace.started) * 1000}
    return clean(
        {
            "request": request
            and {"method": request.method, "url": request.url.text, "n_body_bytes": len(request.body or b"")},
            "response": response and _describe(response),
            "timings_ms": {phase: round(spent, 3) for phase, spent in timings.items()},
            "remote_address": trace.remote_address or None,
            "redirects": trace.redirects,
        }
    )


def _describe(response: Response) -> dict[str, object]:
    return {
        "status": response.status,
        "reason": response.reason[:MAX_REASON_LENGTH],
        "headers": _masked_headers(response.headers),
        "body": decode(response.body, response.header("content-type"), cut=response.truncated),
        "n_bytes": len(response.body),
        "truncated": response.truncated,
    }


def _masked_headers(headers: list[tuple[str, str]]) -> dict[str, str]:
    kept: dict[str, str] = {}
    left = MAX_HEADERS_LENGTH
    for name, value in headers:
        shown = MASK if is_sensitive(name) else value[:MAX_HEADER_LENGTH]
        left -= len(name) + len(shown)
        if left < 0:
            break
        key = name.lower()[:MAX_HEADER_LENGTH]
        kept[key] = f"{kept[key]}, {shown}" if key in kept and shown != MASK else shown
    return kept


def decode(body: bytes, content_type: str | None, *, cut: bool) -> str:
    """Return the body as text, decoded by the charset of its content type or as UTF-8.

    Invalid bytes are replaced. `cut`: the body is incomplete, so its last character may be incomplete too.
    """
    try:
        return codecs.getincrementaldecoder(_charset(content_type))(errors="replace").decode(body, final=not cut)
    except UnicodeError:  # UTF-16 and UTF-32 raise for a missing byte order mark, whatever `errors` is
        return body.decode("utf-8", "replace")


def _charset(content_type: str | None) -> str:
    named = _PARAMETER.search(content_type or "")
    try:
        known = codecs.lookup(named[1] if named else "utf-8").name
    except LookupError:
        return "utf-8"
    return known if _CHARSETS.fullmatch(known) else "utf-8"
