"""What all responses of the API have in common, whichever layer sends them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import JsonResponse

from values.problem_documents import API, MEDIA_TYPE, problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


def problem_response(status: int, detail: str, **headers: str) -> JsonResponse:
    """Return a problem document without errors of fields."""
    return JsonResponse(problem(status, detail), status=status, content_type=MEDIA_TYPE, headers=headers)


def complete_api_responses(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware for responses of URLs below /api/.

    It adds `Cache-Control: no-store` if there is no such header, and makes each 405 a problem document: the views of
    Django and drf-spectacular send others.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith(API):
            if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                _explain(response, request.method or "")
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return handle


def _explain(response: HttpResponse, method: str) -> None:
    """Put a problem document into a 405. Its headers stay, because other middleware has set them."""
    text = f"This URL does not accept {method[:20]}. It accepts {response.headers.get('Allow', '')}."
    response.content = problem_response(HTTPStatus.METHOD_NOT_ALLOWED, text).content
    response["Content-Type"], response["Content-Length"] = MEDIA_TYPE, str(len(response.content))
