"""The admin's run list and run page: read-only, with Retry and Cancel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from access.admin.theming import ModelAdmin
from executions import runs
from executions.admin import detail, shown, words
from executions.admin.filters import JobFilter, NominalFilter, OriginFilter, ReasonFilter, StatusFilter
from executions.admin.lists import MAX_SELECTED, PER_PAGE, UncountedChangeList, counted, origin_of
from executions.exceptions import RunConflict
from executions.models import Run, RunSpec
from executions.states import LABELS, Origin, Reason, RunStatus

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

MAX_FOUND_JOBS = 500


@admin.register(Run)
class RunAdmin(ModelAdmin[Run]):
    """History is written by the engine: nothing here edits it."""

    list_display = (
        "status_shown",
        "job_shown",
        "nominal",
        "lateness",
        "took",
        "tries",
        "origin_shown",
        "note",
        "worker_shown",
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
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "Run id, job id or job name"
    actions = ("retry_selected", "cancel_selected")
    chips = (("All", "status", ""), *((label, "status", status.value) for status, (label, _) in LABELS.items()))
    empty_title = "No runs yet"
    empty_text = "A run appears here as soon as a job is due, or when you start one by hand from its page."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("executions.change_run")

    # The list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).select_related("spec").defer("spec__target", "spec__payload")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        term = search_term.strip()
        if not term or "\0" in term:
            return (queryset.none() if term else queryset), False
        try:
            wanted = UUID(term)
        except ValueError:
            named = RunSpec.objects.filter(job_name__icontains=term).values_list("job_id", flat=True)
            # A list, not a subquery: with a few ids the index on (job, instant) is used.
            return queryset.filter(job_id__in=list(named.distinct()[:MAX_FOUND_JOBS])), False
        return queryset.filter(Q(pk=wanted) | Q(job_id=wanted)), False

    @admin.display(description="Status")
    def status_shown(self, run: Run) -> SafeString:
        return shown.run_badge(run)

    @admin.display(description="Job")
    def job_shown(self, run: Run) -> SafeString:
        url = reverse("admin:schedules_job_page", args=[run.job_id])
        return format_html('<a class="ms-name" href="{}" dir="auto">{}</a>', url, run.spec.job_name)

    @admin.display(description="Nominal instant")
    def nominal(self, run: Run) -> SafeString:
        return shown.instant(run.nominal_at, run.now)  # type: ignore[attr-defined]  # set by the change list

    @admin.display(description="Late by")
    def lateness(self, run: Run) -> str:
        return words.duration(run.lateness())

    @admin.display(description="Duration")
    def took(self, run: Run) -> str:
        return words.duration(run.duration)

    @admin.display(description="Tries")
    def tries(self, run: Run) -> int:
        return run.n_attempts

    @admin.display(description="Origin")
    def origin_shown(self, run: Run) -> str:
        return words.ORIGINS[Origin(run.origin)]

    @admin.display(description="Reason or error")
    def note(self, run: Run) -> SafeString:
        text = words.REASONS[Reason(run.reason)] if run.reason else run.error or run.error_code
        if run.n_occurrences > 1:
            text += f" ({run.n_occurrences:,} occurrences)"
        return format_html('<span class="ms-note" title="{}">{}</span>', text, text[:160]) if text else shown.NONE

    @admin.display(description="Worker")
    def worker_shown(self, run: Run) -> SafeString:
        return format_html('<span class="ms-worker" title="{0}">{0}</span>', run.worker) if run.worker else shown.NONE

    @admin.action(description="Retry the selected runs", permissions=["operate"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        now, n_live, n_done = datetime.now(UTC), 0, 0
        for run in queryset[:MAX_SELECTED]:
            try:
                # Each has an instant of its own: several may be of one job, whose instants are unique.
                runs.retry(run, now + n_done * runs.MICROSECOND, actor=request.user.get_username())
                n_done += 1
            except RunConflict:
                n_live += 1
        if n_done:
            messages.success(request, f"{counted(n_done, 'run')} started again.")
        if n_live:
            messages.warning(request, f"{counted(n_live, 'run')} had not ended, and can't be retried before that.")

    @admin.action(description="Cancel the selected runs", permissions=["operate"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        now, found = datetime.now(UTC), {"cancelled": 0, "asked": 0, "over": 0}
        for run in queryset[:MAX_SELECTED]:
            try:
                status = runs.cancel(run, now, actor=request.user.get_username())
                found["asked" if status == RunStatus.RUNNING else "cancelled"] += 1
            except RunConflict:
                found["over"] += 1
        if found["cancelled"]:
            messages.success(request, f"{counted(found['cancelled'], 'run')} cancelled.")
        if found["asked"]:
            messages.success(request, f"{counted(found['asked'], 'running run')} asked to stop.")
        if found["over"]:
            messages.warning(
                request, f"{counted(found['over'], 'run')} had ended already: there was nothing to cancel."
            )

    # The page of one run

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:run_id>/live/", wrap(self.live_view), name="executions_run_live"),
            path("<uuid:run_id>/retry/", wrap(self.retry_view), name="executions_run_retry"),
            path("<uuid:run_id>/cancel/", wrap(self.cancel_view), name="executions_run_cancel"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self._find(request, object_id)
        if run is None:
            messages.warning(request, "This run is not in the history any more, or never was.")
            return HttpResponseRedirect(reverse("admin:executions_run_changelist"))
        context = {
            **self.admin_site.each_context(request),
            **self._describe(request, run),
            "opts": self.opts,
            "title": f"Run of {run.spec.job_name}",
            "is_fullwidth": False,
        }
        return TemplateResponse(request, "executions/admin/run.html", context)

    def live_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        """The part of the page that changes, for its script to put in place."""
        run = self._find(request, run_id)
        if run is None:
            return HttpResponse("This run is not in the history any more.", status=404)
        return TemplateResponse(request, "executions/admin/run_live.html", self._describe(request, run))

    @method_decorator(require_POST)
    def retry_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        return self._operate(request, run_id, "retry")

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        return self._operate(request, run_id, "cancel")

    def _operate(self, request: HttpRequest, run_id: UUID, verb: str) -> HttpResponseBase:
        if not self.has_operate_permission(request):
            raise PermissionDenied
        run, now, actor = self._find(request, run_id), datetime.now(UTC), request.user.get_username()
        if run is None:
            messages.warning(request, "This run is not in the history any more.")
            return HttpResponseRedirect(reverse("admin:executions_run_changelist"))
        try:
            if verb == "retry":
                again = runs.retry(run, now, actor=actor)
                messages.success(request, "Started again. This is the new run.")
                return HttpResponseRedirect(shown.run_url(again.pk))
            status = runs.cancel(run, now, actor=actor)
            text = "The run was asked to stop." if status == RunStatus.RUNNING else "The run is cancelled."
            messages.success(request, text)
        except RunConflict as conflict:
            messages.warning(request, str(conflict))
        return HttpResponseRedirect(origin_of(request, shown.run_url(run.pk)))

    def _find(self, request: HttpRequest, run_id: object) -> Run | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            wanted = UUID(str(run_id))
        except ValueError:
            return None
        return detail.load(wanted)

    def _describe(self, request: HttpRequest, run: Run) -> dict[str, Any]:
        asked = request.GET.get("lines", "")
        n_lines = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else detail.LOG_TAIL
        return {**detail.describe(run, datetime.now(UTC), n_lines), "may_operate": self.has_operate_permission(request)}
