"""The admin of jobs: the list, the form and deletion. `schedules.jobs.definitions` writes the changes."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import reverse

from access.admin.lists import MAX_SELECTED, PER_PAGE
from access.admin.theming import ModelAdmin
from access.visibility import Action, caller_of, limit, visible
from executions import history
from executions.states import RunStatus
from schedules import queries
from schedules.admin.form.form import JobForm
from schedules.admin.job import buttons, columns, page
from schedules.admin.job.backfill_pages import BackfillPages
from schedules.admin.job.editing import FormPages
from schedules.admin.job.filters import ScheduleFilter, StateFilter, TargetFilter
from schedules.admin.job.lookup import GONE
from schedules.admin.job.pages import JobPages
from schedules.admin.job.pause_pages import PauseSetPages
from schedules.admin.job.rows import JobChangeList
from schedules.admin.targets import SECTIONS
from schedules.clock.zones.zones import zone_names
from schedules.exceptions import InvalidDefinition, JobGone
from schedules.jobs import definitions
from schedules.models import Chain, Job, JobState, jobs_named
from values import clock
from values.ids import read_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.admin import AdminSite
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest, HttpResponse, HttpResponseBase
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

UNKNOWN_KIND = "This job can't be edited: this version of Mainspring does not support its kind of target, “{}”."


@admin.register(Job)
class JobAdmin(ModelAdmin[Job]):
    """The job list, the job form, and the pages of one job."""

    list_display = ("name_shown", "state_shown", "schedule_shown", "next_shown", "last_shown", "buttons_shown")
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
    search_fields = ("spec__job_name",)
    search_help_text = "Id, or part of the name"
    actions = ("run_selected", "pause_selected", "resume_selected")
    empty_title = "No jobs yet"
    empty_text = (
        "A job defines what to run (an HTTP request or a command) and when. Create a job here or through the REST API."
    )
    form = JobForm
    warn_unsaved_form = True
    change_form_template = "schedules/admin/job_form.html"
    delete_confirmation_template = "schedules/admin/delete.html"
    delete_selected_confirmation_template = "schedules/admin/delete_selected.html"

    def __init__(self, model: type[Job], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        self.job_pages = JobPages(self)
        self.pages = (FormPages(self), PauseSetPages(self), BackfillPages(self), self.job_pages)

    def get_urls(self) -> list[URLPattern]:
        return [*(url for pages in self.pages for url in pages.urls()), *super().get_urls()]

    # The list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if wanted := read_id(term):
            return queryset.filter(pk=wanted), False
        return queryset.filter(jobs_named(term)), False

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # Sort by the job's id in the definition: the order is the same, and the indexes of the definitions support it.
        by_definition = request.GET.get(SEARCH_VAR) or request.GET.get(TargetFilter.parameter_name)
        return ("-spec__job_id",) if by_definition else ("-id",)

    # The change list sets `now` and `last_run` on each job.

    @admin.display(description="Job", ordering="spec__job_name")
    def name_shown(self, job: Job) -> SafeString:
        return columns.name(job)

    @admin.display(description="State")
    def state_shown(self, job: Job) -> SafeString:
        return page.state_badge(job, job.pause_reason)

    @admin.display(description="Schedule")
    def schedule_shown(self, job: Job) -> SafeString:
        return columns.schedule(job)

    @admin.display(description="Next run", ordering="next_run_at")
    def next_shown(self, job: Job) -> SafeString:
        return columns.next_run(job, job.now)  # type: ignore[attr-defined]

    @admin.display(description="Last run")
    def last_shown(self, job: Job) -> SafeString:
        return columns.last_run(job.last_run, job.now)  # type: ignore[attr-defined]

    @admin.display(description="")
    def buttons_shown(self, job: Job) -> SafeString:
        return columns.buttons(job)

    @admin.action(description="Run the selected jobs now", permissions=["change"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        buttons.run_now(request, list(queryset[:MAX_SELECTED]), clock.now())

    @admin.action(description="Pause the selected jobs", permissions=["change"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponseBase | None:
        jobs = list(queryset[:MAX_SELECTED])
        if request.POST.get("confirmed"):
            self.job_pages.pause(request, jobs)
            return None
        return self.job_pages.confirm(request, "schedules/admin/pause.html", jobs, "pause_selected")

    @admin.action(description="Resume the selected jobs", permissions=["change"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponseBase | None:
        jobs = list(queryset[:MAX_SELECTED])
        if request.POST.get("confirmed"):
            self.job_pages.resume(request, jobs)
            return None
        return self.job_pages.confirm(request, "schedules/admin/resume.html", jobs, "resume_selected")

    # The form

    def get_fieldsets(self, request: HttpRequest, obj: Job | None = None) -> Any:
        return [(None, {"fields": list(JobForm.base_fields)})]

    def get_form(self, request: HttpRequest, obj: Job | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)  # a new class for each request
        form.caller = caller_of(request)
        return form

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.get_object(request, object_id) if self.has_view_permission(request) else None
        is_unknown_kind = job is not None and job.spec.target_kind not in SECTIONS
        may_only_view = request.method == "GET" and not self.has_change_permission(request, job)
        if job is not None and (may_only_view or is_unknown_kind):
            if not may_only_view:
                messages.error(request, UNKNOWN_KIND.format(job.spec.target_kind))
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
        job_id = read_id(object_id or "") if request.method == "POST" else None
        try:
            with transaction.atomic():
                if job_id and self.has_change_permission(request):
                    # From the comparison with the job (`JobForm.meanwhile`) to the write, nobody else may change it.
                    queries.lock_job(job_id)
                return super().changeform_view(request, object_id, form_url, context)
        except JobGone:
            messages.error(request, GONE)
        except InvalidDefinition as invalid:  # another job was changed after the form had been validated
            messages.error(request, f"Nothing was saved. {' '.join(chain.from_iterable(invalid.errors.values()))}")
        return HttpResponseRedirect(reverse("admin:schedules_job_changelist"))

    def save_model(self, request: HttpRequest, obj: Job, form: ModelForm[Job], change: bool) -> None:
        assert isinstance(form, JobForm)
        assert form.definition is not None
        actor, caller = request.user.get_username(), caller_of(request)
        if change:
            saved = definitions.replace(obj.pk, form.definition, form.now, actor=actor, caller=caller)
        else:
            saved = definitions.create(form.definition, form.now, actor=actor, caller=caller)
        obj.pk, obj.name = saved.pk, saved.name

    def response_post_save_add(self, request: HttpRequest, obj: Job) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[obj.pk]))

    def response_post_save_change(self, request: HttpRequest, obj: Job) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:schedules_job_page", args=[obj.pk]))

    # Deletion

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        # Django would list every row that refers to these jobs. But their history is not deleted.
        return [str(job) for job in objs], {"jobs": len(objs)}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = extra_context or {}
        if (job := self.get_object(request, object_id)) is not None:
            caller = caller_of(request)
            live = history.count_live_of_job(job.pk, caller)
            context |= {
                "n_waiting": sum(n for status, n in live.items() if status is not RunStatus.RUNNING),
                "started": list(visible(Chain, caller).filter(source=job).select_related("job")),
                "n_running": live.get(RunStatus.RUNNING, 0),
            }
        return super().delete_view(request, object_id, context)

    def delete_model(self, request: HttpRequest, obj: Job) -> None:
        self._delete(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._delete(request, limit(queryset, caller_of(request), Action.DELETE))

    def _delete(self, request: HttpRequest, jobs: Iterable[Job]) -> None:
        now = clock.now()
        for job in jobs:
            try:
                definitions.delete(job.pk, now, actor=request.user.get_username())
            except JobGone:
                continue
