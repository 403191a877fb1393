"""The result of an attempt as JSON: request, response and timings.

Response headers that may contain credentials are masked, and so is what a server echoes of the job's secrets.
"""

from __future__ import annotations

import codecs
import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from executions.targets.http.charsets import find_codec, stated_charset
from executions.targets.http.headers import MASK, is_sensitive_in_response
from executions.targets.http.redaction.query_values import without_query_values
from values.json_values import clean

if TYPE_CHECKING:
    from executions.targets.http.exchange import Trace
    from executions.targets.http.redaction.secrets import Secrets
    from executions.targets.http.response import Response
    from values.json_values import JSON

# Characters kept of a response: history is stored for days, and servers choose what they send.
MAX_HEADER_LENGTH = 1024  # of one header's value
MAX_HEADERS_LENGTH = 16 * 1024  # of all headers
MAX_REASON_LENGTH = 200
LARGE_RESPONSE = 4 * 1024  # characters, with the secrets. Below it, waiting for a turn costs more than the search
_URLS = frozenset({"location", "content-location"})  # response headers whose value is a URL
# For each host whose large response is being described, so that a host gets one at a time. Searching for secrets takes
# up to 0.2 s of processor time, and the threads of a worker share one processor: threads that all search would leave
# the calls of other hosts no time.
_turns: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_turns_lock = threading.Lock()


def record(trace: Trace, secrets: Secrets, host: str) -> JSON:
    """Return the result of an attempt. After a failure, `response` and `remote_address` may be null.

    `host`: of the job's URL. Waits while another thread describes a large response of the same host, or a response to a
    job with long secrets.
    """
    n_characters = secrets.n_characters
    if trace.response:
        n_characters += len(trace.response.body) + sum(len(value) for _, value in trace.response.headers)
    n_characters += sum(len(str(hop["url"])) for hop in trace.redirects)
    seconds = time.monotonic() - trace.started
    with _turn_of(host) if n_characters > LARGE_RESPONSE else nullcontext():
        return _record(trace, secrets, seconds)


def _turn_of(host: str) -> threading.Lock:
    with _turns_lock:
        return _turns.setdefault(host, threading.Lock())


def _record(trace: Trace, secrets: Secrets, seconds: float) -> JSON:
    request, response = trace.request, trace.response
    timings = {**trace.timings_ms, "total": seconds * 1000}
    return clean(
        {
            "request": request
            and {
                "method": request.method,
                "url": secrets.hide(request.url.text),
                "n_body_bytes": len(request.body or b""),
            },
            "response": response and _describe(response, secrets),
            "timings_ms": {phase: round(spent, 3) for phase, spent in timings.items()},
            "remote_address": trace.remote_address or None,
            "redirects": [
                {**hop, "url": without_query_values(secrets.hide(str(hop["url"])))} for hop in trace.redirects
            ],
        }
    )


def _describe(response: Response, secrets: Secrets) -> dict[str, object]:
    body = decode(response.body, response.header("content-type"), cut=response.truncated)
    return {
        "status": response.status,
        "reason": secrets.hide_start(response.reason, MAX_REASON_LENGTH),
        "headers": _shown_headers(response.headers, secrets),
        "body": secrets.hide(body, is_cut=response.truncated),
        "n_bytes": len(response.body),
        "truncated": response.truncated,
    }


def _shown_headers(headers: list[tuple[str, str]], secrets: Secrets) -> dict[str, str]:
    kept: dict[str, str] = {}
    left = MAX_HEADERS_LENGTH
    for name, value in headers:
        shown = MASK if is_sensitive_in_response(name) else _shown_value(name, value, secrets)
        key = secrets.hide_start(name.lower(), MAX_HEADER_LENGTH)
        left -= len(key) + len(shown)
        if left < 0:
            break
        kept[key] = f"{kept[key]}, {shown}" if key in kept and shown != MASK else shown
    return kept


def _shown_value(name: str, value: str, secrets: Secrets) -> str:
    shown = secrets.hide_start(value, MAX_HEADER_LENGTH)
    return without_query_values(shown) if name.lower() in _URLS else shown


def decode(body: bytes, content_type: str | None, *, cut: bool) -> str:
    """Return the body as text, decoded by the charset of its content type or as UTF-8.

    Invalid bytes are replaced. `cut`: the body is incomplete, so its last character may be incomplete too.
    """
    codec = find_codec(stated_charset(content_type or "") or "utf-8") or "utf-8"
    try:
        return codecs.getincrementaldecoder(codec)(errors="replace").decode(body, final=not cut)
    except UnicodeError:  # UTF-16 and UTF-32 raise for a missing byte order mark, whatever `errors` is
        return body.decode("utf-8", "replace")
