"""Removes the bodies of responses to HEAD, which Django leaves to the server. gunicorn would log a warning for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def without_head_bodies(application: WSGIApplication) -> WSGIApplication:
    """Return an application that responds to HEAD with the headers of GET alone."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return call
