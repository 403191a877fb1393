"""The page of one run in the admin, and what its buttons do: retry, cancel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from access.admin.lists import origin_of
from access.admin.theming import ModelAdmin
from executions import runs
from executions.admin import detail, shown
from executions.exceptions import RunConflict
from executions.models import Run
from executions.states import STATUS_LABELS, RunStatus
from values.readable import CannotRead

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern


class RunPages(ModelAdmin[Run]):
    """The part of the run admin that is about one run. History is written by the engine: nothing here edits it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("executions.change_run")

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
            "title": f"Run of {run.spec.job_name}, {STATUS_LABELS[RunStatus(run.status)][0].lower()}",
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
        except (RunConflict, CannotRead) as conflict:
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
