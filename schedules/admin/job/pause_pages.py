"""The page of pause sets in the admin: filter jobs, count them, pause them, and undo a pause set."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from pydantic import ValidationError

from access.admin.badges import badge
from access.admin.lists import counted
from access.admin.pages import Pages
from access.visibility import Action, caller_of, require, visible
from schedules.admin.form.form import TARGET_KINDS
from schedules.admin.job import pause_forms
from schedules.admin.viewer_instants import input_type
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, Resumption
from schedules.exceptions import JobConflict
from schedules.jobs.selection import Selection
from schedules.models import Job, PauseSet, PauseSetState
from schedules.pauses import pause_sets
from values import clock, instants
from values.field_errors import field_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern

    from schedules.pauses.terms import PauseTerms

MAX_SETS_SHOWN = 50  # the latest pause sets; older sets can be undone through the API
PAUSE_FIELDS = ("search", "target_kind", "reason", "until", "catch_up")
TONES = {
    PauseSetState.PAUSING: "primary",
    PauseSetState.PAUSED: "warning",
    PauseSetState.UNDOING: "primary",
    PauseSetState.UNDONE: "default",
}


class PauseSetPages(Pages[Job]):
    """Views about pause sets: jobs that are paused together, and resumed together."""

    def urls(self) -> list[URLPattern]:
        return [
            self.path("pauses/", self.list_view, "schedules_job_pauses"),
            self.path("pauses/<uuid:pause_id>/undo/", self.undo_view, "schedules_job_pause_undo"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show the form and the latest pause sets. A POST counts the jobs; with `confirmed`, it pauses them.

        A user who may not change jobs sees only the pause sets.
        """
        may_pause = self.admin.has_change_permission(request)
        if not may_pause and (request.method == "POST" or not self.admin.has_view_permission(request)):
            raise PermissionDenied
        now, caller = clock.now(), caller_of(request)
        context: dict[str, Any] = self.context(
            request,
            "Pause many jobs" if may_pause else "Pause sets",
            may_pause=may_pause,
            values={name: str(request.POST.get(name, "")) for name in PAUSE_FIELDS},
            kinds=TARGET_KINDS,
            choices=[(mode.value, label) for mode, label in pause_forms.RESUMPTION_LABELS.items()],
            max_starts=DEFAULT_MAX_STARTS,
            until_type=input_type(str(request.POST.get("until", ""))),
            my_zone=str(timezone.get_current_timezone()),
        )
        if request.method == "POST":
            try:
                selection, terms = _read_selection(request.POST), pause_forms.read_terms(request.POST, now)
                if request.POST.get("confirmed"):
                    return self._pause(request, selection, terms, now)
                n_jobs = pause_sets.count(selection, now, caller)
                context |= {"n_jobs": n_jobs, "preview": f"{counted(n_jobs, 'active job')} will be paused."}
            except ValueError as error:
                context["error"] = str(error)
        context["sets"] = [_line(each, now) for each in visible(PauseSet, caller).order_by("-id")[:MAX_SETS_SHOWN]]
        return TemplateResponse(request, "schedules/admin/pauses.html", context)

    def undo_view(self, request: HttpRequest, pause_id: UUID) -> HttpResponseBase:
        """GET shows how many runs each catch-up choice will start. POST undoes the `PauseSet` with this id."""
        if not self.admin.has_change_permission(request):
            raise PermissionDenied
        now, caller = clock.now(), caller_of(request)
        require(caller, Action.CHANGE, PauseSet, pause_id)
        found = get_object_or_404(visible(PauseSet, caller), pk=pause_id)
        if request.method == "POST":
            actor = request.user.get_username()
            try:
                catch_up = pause_forms.read_choice(request.POST)
                undone = pause_sets.undo(pause_id, now, actor=actor, catch_up=catch_up)
                rest = "" if undone.state == PauseSetState.UNDONE else " so far; the other jobs follow"
                messages.success(request, f"{counted(undone.n_resumed, 'job')} resumed{rest}.")
            except JobConflict as conflict:
                messages.warning(request, str(conflict))
            except ValueError as error:
                messages.error(request, f"Not undone. {error}")
            return HttpResponseRedirect(reverse("admin:schedules_job_pauses"))
        previews = pause_sets.preview_undo(found, now, Resumption, caller=caller)
        context = self.context(
            request,
            "Are you sure?",
            jobs=counted(previews[Resumption.NONE].n_jobs, "job"),
            choices=[
                {
                    "value": mode.value,
                    "label": pause_forms.RESUMPTION_LABELS[mode],
                    "starts": pause_forms.starts_text(preview.n_would_start, is_more=preview.is_more),
                }
                for mode, preview in previews.items()
            ],
            max_starts=DEFAULT_MAX_STARTS,
        )
        return TemplateResponse(request, "schedules/admin/undo.html", context)

    def _pause(self, request: HttpRequest, selection: Selection, terms: PauseTerms, now: datetime) -> HttpResponseBase:
        started = pause_sets.start(
            selection,
            now,
            actor=request.user.get_username(),
            terms=terms,
            caller=caller_of(request),
        )
        rest = (
            ""
            if started.state == PauseSetState.PAUSED
            else f" so far, out of {started.n_jobs:,}; the other jobs follow"
        )
        messages.success(request, f"{counted(started.n_paused, 'job')} paused{rest}.")
        return HttpResponseRedirect(reverse("admin:schedules_job_pauses"))


def _read_selection(values: Mapping[str, Any]) -> Selection:
    """Return the filter that the form describes. Raises ValueError with a sentence for the user."""
    given = {name: str(values.get(name, "")).strip() for name in ("search", "target_kind")}
    try:
        return Selection.model_validate({name: text for name, text in given.items() if text})
    except ValidationError as error:
        sentences = field_errors(error, given, model=Selection).values()
        raise ValueError(" ".join(sentence for texts in sentences for sentence in texts)) from error


def _line(each: PauseSet, now: datetime) -> dict[str, Any]:
    state = PauseSetState(each.state)
    selection = Selection.model_validate(each.selection)
    which = [f"“{selection.search or selection.name}”"] if selection.search or selection.name else []
    which += [selection.target_kind] if selection.target_kind else []
    which += [counted(len(selection.ids), "id")] if selection.ids else []
    return {
        "id": each.pk,
        "badge": badge(str(state.label), TONES[state], ""),
        "which": ", ".join(which) or "all jobs",
        "by": each.actor,
        "since": instants.relative_html(each.created_at, now),
        "reason": each.reason,
        "until": instants.exact_html(each.until_at, now) if each.until_at else "",
        "n_paused": f"{each.n_paused:,} of {each.n_jobs:,}",
        "n_resumed": f"{each.n_resumed:,}" if each.undone_at else "",
        "may_undo": state in (PauseSetState.PAUSING, PauseSetState.PAUSED),
    }
