"""Error responses of the REST API as `application/problem+json` (RFC 9457). Each error of a field is one entry."""

from __future__ import annotations

import sys
from copy import copy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, NotAuthenticated, UnsupportedMediaType
from rest_framework.exceptions import PermissionDenied as RestPermissionDenied
from rest_framework.response import Response

from access.api.exceptions import BodyTooLarge, InputValidationError, InvalidInput
from access.api.schema import NO_KEY, NOT_ALLOWED, NOT_FOUND, NOT_JSON
from executions.exceptions import RunConflict
from scheduler_project.web.api_responses import problem_response
from scheduler_project.web.content_policy import HEADER, admin_policy
from schedules.exceptions import InvalidDefinition, JobConflict, JobGone
from values.database import RETRYABLE_ERRORS, is_database_unavailable, one_line
from values.field_errors import field_errors
from values.problem_documents import API, MEDIA_TYPE, Errors, problem
from values.readable import CannotRead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

log = structlog.get_logger(__name__)

SERVER_ERROR = (
    "An internal error occurred and was logged. Before you send the request again, check whether the change was made."
)
NO_DATABASE = "The database cannot be reached at the moment. Try again in a few seconds."
DATABASE_ERROR = (
    "A database error occurred that is usually temporary. Check whether the change was made, then try again in a few "
    "seconds."
)
BAD_REQUEST = "The request cannot be read."


def error_response(error: Exception, context: Mapping[str, Any]) -> Response:
    """Return the response for an exception of an API view.

    Every server error (5xx) is logged. For an unexpected exception, the status is 500, and the response does not
    contain the exception's message.
    """
    status, detail, errors = _classify(error)
    headers = {}
    if isinstance(error, APIException) and (challenge := getattr(error, "auth_header", None)):
        headers["WWW-Authenticate"] = challenge
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        request = context["request"]
        # Such an error is about the database and not about this request, so its traceback is not needed.
        cause = {"error": one_line(error)} if isinstance(error, RETRYABLE_ERRORS) else {"exc_info": error}
        log.error("api_failed", action="answer", method=request.method, path=request.path, **cause)
    response = Response(problem(status, detail, errors), status=status, headers=headers, content_type=MEDIA_TYPE)
    # Otherwise Django logs the same error once more.
    response._has_been_logged = status >= HTTPStatus.INTERNAL_SERVER_ERROR  # type: ignore[attr-defined]
    return response


def _classify(error: Exception) -> tuple[int, str, Errors]:
    """Return the status, the detail and the errors by field for an exception."""
    match error:
        case InvalidDefinition() | InvalidInput():
            return _invalid(error.errors)
        case InputValidationError():
            return _invalid(field_errors(error.error, error.data, model=error.model))
        case JobGone() | Http404():
            return 404, NOT_FOUND, {}
        case JobConflict() | RunConflict() | CannotRead():
            return 409, str(error), {}
        case PermissionDenied():
            return 403, str(error) or NOT_ALLOWED, {}
        case RequestDataTooBig():
            return _classify(BodyTooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
        case SuspiciousOperation() | MultiPartParserError() | UnreadablePostError():
            return 400, BAD_REQUEST, {}
        case _ if isinstance(error, RETRYABLE_ERRORS):
            return 503, NO_DATABASE if is_database_unavailable(error) else DATABASE_ERROR, {}
        case RestPermissionDenied() if error.detail == error.default_detail:
            return 403, NOT_ALLOWED, {}
        case NotAuthenticated():
            return 401, NO_KEY, {}
        case UnsupportedMediaType():
            return 415, NOT_JSON, {}
        case APIException():
            return error.status_code, str(error.detail), {}
        case _:
            return 500, SERVER_ERROR, {}


def _invalid(errors: Errors) -> tuple[int, str, Errors]:
    return 400, f"{len(errors)} {'field is' if len(errors) == 1 else 'fields are'} wrong.", errors


# Django's error handlers, for requests that reach no API view. Outside the API, all pages except 404 and 503 are
# Django's own.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle status 400 (`handler400`)."""
    if request.path.startswith(API):
        return problem_response(400, BAD_REQUEST)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle status 403 (`handler403`)."""
    if request.path.startswith(API):
        return problem_response(403, NOT_ALLOWED)
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle status 404 (`handler404`)."""
    if request.path.startswith(API):
        return problem_response(404, NOT_FOUND)
    return _themed(request, "404.html", admin.site.each_context(request), 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle an uncaught exception of a request (`handler500`) with status 500.

    Outside the API, the status is 503 instead if the exception is one of RETRYABLE_ERRORS.
    """
    if request.path.startswith(API):
        return problem_response(500, SERVER_ERROR)
    error = sys.exc_info()[1]
    if isinstance(error, RETRYABLE_ERRORS):
        return _database_page(request, error)
    return defaults.server_error(request)


def _themed(request: HttpRequest, template: str, context: Mapping[str, Any], status: int) -> HttpResponse:
    """Return a page in the admin's theme, which needs the admin's policy at every URL."""
    response = render(request, template, context, status=status)
    response[HEADER] = admin_policy()
    return response


def _database_page(request: HttpRequest, error: BaseException) -> HttpResponse:
    log.error("page_failed", action="answer", method=request.method, path=request.path, error=one_line(error))
    stranger = copy(request)  # without user and messages, which may be in the database
    stranger.user = AnonymousUser()
    stranger._messages = []  # type: ignore[attr-defined]
    context = {**admin.site.each_context(stranger), "is_away": is_database_unavailable(error)}
    response = _themed(stranger, "503.html", context, 503)
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


@csrf_exempt  # this view changes nothing, and a program cannot use the HTML page of a CSRF error
def unknown_api_url(request: HttpRequest, rest: str) -> HttpResponse:
    """Return 404 for every URL under /api/ that no other view serves."""
    text = "There is nothing at this URL."
    if rest.endswith("/"):
        text += " URLs of the API have no slash at the end."
    return problem_response(404, text)
