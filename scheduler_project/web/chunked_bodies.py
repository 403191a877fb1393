"""Reads bodies that are sent with `Transfer-Encoding: chunked`. Django reads only bodies with a `Content-Length`."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from scheduler_project.web.server.connection import MAX_BODY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def with_content_length(application: WSGIApplication) -> WSGIApplication:
    """Return an application that sees a chunked body as if it had been sent with a `Content-Length`.

    A body of more than MAX_BODY bytes gets a length above every limit, so that Django refuses it. The server's
    exception for a malformed body is not caught: the server responds with 400.
    """

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            body = environ["wsgi.input"].read(MAX_BODY + 1)
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return call
