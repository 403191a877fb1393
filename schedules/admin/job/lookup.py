"""Looks up the job of a page, if the caller may see or change the job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import reverse

from access.admin.pages import Pages
from access.visibility import caller_of, visible
from schedules.models import Job

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest

GONE = "There is no such job. The history of a deleted job stays in the run list until retention prunes it."


class JobLookup(Pages[Job]):
    """Base class of the pages about one job: finds the job."""

    def find_to_view(self, request: HttpRequest, job_id: UUID) -> Job | None:
        """Return the job with its definition, or None if the caller can see no such job.

        Raises PermissionDenied if the caller may not view jobs.
        """
        if not self.admin.has_view_permission(request):
            raise PermissionDenied
        return self.find(request, job_id)

    def find_to_change(self, request: HttpRequest, job_id: UUID) -> Job | None:
        """Return the job with its definition, or None if the caller can see no such job.

        Raises PermissionDenied if the caller may not change jobs, or may not change this job.
        """
        if not self.admin.has_change_permission(request):
            raise PermissionDenied
        job = self.find(request, job_id)
        if job is not None and not self.admin.has_change_permission(request, job):
            raise PermissionDenied
        return job

    def find(self, request: HttpRequest, job_id: UUID) -> Job | None:
        """Return the job with its definition, or None if the caller can see no such job."""
        return visible(Job, caller_of(request)).select_related("spec").filter(pk=job_id).first()

    def redirect_gone(self, request: HttpRequest, job_id: UUID) -> HttpResponseRedirect:
        """Redirect to the list of the job's runs, with the message that there is no such job."""
        messages.warning(request, GONE)
        return HttpResponseRedirect(f"{reverse('admin:executions_run_changelist')}?job={job_id}")
