"""Pure: derives the next request from a redirect.

Method and body change as in browsers. Only headers that are known to be harmless are sent to another origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.targets.http import headers as rules
from executions.targets.http.exchange import Request
from executions.targets.http.failures import InvalidResponse
from executions.targets.http.urls import follow

if TYPE_CHECKING:
    from executions.targets.http.response import Response

MAX_REDIRECTS = 5  # of one attempt; real chains are shorter, and a loop has no end
_KEEPS_METHOD = frozenset({307, 308})
_REDIRECTS = frozenset({301, 302, 303}) | _KEEPS_METHOD


def next_request(request: Request, response: Response) -> Request | None:
    """Return the request to which `response` redirects.

    None if `response` has no redirect status or no Location header.
    Raises InvalidResponse if the URL of the redirect cannot be requested.
    """
    location = response.header("location")
    if response.status not in _REDIRECTS or location is None:
        return None
    try:
        url = follow(request.url, location)
    except ValueError as error:
        raise InvalidResponse(f"it redirects to a URL that can't be requested. {error}".rstrip(".")) from error
    method, headers, body = request.method, request.headers, request.body
    if (response.status == 303 and method != "HEAD") or (response.status in (301, 302) and method == "POST"):
        method, headers, body = "GET", rules.without_body(headers), None
    if url.origin != request.url.origin:
        headers = rules.for_another_origin(headers)
    return Request(method, url, headers, body)
