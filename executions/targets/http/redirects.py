"""Where a redirect leads, and with what: method and body as browsers do, credentials only to the same origin. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.targets.http import headers as rules
from executions.targets.http.exchange import Request
from executions.targets.http.failures import InvalidResponse
from executions.targets.http.urls import follow

if TYPE_CHECKING:
    from executions.targets.http.exchange import Answer

MAX_REDIRECTS = 5
_KEEPS_METHOD = frozenset({307, 308})
_REDIRECTS = frozenset({301, 302, 303}) | _KEEPS_METHOD


def next_request(request: Request, answer: Answer) -> Request | None:
    """Return the request that a redirect asks for, or None if `answer` is none. Raises InvalidResponse."""
    location = answer.header("location")
    if answer.status not in _REDIRECTS or location is None:
        return None
    try:
        url = follow(request.url, location)
    except ValueError as error:
        raise InvalidResponse(f"it redirects to where no request can go. {error}".rstrip(".")) from error
    method, headers, body = request.method, request.headers, request.body
    if (answer.status == 303 and method != "HEAD") or (answer.status in (301, 302) and method == "POST"):
        method, headers, body = "GET", rules.without_body(headers), None
    if url.origin != request.url.origin:
        headers = rules.for_another_origin(headers)
    return Request(method, url, headers, body)
