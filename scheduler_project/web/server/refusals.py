"""Responses to requests that gunicorn refuses: a problem document for the API, else a page of one line."""

from __future__ import annotations

import json
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from values.problem_documents import API, MEDIA_TYPE, problem

if TYPE_CHECKING:
    from scheduler_project.web.server.channel import Channel

DETAILS = {
    HTTPStatus.REQUEST_URI_TOO_LONG: "The URL is too long: send fewer or shorter query parameters.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too large: send fewer or shorter headers.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "An internal error occurred and was logged.",
}


def write_error(channel: Channel, status: int, reason: str, message: str) -> None:
    """Send an error response. Raises OSError if the connection is lost.

    Has the parameters of `gunicorn.util.write_error`, which it replaces.
    """
    detail = DETAILS.get(HTTPStatus(status), message.strip() or reason)
    if channel.target.startswith(API):
        media_type = MEDIA_TYPE
        body = json.dumps(problem(status, detail)).encode()
    else:
        media_type = "text/html; charset=utf-8"
        body = (
            f"<!doctype html><title>{escape(reason)}</title><h1>{escape(reason)}</h1><p>{escape(detail)}</p>".encode()
        )
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nCache-Control: no-store\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    channel.sendall(head.encode("latin-1") + body)
