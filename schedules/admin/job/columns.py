"""The columns of the job list, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from executions.admin import run_badge, run_url, target_words
from executions.history import PrunedRun
from schedules.admin.job import page
from schedules.clock.describe import describe
from schedules.models import JobState
from values import instants

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

    from executions.runs import Run
    from schedules.models import Job

MAX_SPECS_DESCRIBED = 2  # for a job with more schedules, the column shows their number, and a tooltip describes them


def name(job: Job) -> SafeString:
    """Return the job's name as a link, and below it the target."""
    verb, what = target_words(job.spec.target_kind, job.spec.target)
    text = (
        '<span class="ms-job"><a class="ms-name" href="{}" dir="auto">{}</a>'
        '<span class="ms-under" title="{}">{} {}</span></span>'
    )
    return format_html(text, reverse("admin:schedules_job_page", args=[job.pk]), job.name, what, verb, what)


def schedule(job: Job) -> SafeString:
    """Return the schedule in words, the cron expression if there is one, and a badge if the job cannot be read.

    More than `MAX_SPECS_DESCRIBED` schedules are shown as a number. If the schedule cannot be read, return only the
    badge.
    """
    badge = page.unreadable_badge(job)
    spec = job.known_schedule
    if spec is None:
        return badge
    words = describe(spec)
    short = f"{len(spec.specs)} schedules" if len(spec.specs) > MAX_SPECS_DESCRIBED else words
    text = '<span class="ms-two" title="{}"><span>{}</span><code>{}</code></span>{}'
    return format_html(text, words, short, spec.cron or "", badge)


def next_run(job: Job, now: datetime) -> SafeString:
    """Return when the next occurrence is due and, if jitter delays its run, when the run starts.

    If the next occurrence depends on the end of a live run, return a text that says so.
    """
    if job.waits_for_run:
        return page.AFTER_RUN
    when = instants.time_html(job.next_fire_at, now)
    if starts := page.starts_words(job, now):
        return format_html('{}<span class="ms-under">{}</span>', when, starts)
    return when


def last_run(run: Run | PrunedRun | None, now: datetime) -> SafeString:
    """Return the status and the nominal instant of the latest run; a dash if there is no run.

    A run that retention has not deleted is a link.
    """
    if run is None:
        return instants.NONE
    when = instants.relative_html(run.nominal_at, now)
    if isinstance(run, PrunedRun):
        return format_html('<span class="ms-last" title="{}">{} {}</span>', page.pruned_note(), run_badge(run), when)
    return format_html('<a class="ms-last" href="{}">{} {}</a>', run_url(run.pk), run_badge(run), when)


def buttons(job: Job) -> SafeString:
    """Return the buttons of a row: “Run now”, “Pause” or “Resume”, and “Edit”."""
    return render_to_string("schedules/admin/row_buttons.html", {"job": job, "is_paused": job.state == JobState.PAUSED})
