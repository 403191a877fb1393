"""The admin's job list, job form and job page. Whatever changes a job goes through definitions and triggers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from executions.admin import shown
from executions.admin.detail import target_words
from executions.admin.lists import MAX_SELECTED, PER_PAGE, UncountedChangeList
from executions.models import Run
from executions.states import RunStatus
from schedules import definitions
from schedules.admin import buttons, outlook, page
from schedules.admin.filters import ScheduleFilter, StateFilter, TargetFilter
from schedules.admin.form import JobForm
from schedules.admin.job_pages import GONE, JobPages
from schedules.clock.describe import describe
from schedules.clock.zones import zone, zone_names
from schedules.exceptions import JobGone
from schedules.models import Job, JobState

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest, HttpResponse, HttpResponseBase
    from django.urls import URLPattern
    from django.utils.safestring import SafeString


class JobChangeList(UncountedChangeList):
    """The job list with the latest run of each job on the page: one query more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        latest = page.last_runs([job.pk for job in self.result_list])
        for job in self.result_list:
            job.last_run = latest.get(job.pk)


@admin.register(Job)
class JobAdmin(JobPages):
    """What runs, and when."""

    form = JobForm
    list_display = (
        "name_shown",
        "state_shown",
        "schedule_shown",
        "target_shown",
        "next_shown",
        "last_shown",
        "buttons_shown",
    )
    list_display_links = None
    list_filter = (StateFilter, TargetFilter, ScheduleFilter)
    list_filter_submit = True
    list_fullwidth = True
    list_disable_select_all = True
    list_per_page = PER_PAGE
    list_select_related = ("spec",)
    list_before_template = "mainspring/chips.html"
    chips = (("All", "state", ""), *((str(state.label), "state", state.value) for state in JobState))
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    search_fields = ("name",)
    search_help_text = "Part of the name, or the job's id"
    ordering = ("-id",)
    actions = ("run_selected", "pause_selected", "resume_selected")
    warn_unsaved_form = True
    change_form_template = "schedules/admin/job_form.html"
    delete_confirmation_template = "schedules/admin/delete.html"
    delete_selected_confirmation_template = "schedules/admin/delete_selected.html"
    empty_title = "No jobs yet"
    empty_text = (
        "A job says what to run (an HTTP request or a command) and when. Create one here, or send it to the REST API."
    )

    # The list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        term = search_term.strip()
        if not term or "\0" in term:
            return (queryset.none() if term else queryset), False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            return queryset.filter(name__icontains=term), False

    @admin.display(description="Name", ordering="name")
    def name_shown(self, job: Job) -> SafeString:
        url = reverse("admin:schedules_job_page", args=[job.pk])
        return format_html('<a class="ms-name" href="{}" dir="auto">{}</a>', url, job.name)

    @admin.display(description="State")
    def state_shown(self, job: Job) -> SafeString:
        return page.state_badge(job)

    @admin.display(description="Schedule")
    def schedule_shown(self, job: Job) -> SafeString:
        expression = job.schedule.get("cron") or job.schedule.get("every") or ""
        text = '<span class="ms-two"><span>{}</span><code>{}</code></span>'
        return format_html(text, describe(job.schedule_spec), expression)

    @admin.display(description="Target")
    def target_shown(self, job: Job) -> SafeString:
        verb, what = target_words(job.spec.target_kind, job.target)
        return format_html('<span class="ms-two" title="{1}"><span>{0}</span><span>{1}</span></span>', verb, what)

    @admin.display(description="Next run", ordering="next_run_at")
    def next_shown(self, job: Job) -> SafeString:
        place = zone(job.schedule.get("timezone", "UTC"))
        return shown.instant(job.next_fire_at, job.now, place)  # type: ignore[attr-defined]  # set by the change list

    @admin.display(description="Last run")
    def last_shown(self, job: Job) -> SafeString:
        run: Run | None = job.last_run  # type: ignore[attr-defined]  # set by the change list
        if run is None:
            return shown.NONE
        when = shown.ago(run.nominal_at, job.now)  # type: ignore[attr-defined]
        return format_html('<a class="ms-last" href="{}">{} {}</a>', shown.run_url(run.pk), shown.run_badge(run), when)

    @admin.display(description="")
    def buttons_shown(self, job: Job) -> SafeString:
        return render_to_string(
            "schedules/admin/row_buttons.html", {"job": job, "is_paused": job.state == JobState.PAUSED}
        )

    @admin.action(description="Run the selected jobs now", permissions=["change"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        buttons.run_now(request, list(queryset[:MAX_SELECTED]), datetime.now(UTC))

    @admin.action(description="Pause the selected jobs", permissions=["change"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponseBase | None:
        jobs = list(queryset[:MAX_SELECTED])
        if request.POST.get("confirmed"):
            self.do_pause(request, jobs)
            return None
        return self.ask(request, "schedules/admin/pause.html", jobs, "pause_selected")

    @admin.action(description="Resume the selected jobs", permissions=["change"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponseBase | None:
        jobs = list(queryset[:MAX_SELECTED])
        if request.POST.get("confirmed"):
            self.do_resume(request, jobs)
            return None
        return self.ask(request, "schedules/admin/resume.html", jobs, "resume_selected")

    # The form

    def get_fieldsets(self, request: HttpRequest, obj: Job | None = None) -> Any:
        return [(None, {"fields": list(JobForm.base_fields)})]

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", preview, name="schedules_job_preview"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        is_look = request.method == "GET" and not self.has_change_permission(request)
        job = self.get_object(request, object_id) if is_look else None
        if job is not None and self.has_view_permission(request):
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
        context, errors = outlook.live(request.POST, datetime.now(UTC))
        return JsonResponse({"html": render_to_string("schedules/admin/outlook.html", context), "errors": errors})

    # Deleting

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
            found = Run.objects.filter(job_id=job.pk)
            context |= {
                "n_waiting": found.filter(status__in=[RunStatus.QUEUED, RunStatus.RETRYING]).count(),
                "n_running": found.filter(status=RunStatus.RUNNING).count(),
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
