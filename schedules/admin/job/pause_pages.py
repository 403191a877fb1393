"""Pausing many jobs in the admin: by filter, with the number first; what was paused so, and undoing it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from pydantic import ValidationError

from access.admin.badges import badge
from access.admin.lists import counted
from schedules.admin.form.form import TARGET_KINDS
from schedules.admin.job import pause_forms
from schedules.admin.job.backfill_pages import BackfillPages
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, Resumption
from schedules.exceptions import JobConflict
from schedules.jobs.selection import Selection
from schedules.models import PauseSet, PauseSetState
from schedules.pauses import pause_sets
from values import instants

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern

N_SHOWN = 50
FIELDS = ("search", "target_kind", "reason", "until", "catch_up")
TONES = {
    PauseSetState.PAUSING: "primary",
    PauseSetState.PAUSED: "warning",
    PauseSetState.UNDOING: "primary",
    PauseSetState.UNDONE: "default",
}


class PausePages(BackfillPages):
    """The part of the job admin that pauses many jobs at once."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("pauses/", wrap(self.pauses_view), name="schedules_job_pauses"),
            path("pauses/<uuid:pause_id>/undo/", wrap(self.undo_view), name="schedules_job_pause_undo"),
            *super().get_urls(),
        ]

    def pauses_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask which jobs, say how many they are, then pause them; and what was paused so before."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        now = datetime.now(UTC)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Pause many jobs",
            "values": {name: str(request.POST.get(name, "")) for name in FIELDS},
            "kinds": TARGET_KINDS,
            "choices": [(mode.value, label) for mode, label in pause_forms.CHOICES.items()],
            "most_started": DEFAULT_MAX_STARTS,
            "my_zone": str(timezone.get_current_timezone()),
        }
        if request.method == "POST":
            try:
                selection, terms = _read_selection(request.POST), pause_forms.read_terms(request.POST, now)
                if request.POST.get("confirmed"):
                    return self._pause(request, selection, terms, now)
                n_jobs = pause_sets.count(selection, now)
                context |= {"n_jobs": n_jobs, "foreseen": f"{counted(n_jobs, 'active job')} will be paused."}
            except ValueError as refusal:
                context["refusal"] = str(refusal)
        context["sets"] = [_line(each, now) for each in PauseSet.objects.order_by("-id")[:N_SHOWN]]
        return TemplateResponse(request, "schedules/admin/pauses.html", context)

    def undo_view(self, request: HttpRequest, pause_id: UUID) -> HttpResponseBase:
        """Say what undoing will do, then do it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        now, found = datetime.now(UTC), get_object_or_404(PauseSet, pk=pause_id)
        if request.method == "POST":
            actor, catch_up = request.user.get_username(), pause_forms.read_choice(request.POST)
            try:
                undone = pause_sets.undo(pause_id, now, actor=actor, catch_up=catch_up)
                rest = "" if undone.state == PauseSetState.UNDONE else " so far; the others follow"
                messages.success(request, f"{counted(undone.n_resumed, 'job')} resumed{rest}.")
            except JobConflict as refusal:
                messages.warning(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:schedules_job_pauses"))
        foreseen = {mode: pause_sets.preview_undo(found, now, mode) for mode in Resumption}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Are you sure?",
            "jobs": counted(foreseen[Resumption.NONE].n_jobs, "job"),
            "choices": [
                {"value": mode.value, "label": pause_forms.CHOICES[mode], "starts": pause_forms.starts(n, is_more=more)}
                for mode, (n, more) in ((mode, (each.n_would_start, each.is_more)) for mode, each in foreseen.items())
            ],
            "most_started": DEFAULT_MAX_STARTS,
        }
        return TemplateResponse(request, "schedules/admin/undo.html", context)

    def _pause(
        self, request: HttpRequest, selection: Selection, terms: pause_forms.PauseTerms, now: datetime
    ) -> HttpResponseBase:
        made = pause_sets.start(
            selection,
            now,
            actor=request.user.get_username(),
            reason=terms.reason,
            until=terms.until,
            catch_up=terms.catch_up,
        )
        rest = "" if made.state == PauseSetState.PAUSED else f" of {made.n_jobs:,} so far; the others follow"
        messages.success(request, f"{counted(made.n_paused, 'job')} paused{rest}.")
        return HttpResponseRedirect(reverse("admin:schedules_job_pauses"))


def _read_selection(values: Mapping[str, Any]) -> Selection:
    """Read which jobs are meant. Raises ValueError with a sentence."""
    given = {name: str(values.get(name, "")).strip() for name in ("search", "target_kind")}
    try:
        return Selection.model_validate({name: text for name, text in given.items() if text})
    except ValidationError as error:
        raise ValueError(f"Which jobs: {error.errors()[0]['msg']}.") from error


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
