"""What is kept of an attempt: request, answer, timings, as JSON that can be stored, with credentials blotted out."""

from __future__ import annotations

import codecs
import re
import time
from typing import TYPE_CHECKING

from executions.targets.http.headers import MASK, is_sensitive
from values.json_values import clean

if TYPE_CHECKING:
    from executions.targets.http.exchange import Answer, Trace
    from values.json_values import JSON

_PARAMETER = re.compile(r"charset\s*=\s*[\"']?([a-z0-9._:-]{1,40})", re.IGNORECASE | re.ASCII)
MAX_VALUE = 1024  # characters kept of one response header
MAX_HEADERS = 16 * 1024  # characters kept of all of them

# Others are either not for text or slow enough to decode that a server could keep a worker busy.
_CHARSETS = re.compile(
    r"(utf-(8|16|32)(-[bl]e)?|utf-8-sig|ascii|iso8859-\d+|cp\d+|koi8-[ru]|big5|gb\w+|shift_jis|euc_\w+)"
)


def record(trace: Trace) -> JSON:
    """Return the result of an attempt, however far it came."""
    request, answer = trace.request, trace.answer
    timings = {**trace.timings_ms, "total": (time.monotonic() - trace.began) * 1000}
    return clean(
        {
            "request": request
            and {"method": request.method, "url": request.url.text, "n_body_bytes": len(request.body or b"")},
            "response": answer and _describe(answer),
            "timings_ms": {phase: round(spent, 3) for phase, spent in timings.items()},
            "remote_address": trace.remote_address or None,
            "redirects": trace.redirects,
        }
    )


def _describe(answer: Answer) -> dict[str, object]:
    return {
        "status": answer.status,
        "reason": answer.reason[:200],
        "headers": _visible(answer.headers),
        "body": decode(answer.body, answer.header("content-type"), cut=answer.truncated),
        "n_bytes": len(answer.body),
        "truncated": answer.truncated,
    }


def _visible(headers: list[tuple[str, str]]) -> dict[str, str]:
    kept: dict[str, str] = {}
    left = MAX_HEADERS
    for name, value in headers:
        shown = MASK if is_sensitive(name) else value[:MAX_VALUE]
        left -= len(name) + len(shown)
        if left < 0:
            break
        key = name.lower()[:MAX_VALUE]
        kept[key] = f"{kept[key]}, {shown}" if key in kept and shown != MASK else shown
    return kept


def decode(body: bytes, content_type: str | None, *, cut: bool) -> str:
    """Return the body as text by its own charset, else UTF-8. What can't be read is replaced, never an error."""
    try:
        return codecs.getincrementaldecoder(_charset(content_type))(errors="replace").decode(body, final=not cut)
    except UnicodeError:  # UTF-16 and UTF-32 insist on their mark, whatever `errors` says
        return body.decode("utf-8", "replace")


def _charset(content_type: str | None) -> str:
    named = _PARAMETER.search(content_type or "")
    try:
        known = codecs.lookup(named[1] if named else "utf-8").name
    except LookupError:
        return "utf-8"
    return known if _CHARSETS.fullmatch(known) else "utf-8"
