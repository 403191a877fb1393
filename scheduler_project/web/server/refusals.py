"""Responses to requests that the server refuses: a problem document for the API, else a page of one line.

No message quotes the request: its headers may contain credentials, also at places where no parser finds them.
"""

from __future__ import annotations

import json
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from gunicorn.http import errors

from values.problem_documents import API, MEDIA_TYPE, problem

if TYPE_CHECKING:
    from scheduler_project.web.server.channel import Channel

MALFORMED_HEADER = "A header cannot be read: write one line `Name: value` for each header."
MALFORMED_CHUNKS = "The chunked body cannot be read."
REFUSED: dict[type[Exception], tuple[HTTPStatus, str]] = {
    errors.InvalidRequestLine: (HTTPStatus.BAD_REQUEST, "The request line cannot be read."),
    errors.InvalidRequestMethod: (HTTPStatus.BAD_REQUEST, "The method cannot be read: write it in capital letters."),
    errors.InvalidHTTPVersion: (HTTPStatus.BAD_REQUEST, "The HTTP version is unknown: use HTTP/1.1."),
    errors.InvalidHeader: (HTTPStatus.BAD_REQUEST, MALFORMED_HEADER),
    errors.InvalidHeaderName: (HTTPStatus.BAD_REQUEST, MALFORMED_HEADER),
    errors.ObsoleteFolding: (HTTPStatus.BAD_REQUEST, MALFORMED_HEADER),
    errors.InvalidSchemeHeaders: (HTTPStatus.BAD_REQUEST, "The headers about the scheme contradict each other."),
    errors.InvalidChunkSize: (HTTPStatus.BAD_REQUEST, MALFORMED_CHUNKS),
    errors.InvalidChunkExtension: (HTTPStatus.BAD_REQUEST, MALFORMED_CHUNKS),
    errors.ChunkMissingTerminator: (HTTPStatus.BAD_REQUEST, MALFORMED_CHUNKS),
    errors.LimitRequestLine: (
        HTTPStatus.REQUEST_URI_TOO_LONG,
        "The URL is too long: send fewer or shorter query parameters.",
    ),
    errors.LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The headers are too large: send fewer or shorter headers.",
    ),
    errors.ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "The header Expect may only be `100-continue`."),
    errors.UnsupportedTransferCoding: (
        HTTPStatus.NOT_IMPLEMENTED,
        "The transfer coding is not supported: use `chunked`, or the header Content-Length.",
    ),
}
# Headers that may appear once, and headers that decide where the body ends: a message names them.
FRAMING_HEADERS = {
    "HOST": "Host",
    "CONTENT-TYPE": "Content-Type",
    "CONTENT-LENGTH": "Content-Length",
    "TRANSFER-ENCODING": "Transfer-Encoding",
}
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Refusal(Exception):
    """A request that the server refuses. The message is for the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def refusal_of(error: Exception) -> Refusal | None:
    """Return the refusal for an exception of gunicorn's parser, or None if the request is not to blame."""
    if isinstance(error, Refusal):
        return error
    # `type`, because the errors in headers of responses are subclasses of the errors in headers of requests.
    status, message = REFUSED.get(type(error), (None, ""))
    if status and isinstance(error, errors.InvalidHeader) and error.hdr in FRAMING_HEADERS:
        message = f"The header {FRAMING_HEADERS[error.hdr]} is invalid, or appears twice."
    return Refusal(status, message) if status else None


def write_error(channel: Channel, status: int, reason: str, message: str) -> None:
    """Send an error response. Raises OSError if the connection is lost.

    Has the parameters of `gunicorn.util.write_error`, which it replaces.
    """
    is_ours = status == HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "An internal error occurred and was logged." if is_ours else message
    if channel.target.startswith(API):
        media_type = MEDIA_TYPE
        body = json.dumps(problem(status, detail)).encode()
    else:
        media_type = "text/html; charset=utf-8"
        body = (
            f"<!doctype html><title>{escape(reason)}</title><h1>{escape(reason)}</h1><p>{escape(detail)}</p>".encode()
        )
    headers = {
        "Connection": "close",
        "Cache-Control": "no-store",
        **SECURITY_HEADERS,
        "Content-Type": media_type,
        "Content-Length": str(len(body)),
    }
    head = "\r\n".join(
        [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    )
    channel.sendall(head.encode("latin-1") + (b"" if channel.is_head else body))
