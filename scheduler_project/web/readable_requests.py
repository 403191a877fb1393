"""Refuses requests that no view can read, such as compressed bodies and NUL characters in the URL of a page."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpResponse

from scheduler_project.web.api_responses import problem_response
from scheduler_project.web.known_charsets import HAS_OTHER_CHARSET
from values.problem_documents import API

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

COMPRESSED = "The body is compressed: send it without the header Content-Encoding."


def refuse_unreadable(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware that refuses a compressed body, and a request of a page that states another charset, with 415.

    A form that is too large gets 413, and a NUL in the URL of a page 400: PostgreSQL refuses NUL characters, so that a
    filter or an id with one would be a server error. The API checks sizes and parameters itself, because its errors
    name the limit of the operation and the parameter; and it reads each body as UTF-8.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        is_api = request.path.startswith(API)
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            return _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, COMPRESSED, is_api=is_api)
        if not is_api and request.META.get(HAS_OTHER_CHARSET):
            return _refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The charset is not supported: send UTF-8.", is_api=False
            )
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if not is_api and limit and int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            text = f"The form is too large: the limit is {limit} bytes."
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text, is_api=False)
        if not is_api and ("\0" in request.path or _has_nul(request)):
            raise BadRequest("The URL contains a NUL character.")
        return get_response(request)

    return handle


def _refusal(status: HTTPStatus, text: str, *, is_api: bool) -> HttpResponse:
    if is_api:
        return problem_response(status, text)
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


def _has_nul(request: HttpRequest) -> bool:
    return any("\0" in text for name, values in request.GET.lists() for text in (name, *values))
