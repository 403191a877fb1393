"""The admin of runs: a read-only list with the actions Retry and Cancel. Only the engine writes runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.urls import reverse
from django.utils.html import format_html

from access.admin.lists import MAX_SELECTED, PER_PAGE, counted
from access.admin.theming import ModelAdmin
from access.visibility import Action, caller_of, may
from executions import runs, words
from executions.admin import shown
from executions.admin.filters import (
    JobFilter,
    NominalFilter,
    OriginFilter,
    ReasonFilter,
    StatusFilter,
    ordering_of,
)
from executions.admin.run_list import RunChangeList
from executions.admin.run_pages import RunPages
from executions.exceptions import RunConflict
from executions.models import DEFINITIONS, Run
from executions.states import STATUS_LABELS, RunStatus, origin_label
from values import clock, instants
from values.readable import CannotRead

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

MAX_NOTE_LENGTH = 160  # characters: two lines of the list; the tooltip has the whole text


@admin.register(Run)
class RunAdmin(ModelAdmin[Run]):
    """The list of runs and the page of each run."""

    list_display = (
        "status_shown",
        "job_shown",
        "nominal",
        "lateness",
        "took",
        "attempts_shown",
        "origin_shown",
        "note",
    )
    list_display_links = ("nominal",)
    list_filter = (StatusFilter, OriginFilter, ReasonFilter, ("nominal_at", NominalFilter), JobFilter)
    list_filter_submit = True
    list_fullwidth = True
    list_disable_select_all = True
    list_per_page = PER_PAGE
    list_before_template = "mainspring/chips.html"
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()
    search_fields = ("id",)
    search_help_text = "Id of a run or a job, or part of a job's name"
    actions = ("retry_selected", "cancel_selected")
    chips = (("All", "status", ""), *((label, "status", status.value) for status, (label, _) in STATUS_LABELS.items()))
    empty_title = "No runs yet"
    empty_text = (
        "A run appears here when a job is due or is started in another way, for example by hand from the job's page."
    )

    def __init__(self, model: type[Run], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        self.run_pages = RunPages(self)

    def get_urls(self) -> list[URLPattern]:
        return [*self.run_pages.urls(), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.run_pages.page_view(request, object_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the caller may retry and cancel runs. Django calls this to decide which actions to show."""
        return may(caller_of(request), Action.CHANGE, Run)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RunChangeList

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ordering_of(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).select_related("spec").defer(*DEFINITIONS)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        return queryset, False  # the change list searches

    @admin.display(description="Status")
    def status_shown(self, run: Run) -> SafeString:
        return shown.run_badge(run)

    @admin.display(description="Job")
    def job_shown(self, run: Run) -> SafeString:
        url = reverse("admin:schedules_job_page", args=[run.job_id])
        return format_html('<a class="ms-name" href="{}" dir="auto">{}</a>', url, run.spec.job_name)

    @admin.display(description="Scheduled for")
    def nominal(self, run: Run) -> SafeString:
        return instants.time_html(run.nominal_at, run.now)  # type: ignore[attr-defined]  # set by the change list

    @admin.display(description="Start delay")
    def lateness(self, run: Run) -> str | SafeString:
        return _length(run.unplanned_delay())

    @admin.display(description="Duration")
    def took(self, run: Run) -> str | SafeString:
        return _length(run.duration)

    @admin.display(description="Attempts")
    def attempts_shown(self, run: Run) -> str | SafeString:
        return str(run.n_attempts) if run.n_attempts else instants.NONE

    @admin.display(description="Origin")
    def origin_shown(self, run: Run) -> str:
        return origin_label(run.origin)

    @admin.display(description="Reason or error")
    def note(self, run: Run) -> SafeString:
        text = words.note(run, run.waits)  # type: ignore[attr-defined]  # set by the change list
        if not text:
            return instants.NONE
        return format_html('<span class="ms-note" title="{}">{}</span>', text, text[:MAX_NOTE_LENGTH])

    @admin.action(description="Retry the selected runs", permissions=["operate"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        now, n_done, n_live, n_unreadable = clock.now(), 0, 0, 0
        for run in queryset[:MAX_SELECTED]:
            try:
                # Each retry gets its own instant: two retries of the same job can't have the same nominal instant.
                runs.retry(run, now + n_done * runs.MICROSECOND, actor=request.user.get_username())
                n_done += 1
            except RunConflict:
                n_live += 1
            except CannotRead:
                n_unreadable += 1
        if n_done:
            messages.success(request, f"{counted(n_done, 'run')} retried.")
        if n_live:
            text = "not retried: a run can be retried only after it has ended. Wait until it ends, or cancel it first."
            messages.warning(request, f"{counted(n_live, 'run')} {text}")
        if n_unreadable:
            text = "not retried: this version of Mainspring can't read the frozen definition."
            messages.warning(request, f"{counted(n_unreadable, 'run')} {text}")

    @admin.action(description="Cancel the selected runs", permissions=["operate"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        now, found = clock.now(), {"cancelled": 0, "asked": 0, "over": 0}
        for run in queryset[:MAX_SELECTED]:
            try:
                status = runs.cancel(run, now, actor=request.user.get_username())
                found["asked" if status == RunStatus.RUNNING else "cancelled"] += 1
            except RunConflict:
                found["over"] += 1
        if found["cancelled"]:
            messages.success(request, f"{counted(found['cancelled'], 'run')} cancelled.")
        if found["asked"]:
            messages.success(request, f"Asked {counted(found['asked'], 'running run')} to stop.")
        if found["over"]:
            messages.warning(request, f"{counted(found['over'], 'run')} not cancelled: already ended.")


def _length(length: timedelta | None) -> str | SafeString:
    return instants.NONE if length is None else instants.duration(length)
