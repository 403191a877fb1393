"""The pages of one job in the admin, and what its buttons do: run now, pause, resume."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from access.admin.theming import ModelAdmin
from executions.admin import run_url
from schedules.admin.job import buttons, explain, page, pause_forms, preview
from schedules.clock.policies.resumption import Resumption
from schedules.models import Job

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern

GONE = "This job was deleted meanwhile. Its history stays in the run list."


class JobPages(ModelAdmin[Job]):
    """The part of the job admin that is about one job."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:job_id>/", wrap(self.page_view), name="schedules_job_page"),
            path("<uuid:job_id>/live/", wrap(self.live_view), name="schedules_job_live"),
            path("<uuid:job_id>/explain/", wrap(self.explain_view), name="schedules_job_explain"),
            path("<uuid:job_id>/run/", wrap(self.run_view), name="schedules_job_run"),
            path("<uuid:job_id>/pause/", wrap(self.pause_view), name="schedules_job_pause"),
            path("<uuid:job_id>/resume/", wrap(self.resume_view), name="schedules_job_resume"),
            *super().get_urls(),
        ]

    def page_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """State, next fires, last runs and definition of a job."""
        job = self._find(request, job_id)
        if job is None:
            return self._gone(request, job_id)
        context = {
            **self.admin_site.each_context(request),
            **self._describe(request, job),
            "opts": self.opts,
            "title": job.name,
        }
        return TemplateResponse(request, "schedules/admin/job.html", context)

    def live_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """The part of the page that changes, for its script to put in place."""
        job = self._find(request, job_id)
        if job is None:
            return TemplateResponse(request, "schedules/admin/gone.html", {"text": GONE}, status=404)
        return TemplateResponse(request, "schedules/admin/job_live.html", self._describe(request, job))

    def explain_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """What the schedule named in a window, and what became of each occurrence: who may see runs sees it."""
        if not request.user.has_perm("executions.view_run"):
            raise PermissionDenied
        job = self._job(job_id)
        if job is None:
            return self._gone(request, job_id)
        context = {
            **self.admin_site.each_context(request),
            **explain.describe(job, request.GET, datetime.now(UTC)),
            "opts": self.opts,
            "title": f"Explain {job.name}",
            "may_view": self.has_view_permission(request),
            "original": job if self.has_view_permission(request) else None,
        }
        return TemplateResponse(request, "schedules/admin/explain.html", context)

    @method_decorator(require_POST)
    def run_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Start a run: from the job's page on to the run's, from the list back to the list."""
        job = self._find(request, job_id, to_change=True)
        if job is None:
            return self._gone(request, job_id)
        started = buttons.run_now(request, [job], datetime.now(UTC))
        if started:
            self.log_change(request, job, "Started a run by hand.")
        back = request.META.get("HTTP_REFERER", "")
        changelist = reverse("admin:schedules_job_changelist")
        if back.partition("?")[0] == request.build_absolute_uri(changelist):
            return HttpResponseRedirect(back)
        page_url = reverse("admin:schedules_job_page", args=[job.pk])
        return HttpResponseRedirect(run_url(started[0].pk) if started else page_url)

    def pause_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Ask for the reason, then pause."""
        job = self._find(request, job_id, to_change=True)
        if job is None:
            return self._gone(request, job_id)
        if request.method != "POST":
            return self.ask(request, "schedules/admin/pause.html", [job])
        self.do_pause(request, [job])
        return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[job.pk]))

    def resume_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Say what resuming will do, then do it."""
        job = self._find(request, job_id, to_change=True)
        if job is None:
            return self._gone(request, job_id)
        if request.method != "POST":
            return self.ask(request, "schedules/admin/resume.html", [job])
        self.do_resume(request, [job])
        return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[job.pk]))

    def do_pause(self, request: HttpRequest, jobs: list[Job]) -> None:
        """Pause these jobs with the reason that was posted, and note it in the admin's log."""
        now = datetime.now(UTC)
        try:
            terms = pause_forms.read_terms(request.POST, now)
        except ValueError as refusal:
            messages.error(request, f"Not paused. {refusal}")
            return
        for job in buttons.pause(request, jobs, now, terms):
            self.log_change(request, job, terms.in_words(now))

    def do_resume(self, request: HttpRequest, jobs: list[Job]) -> None:
        """Resume these jobs with the choice that was posted, and note it in the admin's log."""
        catch_up = pause_forms.read_choice(request.POST)
        for job in buttons.resume(request, jobs, datetime.now(UTC), catch_up):
            self.log_change(request, job, "Resumed." if catch_up is Resumption.NONE else f"Resumed with {catch_up}.")

    def ask(self, request: HttpRequest, template: str, jobs: list[Job], action: str = "") -> HttpResponseBase:
        """The question before a pause or a resume, of one job or (with the list's `action`) of several."""
        now, job = datetime.now(UTC), jobs[0] if len(jobs) == 1 else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Are you sure?",
            "jobs": jobs,
            "job": job,
            "original": job,
            "action": action,
            "my_zone": str(timezone.get_current_timezone()),
            **pause_forms.choices(jobs, now),
            "outlook": preview.of_job(job, now) if job else None,
        }
        return TemplateResponse(request, template, context)

    def _find(self, request: HttpRequest, job_id: UUID, *, to_change: bool = False) -> Job | None:
        allowed = self.has_change_permission(request) if to_change else self.has_view_permission(request)
        if not allowed:
            raise PermissionDenied
        return self._job(job_id)

    def _job(self, job_id: UUID) -> Job | None:
        return Job.objects.select_related("spec").filter(pk=job_id).first()

    def _describe(self, request: HttpRequest, job: Job) -> dict[str, Any]:
        return {
            **page.describe_job(job, datetime.now(UTC), may_change=self.has_change_permission(request)),
            "may_delete": self.has_delete_permission(request),
            "may_explain": request.user.has_perm("executions.view_run"),
        }

    def _gone(self, request: HttpRequest, job_id: UUID) -> HttpResponseRedirect:
        messages.warning(request, GONE)
        return HttpResponseRedirect(f"{reverse('admin:executions_run_changelist')}?job={job_id}")
