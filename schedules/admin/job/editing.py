"""The job form and the deletion of jobs in the admin. Whatever changes a job goes through definitions."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from executions import history
from executions.states import RunStatus
from schedules.admin.form.form import JobForm
from schedules.admin.job import preview as job_preview
from schedules.admin.job.pages import GONE
from schedules.admin.job.pause_pages import PausePages
from schedules.admin.targets import SECTIONS
from schedules.clock.zones.zones import zone_names
from schedules.exceptions import InvalidDefinition, JobGone
from schedules.jobs import definitions
from schedules.models import Job, jobs_named

if TYPE_CHECKING:
    from django.forms import ModelForm
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

MOST_NAMES = 30  # of more, a longer part of the name is to be typed
STRANGE = "This job can't be edited here: its target is of the kind “{}”, made by another version of Mainspring."


class JobEditing(PausePages):
    """The part of the job admin that makes, changes and deletes jobs."""

    form = JobForm
    warn_unsaved_form = True
    change_form_template = "schedules/admin/job_form.html"
    delete_confirmation_template = "schedules/admin/delete.html"
    delete_selected_confirmation_template = "schedules/admin/delete_selected.html"

    def get_fieldsets(self, request: HttpRequest, obj: Job | None = None) -> Any:
        return [(None, {"fields": list(JobForm.base_fields)})]

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview_view)
        names = self.admin_site.admin_view(self.names_view)
        return [
            path("preview/", preview, name="schedules_job_preview"),
            path("names/", names, name="schedules_job_names"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.get_object(request, object_id) if self.has_view_permission(request) else None
        is_strange = job is not None and job.spec.target_kind not in SECTIONS
        is_look = request.method == "GET" and not self.has_change_permission(request)
        if job is not None and (is_look or is_strange):
            if not is_look:
                messages.error(request, STRANGE.format(job.spec.target_kind))
            return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[job.pk]))
        return super().change_view(request, object_id, form_url, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {**(extra_context or {}), "zone_names": sorted(zone_names()), "show_save_and_add_another": False}
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except JobGone:
            messages.error(request, GONE)
        except InvalidDefinition as invalid:  # somebody has changed another job meanwhile
            messages.error(request, f"Nothing was saved. {' '.join(chain.from_iterable(invalid.errors.values()))}")
        return HttpResponseRedirect(reverse("admin:schedules_job_changelist"))

    def save_model(self, request: HttpRequest, obj: Job, form: ModelForm[Job], change: bool) -> None:
        assert isinstance(form, JobForm)
        assert form.definition is not None
        actor = request.user.get_username()
        if change:
            saved = definitions.replace(obj.pk, form.definition, form.now, actor=actor)
        else:
            saved = definitions.create(form.definition, form.now, actor=actor)
        obj.pk, obj.name = saved.pk, saved.name

    def response_post_save_add(self, request: HttpRequest, obj: Job) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[obj.pk]))

    def response_post_save_change(self, request: HttpRequest, obj: Job) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[obj.pk]))

    @method_decorator(require_POST)
    def preview_view(self, request: HttpRequest) -> JsonResponse:
        """The live preview: {"html": …, "errors": {field: [sentence, …]}} for the form's present values."""
        if not (self.has_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        context, errors = job_preview.live(request.POST, datetime.now(UTC))
        return JsonResponse({"html": render_to_string("schedules/admin/outlook.html", context), "errors": errors})

    def names_view(self, request: HttpRequest) -> JsonResponse:
        """Jobs with `term` in their name, the newest first, as the form's field for other jobs asks for them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        term = request.GET.get("term", "").strip()[:255]
        jobs = Job.objects.order_by("-id")
        if term:
            # The same order, as the indexes of the definitions have it.
            named = jobs_named(term) if "\0" not in term else Q(pk=None)
            jobs = Job.objects.filter(named, spec__superseded_at=None).order_by("-spec__job_id")
        found = [{"id": str(pk), "text": name} for pk, name in jobs.values_list("pk", "name")[:MOST_NAMES]]
        return JsonResponse({"results": found})

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        # Django would gather every row that points at the job; history stays, so there is nothing to gather.
        return [str(job) for job in objs], {"jobs": len(objs)}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = extra_context or {}
        if (job := self.get_object(request, object_id)) is not None:
            live = history.count_live_of_job(job.pk)
            context |= {
                "n_waiting": sum(n for status, n in live.items() if status is not RunStatus.RUNNING),
                "started": list(job.starts.select_related("job")),
                "n_running": live.get(RunStatus.RUNNING, 0),
            }
        return super().delete_view(request, object_id, context)

    def delete_model(self, request: HttpRequest, obj: Job) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        now = datetime.now(UTC)
        for job in queryset:
            try:
                definitions.delete(job.pk, now, actor=request.user.get_username())
            except JobGone:
                continue
