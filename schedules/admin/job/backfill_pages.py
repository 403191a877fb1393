"""The page of a job's backfills in the admin: ask, see the number, confirm, watch, cancel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from schedules.admin.job import backfill_forms
from schedules.admin.job.pages import GONE, JobPages
from schedules.backfills import backfill
from schedules.exceptions import InvalidDefinition, JobConflict, JobGone
from schedules.models import Backfill

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern

    from schedules.models import Job


class BackfillPages(JobPages):
    """The part of the job admin that is about its past."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:job_id>/backfill/", wrap(self.backfill_view), name="schedules_job_backfill"),
            path("<uuid:job_id>/backfill/live/", wrap(self.backfill_live_view), name="schedules_job_backfill_live"),
            path(
                "<uuid:job_id>/backfill/<uuid:backfill_id>/cancel/",
                wrap(self.backfill_cancel_view),
                name="schedules_job_backfill_cancel",
            ),
            *super().get_urls(),
        ]

    def backfill_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Ask for a range, say what it would open, then begin it."""
        job = self._find(request, job_id, to_change=True)
        if job is None:
            return self._gone(request, job_id)
        now = datetime.now(UTC)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Backfill {job.name}",
            "job": job,
            "original": job,
            "may_change": True,
            **backfill_forms.form_context(request.POST),
            **backfill_forms.progress(job, now),
        }
        if request.method == "POST":
            try:
                wanted = backfill_forms.read_wanted(request.POST, now)
                if request.POST.get("confirmed"):
                    return self._begin(request, job, wanted, now)
                found = backfill.preview(job, wanted, now)
                context |= {"foreseen": backfill_forms.foreseen(found, now), "may_start": found.n_would_start > 0}
            except InvalidDefinition as invalid:
                context["refusal"] = " ".join(text for texts in invalid.errors.values() for text in texts)
            except (ValueError, JobConflict) as refusal:
                context["refusal"] = str(refusal)
            except JobGone:
                return self._gone(request, job_id)
        return TemplateResponse(request, "schedules/admin/backfill.html", context)

    def backfill_live_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """How far they have come, for the page's script to put in place."""
        job = self._find(request, job_id)
        if job is None:
            return TemplateResponse(request, "schedules/admin/gone.html", {"text": GONE}, status=404)
        context = {"job": job, "may_change": self.has_change_permission(request)}
        context |= backfill_forms.progress(job, datetime.now(UTC))
        return TemplateResponse(request, "schedules/admin/backfill_live.html", context)

    @method_decorator(require_POST)
    def backfill_cancel_view(self, request: HttpRequest, job_id: UUID, backfill_id: UUID) -> HttpResponseBase:
        """End a backfill, and go back to the page."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            backfill.cancel(backfill_id, datetime.now(UTC), actor=request.user.get_username())
            messages.success(request, "The backfill was cancelled. What runs goes on.")
        except (JobConflict, Backfill.DoesNotExist) as refusal:
            messages.warning(request, f"Not cancelled: {refusal}")
        return HttpResponseRedirect(reverse("admin:schedules_job_backfill", args=[job_id]))

    def _begin(
        self, request: HttpRequest, job: Job, wanted: backfill.BackfillRequest, now: datetime
    ) -> HttpResponseBase:
        backfill.start(job.pk, wanted, now, actor=request.user.get_username())
        self.log_change(request, job, f"Started a backfill from {wanted.after:%Y-%m-%d %H:%M} UTC.")
        messages.success(request, "The backfill has begun.")
        return HttpResponseRedirect(reverse("admin:schedules_job_backfill", args=[job.pk]))
