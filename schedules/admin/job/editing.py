"""Views that the job form's script calls: the live preview of the schedule, and the search for other jobs by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from access.admin.pages import Pages
from access.visibility import caller_of, visible
from schedules.admin.job.preview import preview_form
from schedules.models import HAS_PRESENT_SPEC, MAX_JOB_NAME_LENGTH, Job, jobs_named
from values import clock

if TYPE_CHECKING:
    from django.urls import URLPattern

MAX_NAMES_LISTED = 30  # jobs that a list shows; to find another job, the user types more of its name


class FormPages(Pages[Job]):
    """Views that the script of the job form calls."""

    def urls(self) -> list[URLPattern]:
        return [
            self.path("preview/", self.preview_view, "schedules_job_preview"),
            self.path("names/", self.names_view, "schedules_job_names"),
        ]

    @method_decorator(require_POST)
    def preview_view(self, request: HttpRequest) -> JsonResponse:
        """Return the live preview of the posted values: {"html": …, "errors": {field: [sentence, …]}}."""
        if not (self.admin.has_change_permission(request) or self.admin.has_add_permission(request)):
            raise PermissionDenied
        context, errors = preview_form(request.POST, clock.now())
        return JsonResponse({"html": render_to_string("schedules/admin/preview.html", context), "errors": errors})

    def names_view(self, request: HttpRequest) -> JsonResponse:
        """Return the newest jobs whose name matches `term`, in the format of the form's select widget.

        Without a `term`, every name matches.
        """
        if not self.admin.has_view_permission(request):
            raise PermissionDenied
        term = request.GET.get("term", "").strip()[:MAX_JOB_NAME_LENGTH]
        jobs = visible(Job, caller_of(request)).order_by("-id")
        if term:
            # Sort by the job's id in the definition: the order is the same, and the definitions' index supports it.
            jobs = jobs.filter(jobs_named(term), HAS_PRESENT_SPEC).order_by("-spec__job_id")
        found = [{"id": str(pk), "text": name} for pk, name in jobs.values_list("pk", "name")[:MAX_NAMES_LISTED]]
        return JsonResponse({"results": found})
