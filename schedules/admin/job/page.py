"""The contents of a job's page. The number of queries does not grow with the number of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString

from access.admin.badges import badge
from access.admin.json_shown import pretty
from access.admin.pages import IDLE_REFRESH_SECONDS, LIVE_REFRESH_SECONDS
from access.visibility import Action, may, visible
from executions.admin import ordered, rows_of_job, run_badge, target_words
from executions.history import latest_pruned
from executions.runs import Run
from schedules.admin.form import policy_words
from schedules.admin.job import pause_forms, preview
from schedules.clock.describe import describe
from schedules.clock.policies.resumption import Resumption
from schedules.clock.spec import Kind
from schedules.clock.zones.zones import zone
from schedules.ledger import account
from schedules.models import Chain, Job, JobState, Why
from values import instants

if TYPE_CHECKING:
    from datetime import datetime

    from access.visibility import Caller
    from schedules.clock.spec import ScheduleSpec
    from schedules.models import Stoppage

MAX_RUNS_SHOWN = 20  # one screen; the run list shows all runs
AFTER_RUN = format_html('<span class="ms-faint">{}</span>', "after the live run has ended")
NO_CLOCK = "No schedule: starts after other jobs"
STATES = {JobState.ACTIVE: "success", JobState.PAUSED: "warning", JobState.ENDED: "default"}


def state_badge(job: Job, tooltip: str = "") -> SafeString:
    """Return a badge with the job's state."""
    return badge(JobState(job.state).label, STATES[JobState(job.state)], tooltip)


def unreadable_badge(job: Job) -> SafeString:
    """Return a badge if a part of the job cannot be read, otherwise an empty text. The badge's tooltip says why."""
    reasons = "; ".join(f"{part}: {reason}" for part, reason in job.unreadable.items())
    return SafeString() if not reasons else badge("Cannot be read", "danger", reasons)


def stoppage_line(stoppage: Stoppage, now: datetime) -> dict[str, Any]:
    """Return the text of a stoppage, the time of its report, and the time of its end (None if it is open)."""
    return {
        "text": Why(stoppage.why).label,
        "at": instants.exact_html(stoppage.raised_at, now),
        "over": instants.exact_html(stoppage.over_at, now) if stoppage.over_at else None,
    }


def starts_words(job: Job, now: datetime) -> str:
    """If jitter delays the next run, return in words when the run starts; otherwise return an empty text."""
    at = job.next_start_at
    return f"starts {instants.exact_text(at, now)}" if at and at != job.next_fire_at else ""


def pruned_note() -> str:
    """Return why the page of a run is missing."""
    return f"The history of runs is deleted after {instants.duration(settings.MAINSPRING.retention)}."


def last_pruned(job: Job, now: datetime, caller: Caller) -> dict[str, Any] | None:
    """Return what is left of the job's last run, if the history of this run was deleted; otherwise None. One query."""
    run = latest_pruned([job.pk], caller).get(job.pk)
    if run is None:
        return None
    return {
        "badge": run_badge(run),
        "at": instants.time_html(run.nominal_at, now),
        "took": instants.duration(run.duration),
        "error": run.error,
        "note": pruned_note(),
    }


def describe_job(job: Job, now: datetime, caller: Caller) -> dict[str, Any]:
    """Return the context of the page and of its live part.

    Makes up to four queries, and a few more for held runs and for a feature flag.
    """
    may_view_runs = may(caller, Action.VIEW, Run)
    rows, is_live = rows_of_job(job.pk, now, MAX_RUNS_SHOWN, caller) if may_view_runs else ([], False)
    may_change = may(caller, Action.CHANGE, job)
    links = list(visible(Chain, caller).filter(Q(job=job) | Q(source=job)).select_related("job", "source"))
    verb, what = target_words(job.spec.target_kind, job.spec.target)
    target = ordered(job.spec.target_kind, job.spec.target, may_change=may_change)
    is_started = any(link.job_id == job.pk for link in links)
    spec = job.known_schedule
    return {
        "job": job,
        "badge": state_badge(job, job.pause_reason),
        "stoppages": [stoppage_line(stoppage, now) for stoppage in account.stoppages_in(job.pk, now, now)],
        "now": now,
        "paused": instants.exact_html(job.paused_at, now),
        "paused_until_at": instants.exact_html(job.paused_until_at, now) if job.paused_until_at else "",
        "after_pause": pause_forms.AFTER_PAUSE[Resumption(job.pause_catch_up)],
        "version_since": instants.exact_html(job.spec.created_at, now),
        "words": _words(spec, is_started=is_started),
        "next": AFTER_RUN
        if job.waits_for_run
        else instants.time_html(job.next_fire_at, now, zone(spec.timezone if spec else "UTC")),
        "starts": starts_words(job, now),
        "preview": preview.preview_job(job, now) if job.state == JobState.ACTIVE else None,
        "runs": rows,
        "pruned": last_pruned(job, now, caller) if may_view_runs else None,
        "verb": verb,
        "what": what,
        "parts": [
            (name, pretty(value)) for name, value in (("Target", target), ("Payload", job.spec.payload)) if value
        ],
        "policies": policy_words.in_words(job),
        "starts_after": [(link.on, link.source) for link in links if link.job_id == job.pk],
        "starts_others": [(link.on, link.job) for link in links if link.source_id == job.pk],
        "may_change": may_change,
        "may_view_runs": may_view_runs,
        "can_pause": job.state == JobState.ACTIVE or (job.state == JobState.ENDED and is_started),
        "has_schedule": spec is not None and spec.kind is not Kind.NONE,
        "can_resume": job.state == JobState.PAUSED,
        "live_after": LIVE_REFRESH_SECONDS if is_live else IDLE_REFRESH_SECONDS,
    }


def _words(spec: ScheduleSpec | None, *, is_started: bool) -> str | SafeString:
    if spec is None:
        return instants.NONE
    return NO_CLOCK if is_started and spec.kind is Kind.NONE else describe(spec)
