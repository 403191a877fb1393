"""The pages of one job in the admin: its state, its ledger, and the buttons “Run now”, “Pause” and “Resume”."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from access.visibility import Action, caller_of, may
from executions.admin import run_url
from executions.runs import Run
from schedules.admin.job import buttons, explain, page, pause_forms, preview
from schedules.admin.job.lookup import GONE, JobLookup
from schedules.clock.policies.resumption import Resumption
from values import clock

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern

    from schedules.models import Job


class JobPages(JobLookup):
    """Views about one job."""

    def urls(self) -> list[URLPattern]:
        return [
            self.path("<uuid:job_id>/", self.page_view, "schedules_job_page"),
            self.path("<uuid:job_id>/live/", self.live_view, "schedules_job_live"),
            self.path("<uuid:job_id>/explain/", self.explain_view, "schedules_job_explain"),
            self.path("<uuid:job_id>/run/", self.run_view, "schedules_job_run"),
            self.path("<uuid:job_id>/pause/", self.pause_view, "schedules_job_pause"),
            self.path("<uuid:job_id>/resume/", self.resume_view, "schedules_job_resume"),
        ]

    def page_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Show the job's state, next runs, last runs and definition."""
        job = self.find_to_view(request, job_id)
        if job is None:
            return self.redirect_gone(request, job_id)
        context = self.context(request, job.name, **self._describe(request, job))
        return TemplateResponse(request, "schedules/admin/job.html", context)

    def live_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Return the live part of the job's page. A script on the page requests it every few seconds."""
        job = self.find_to_view(request, job_id)
        if job is None:
            return TemplateResponse(request, "schedules/admin/gone.html", {"text": GONE}, status=404)
        return TemplateResponse(request, "schedules/admin/job_live.html", self._describe(request, job))

    def explain_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Show what happened to the job's occurrences in a window.

        The user needs the permission to view runs, but not the permission to view jobs.
        """
        if not may(caller_of(request), Action.VIEW, Run):
            raise PermissionDenied
        job = self.find(request, job_id)
        if job is None:
            return self.redirect_gone(request, job_id)
        may_view = self.admin.has_view_permission(request, job)
        context = self.context(
            request,
            f"Explain {job.name}",
            **explain.describe(job, request.GET, clock.now()),
            may_view=may_view,
            original=job if may_view else None,
        )
        return TemplateResponse(request, "schedules/admin/explain.html", context)

    @method_decorator(require_POST)
    def run_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Start a run. Redirect to the job list if the request came from there, otherwise to the run's page.

        If the run was refused, redirect to the job's page instead of the run's page.
        """
        job = self.find_to_change(request, job_id)
        if job is None:
            return self.redirect_gone(request, job_id)
        started = buttons.run_now(request, [job], clock.now())
        if started:
            self.admin.log_change(request, job, "Started a run by hand.")
        back = request.META.get("HTTP_REFERER", "")
        changelist = reverse("admin:schedules_job_changelist")
        if back.partition("?")[0] == request.build_absolute_uri(changelist):
            return HttpResponseRedirect(back)
        page_url = reverse("admin:schedules_job_page", args=[job.pk])
        return HttpResponseRedirect(run_url(started[0].pk) if started else page_url)

    def pause_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """GET shows the pause form; POST pauses the job."""
        job = self.find_to_change(request, job_id)
        if job is None:
            return self.redirect_gone(request, job_id)
        if request.method != "POST":
            return self.confirm(request, "schedules/admin/pause.html", [job])
        self.pause(request, [job])
        return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[job.pk]))

    def resume_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """GET shows how many runs each catch-up choice will start; POST resumes the job."""
        job = self.find_to_change(request, job_id)
        if job is None:
            return self.redirect_gone(request, job_id)
        if request.method != "POST":
            return self.confirm(request, "schedules/admin/resume.html", [job])
        self.resume(request, [job])
        return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[job.pk]))

    def pause(self, request: HttpRequest, jobs: list[Job]) -> None:
        """Pause jobs with the terms of the posted form, and record each pause in the admin's log.

        If the terms are invalid, show an error and pause no job.
        """
        now = clock.now()
        try:
            terms = pause_forms.read_terms(request.POST, now)
        except ValueError as error:
            messages.error(request, f"Not paused. {error}")
            return
        for job in buttons.pause(request, jobs, now, terms):
            self.admin.log_change(request, job, pause_forms.in_words(terms, now))

    def resume(self, request: HttpRequest, jobs: list[Job]) -> None:
        """Resume jobs with the catch-up that the posted form gives. Record each resumption in the admin's log.

        If the catch-up is invalid, show an error and resume no job.
        """
        try:
            catch_up = pause_forms.read_choice(request.POST)
        except ValueError as error:
            messages.error(request, f"Not resumed. {error}")
            return
        text = (
            "Resumed."
            if catch_up is Resumption.NONE
            else f"Resumed. Catch-up of the occurrences during the pause: {catch_up}."
        )
        for job in buttons.resume(request, jobs, clock.now(), catch_up):
            self.admin.log_change(request, job, text)

    def confirm(self, request: HttpRequest, template: str, jobs: list[Job], action: str = "") -> HttpResponseBase:
        """Show the page that asks the user to confirm a pause or a resumption.

        `action`: the action that was chosen in the job list; empty if a button of one job was pressed.
        """
        now, job = clock.now(), jobs[0] if len(jobs) == 1 else None
        context = self.context(
            request,
            "Are you sure?",
            jobs=jobs,
            job=job,
            original=job,
            action=action,
            my_zone=str(timezone.get_current_timezone()),
            preview=preview.preview_job(job, now) if job else None,
            **pause_forms.choices(jobs, now),
        )
        return TemplateResponse(request, template, context)

    def _describe(self, request: HttpRequest, job: Job) -> dict[str, Any]:
        caller = caller_of(request)
        return {
            **page.describe_job(job, clock.now(), caller),
            "may_delete": self.admin.has_delete_permission(request, job),
        }
