"""The OpenAPI document and the pages that show it. They are public, because they contain no data of users."""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.decorators.http import condition, require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

from scheduler_project.web.content_policy import HEADER, policy

if TYPE_CHECKING:
    from django.http import HttpRequest


_building = threading.Lock()  # drf-spectacular fails if two threads build a document for the first time


def document() -> bytes:
    """Return the API's OpenAPI 3.1 document as JSON. The document is built once, because only new code changes it."""
    with _building:
        return _document()


@lru_cache(maxsize=1)
def _document() -> bytes:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # untyped library
    schema = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(schema, ensure_ascii=False).encode()


def _etag(request: HttpRequest) -> str:
    return f'"{sha256(document()).hexdigest()}"'


@csrf_exempt  # a program that sends another method needs the 405, not the HTML page of a CSRF error
@require_safe
@condition(etag_func=_etag)
@cache_control(no_cache=True)
def openapi(request: HttpRequest) -> HttpResponse:
    """Serve /api/v1/openapi.json. Caches may store it, and must ask whether it has changed: an upgrade changes it."""
    return HttpResponse(document(), content_type="application/json")


@csrf_exempt  # see `openapi`
@require_safe
def redirect_to_docs(request: HttpRequest) -> HttpResponse:
    """Redirect to Swagger UI."""
    return redirect("api-docs")


@method_decorator(ensure_csrf_cookie, name="dispatch")
class SwaggerPage(SpectacularSwaggerSplitView):
    """/api/docs: Swagger UI, which sends requests with an API key or as the signed-in user."""

    authentication_classes = ()
    http_method_names = ("get", "head")
    url_name = "openapi"


class RedocPage(SpectacularRedocView):
    """/api/redoc: Redoc, which shows the OpenAPI document and sends no requests to the API."""

    authentication_classes = ()
    http_method_names = ("get", "head")
    schema = None  # the document does not list this page
    url_name = "openapi"
    template_name = "api/redoc.html"

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response: HttpResponse = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response[HEADER] = policy(worker_src="blob:")
        return response
