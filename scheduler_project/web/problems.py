"""Every error of the REST API as `application/problem+json` (RFC 9457), with one entry for each field."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from access.api.exceptions import BodyTooLarge, InputValidationError, InvalidInput
from access.api.schema import PROBLEM
from executions.exceptions import RunConflict
from schedules.exceptions import InvalidDefinition, JobConflict, JobGone
from values.database import one_line
from values.field_errors import field_errors
from values.json_values import clean_text
from values.readable import CannotRead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

log = structlog.get_logger(__name__)

API = "/api/"
GONE = "There is nothing here: it never was, or it was deleted."
FAILED = "Something went wrong here, and it has been logged. The request may be sent again."
NO_DATABASE = "The database cannot be reached just now. Try again in a moment."
Errors = dict[str, list[str]]


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer an exception of an API view. What nobody foresaw is logged, and answered by a 500 that gives nothing away."""
    status, detail, errors = _judge(error)
    headers = {}
    if isinstance(error, APIException):
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(round(wait))
        if challenge := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        request = context["request"]
        # A database that is away says the same for each request: where in the code it was asked tells nobody more.
        what = {"error": one_line(error)} if detail is NO_DATABASE else {"exc_info": error}
        log.error("api_failed", action="answer", method=request.method, path=request.path, **what)
    response = Response(problem(status, detail, errors), status=status, headers=headers, content_type=PROBLEM)
    # Django would add a line of its own.
    response._has_been_logged = status >= HTTPStatus.INTERNAL_SERVER_ERROR  # type: ignore[attr-defined]
    return response


def problem(status: int, detail: str, errors: Errors | None = None) -> dict[str, Any]:
    """Return a problem's members. Texts are cleaned: they may quote what somebody sent."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": clean_text(detail),
    }
    if errors:
        body["errors"] = [
            {"field": clean_text(name), "message": clean_text(text)} for name, texts in errors.items() for text in texts
        ]
    return body


def _judge(error: Exception) -> tuple[int, str, Errors]:
    """Return status, detail and errors by field."""
    match error:
        case InvalidDefinition() | InvalidInput():
            return _invalid(error.errors)
        case InputValidationError():
            return _invalid(field_errors(error.error, error.data, known_names=error.known_names))
        case JobGone() | Http404():
            return 404, GONE, {}
        case JobConflict() | RunConflict() | CannotRead():
            return 409, str(error), {}
        case PermissionDenied():
            return 403, str(error) or "You may not do this.", {}
        case RequestDataTooBig():
            return _judge(BodyTooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
        case SuspiciousOperation() | MultiPartParserError() | UnreadablePostError():
            return 400, "The request cannot be understood.", {}
        case OperationalError() | InterfaceError():
            return 503, NO_DATABASE, {}
        case APIException():
            return error.status_code, str(error.detail), {}
        case _:
            return 500, FAILED, {}


def _invalid(errors: Errors) -> tuple[int, str, Errors]:
    return 400, f"{len(errors)} {'field is' if len(errors) == 1 else 'fields are'} wrong.", errors


# What never reaches a view of the API: Django asks these. Pages outside the API keep Django's own, but for what does not exist.


def _answer(status: int, detail: str) -> JsonResponse:
    return JsonResponse(problem(status, detail), status=status, content_type=PROBLEM)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`"""
    if request.path.startswith(API):
        return _answer(400, "The request cannot be understood.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`"""
    if request.path.startswith(API):
        return _answer(403, "You may not do this.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`"""
    if request.path.startswith(API):
        return _answer(404, GONE)
    return render(request, "404.html", admin.site.each_context(request), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`"""
    if request.path.startswith(API):
        return _answer(500, FAILED)
    return defaults.server_error(request)


@csrf_exempt  # there is nothing here to forge, and a form's page would be no answer to a program
def no_such_address(request: HttpRequest, rest: str) -> HttpResponse:
    """Whatever else is asked for under /api/."""
    text = "There is nothing at this address."
    if rest.endswith("/"):
        text += " Addresses of the API have no slash at their end."
    return _answer(404, text)
