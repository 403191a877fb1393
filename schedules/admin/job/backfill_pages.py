"""The page of a job's backfills in the admin: preview, start and cancel a backfill, and see its progress."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from access.visibility import Action, caller_of, require, visible
from schedules.admin.job import backfill_forms
from schedules.admin.job.lookup import GONE, JobLookup
from schedules.backfills import backfill
from schedules.backfills.requests import BackfillRequest
from schedules.exceptions import InvalidDefinition, JobConflict, JobGone
from schedules.models import Backfill
from values import clock

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern

    from schedules.models import Job


class BackfillPages(JobLookup):
    """Views about the backfills of one job."""

    def urls(self) -> list[URLPattern]:
        return [
            self.path("<uuid:job_id>/backfill/", self.backfill_view, "schedules_job_backfill"),
            self.path("<uuid:job_id>/backfill/live/", self.live_view, "schedules_job_backfill_live"),
            self.path(
                "<uuid:job_id>/backfill/<uuid:backfill_id>/cancel/", self.cancel_view, "schedules_job_backfill_cancel"
            ),
        ]

    def backfill_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Show the form and the latest backfills. A POST shows a preview. A POST with `confirmed` starts a backfill."""
        job = self.find_to_change(request, job_id)
        if job is None:
            return self.redirect_gone(request, job_id)
        now = clock.now()
        context: dict[str, Any] = self.context(
            request,
            f"Backfill {job.name}",
            job=job,
            original=job,
            may_change=True,
            **backfill_forms.form_context(request.POST),
            **backfill_forms.progress(job, now, caller_of(request)),
        )
        if request.method == "POST":
            try:
                wanted = backfill_forms.read_request(request.POST, now)
                if request.POST.get("confirmed"):
                    return self._start(request, job, wanted, now)
                found = backfill.preview(job, wanted, now)
                may_start = found.n_would_start > 0 or found.may_start_more
                context |= {"preview": backfill_forms.preview_text(found, now), "may_start": may_start}
            except InvalidDefinition as invalid:
                context["error"] = " ".join(text for texts in invalid.errors.values() for text in texts)
            except (ValueError, JobConflict) as error:
                context["error"] = str(error)
            except JobGone:
                return self.redirect_gone(request, job_id)
        return TemplateResponse(request, "schedules/admin/backfill.html", context)

    def live_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Return the table of the latest backfills. A script on the page requests it every few seconds."""
        job = self.find_to_view(request, job_id)
        if job is None:
            return TemplateResponse(request, "schedules/admin/gone.html", {"text": GONE}, status=404)
        context = {"job": job, "may_change": self.admin.has_change_permission(request, job)}
        context |= backfill_forms.progress(job, clock.now(), caller_of(request))
        return TemplateResponse(request, "schedules/admin/backfill_live.html", context)

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, job_id: UUID, backfill_id: UUID) -> HttpResponseBase:
        """Cancel a backfill, and redirect to the page of backfills."""
        if not self.admin.has_change_permission(request):
            raise PermissionDenied
        caller = caller_of(request)
        require(caller, Action.CHANGE, Backfill, backfill_id)
        get_object_or_404(visible(Backfill, caller), pk=backfill_id)
        try:
            backfill.cancel(backfill_id, clock.now(), actor=request.user.get_username())
            messages.success(request, "The backfill was cancelled. Its running runs, if any, continue.")
        except JobConflict as conflict:
            messages.warning(request, f"Not cancelled: {conflict}")
        return HttpResponseRedirect(reverse("admin:schedules_job_backfill", args=[job_id]))

    def _start(self, request: HttpRequest, job: Job, wanted: BackfillRequest, now: datetime) -> HttpResponseBase:
        backfill.start(job.pk, wanted, now, actor=request.user.get_username())
        self.admin.log_change(
            request, job, f"Started a backfill of occurrences after {wanted.after:%Y-%m-%d %H:%M} UTC."
        )
        messages.success(request, "The backfill has started.")
        return HttpResponseRedirect(reverse("admin:schedules_job_backfill", args=[job.pk]))
