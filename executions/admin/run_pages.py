"""The page of one run in the admin, and its buttons “Retry” and “Cancel”."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from access.admin.lists import origin_of
from access.admin.pages import Pages
from access.visibility import Action, caller_of, may
from executions import runs
from executions.admin import detail, shown
from executions.exceptions import RunConflict
from executions.models import Run
from executions.states import STATUS_LABELS, RunStatus
from values import clock
from values.ids import read_id
from values.readable import CannotRead

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern

GONE = "This run is not in the history."
MAX_DIGITS = 6  # of the URL parameter `lines`, a number of log lines; a larger number is never needed


class RunPages(Pages[Run]):
    """The views of one run: its page, the live part of the page, and the buttons “Retry” and “Cancel”."""

    def urls(self) -> list[URLPattern]:
        return [
            self.path("<uuid:run_id>/live/", self.live_view, "executions_run_live"),
            self.path("<uuid:run_id>/retry/", self.retry_view, "executions_run_retry"),
            self.path("<uuid:run_id>/cancel/", self.cancel_view, "executions_run_cancel"),
        ]

    def page_view(self, request: HttpRequest, run_id: str) -> HttpResponse:
        """Show a run with its attempts, log, timeline and frozen definition."""
        run = self._find(request, run_id)
        if run is None:
            return self._redirect_gone(request)
        title = f"Run of {run.spec.job_name}, {STATUS_LABELS[RunStatus(run.status)][0].lower()}"
        context = self.context(request, title, is_fullwidth=False, **self._describe(request, run))
        return TemplateResponse(request, "executions/admin/run.html", context)

    def live_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        """Return the part of the run's page that a script replaces every few seconds."""
        run = self._find(request, run_id)
        if run is None:
            return HttpResponse(GONE, status=404)
        return TemplateResponse(request, "executions/admin/run_live.html", self._describe(request, run))

    @method_decorator(require_POST)
    def retry_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        return self._operate(request, run_id, "retry")

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        return self._operate(request, run_id, "cancel")

    def _operate(self, request: HttpRequest, run_id: UUID, verb: str) -> HttpResponseBase:
        caller = caller_of(request)
        if not may(caller, Action.CHANGE, Run):
            raise PermissionDenied
        run, now, actor = self._find(request, run_id), clock.now(), request.user.get_username()
        if run is None:
            return self._redirect_gone(request)
        if not may(caller, Action.CHANGE, run):
            raise PermissionDenied
        try:
            if verb == "retry":
                again = runs.retry(run, now, actor=actor)
                messages.success(request, "The run is retried: this page shows the new run.")
                return HttpResponseRedirect(shown.run_url(again.pk))
            status = runs.cancel(run, now, actor=actor)
            text = "The run was asked to stop." if status == RunStatus.RUNNING else "The run is cancelled."
            messages.success(request, text)
        except (RunConflict, CannotRead) as conflict:
            messages.warning(request, str(conflict))
        return HttpResponseRedirect(origin_of(request, shown.run_url(run.pk)))

    def _find(self, request: HttpRequest, run_id: object) -> Run | None:
        if not self.admin.has_view_permission(request):
            raise PermissionDenied
        wanted = read_id(str(run_id))
        return detail.load(wanted, caller_of(request)) if wanted else None

    def _redirect_gone(self, request: HttpRequest) -> HttpResponseRedirect:
        messages.warning(request, GONE)
        return HttpResponseRedirect(reverse("admin:executions_run_changelist"))

    def _describe(self, request: HttpRequest, run: Run) -> dict[str, Any]:
        caller, lines = caller_of(request), request.GET.get("lines", "")
        n_lines = (
            int(lines) if lines.isascii() and lines.isdigit() and len(lines) <= MAX_DIGITS else detail.LOG_LINES_SHOWN
        )
        context = detail.describe(run, clock.now(), caller, n_lines)
        return {**context, "may_operate": may(caller, Action.CHANGE, run)}
