"""All URLs of the web process."""

from __future__ import annotations

from typing import Never

from django.conf import settings
from django.contrib import admin
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import include, path
from django.views.generic import RedirectView

from access.admin.sign_in import sign_in
from scheduler_project.web.openapi import RedocPage, SwaggerPage, openapi, redirect_to_docs
from scheduler_project.web.problems import unknown_api_url

handler400 = "scheduler_project.web.problems.bad_request"
handler403 = "scheduler_project.web.problems.permission_denied"
handler404 = "scheduler_project.web.problems.page_not_found"
handler500 = "scheduler_project.web.problems.server_error"


def redirect_to_flower(request: HttpRequest) -> HttpResponseRedirect:
    """Redirect to Flower, or to the admin if MAINSPRING_FLOWER_URL is not set.

    After a sign-in, Django redirects only to its own host and port, so the sign-in for Flower leads to this URL first.
    """
    return HttpResponseRedirect(settings.FLOWER_URL or "/admin/")


def no_redirect(request: HttpRequest, rest: str) -> Never:
    """Raise Http404."""
    raise Http404


def search(request: HttpRequest) -> HttpResponse:
    """Serve the theme's search. Raises Http404 if the page in the URL does not exist."""
    try:
        found: HttpResponse = admin.site.search(request)  # type: ignore[attr-defined]  # the theme's site
    except InvalidPage:
        raise Http404 from None
    return found


urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    # Django's view for these URLs redirects to an object's page outside the admin, and fails for ids that are UUIDs.
    # No model of Mainspring has such a page.
    path("admin/r/<path:rest>", no_redirect),
    path("admin/login/", sign_in),
    path("admin/search/", admin.site.admin_view(search)),
    path("admin/", admin.site.urls),
    path("api/", redirect_to_docs),
    path("api/docs", SwaggerPage.as_view(), name="api-docs"),
    path("api/redoc", RedocPage.as_view(), name="api-redoc"),
    path("api/v1/", redirect_to_docs),
    path("api/v1/openapi.json", openapi, name="openapi"),
    path("api/v1/", include("executions.api.urls")),
    path("api/v1/", include("schedules.api.urls")),
    path("api/<path:rest>", unknown_api_url),
    path("flower/", redirect_to_flower, name="flower"),
]
