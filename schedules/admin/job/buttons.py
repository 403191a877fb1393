"""Starts runs of jobs, and pauses and resumes jobs. A message states the result, and the reason for each refusal."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils.html import format_html

from access.admin.lists import counted
from executions.admin import run_url
from schedules import triggers
from schedules.exceptions import JobConflict, JobGone
from values.readable import CannotRead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from django.http import HttpRequest

    from executions.runs import Run
    from schedules.clock.policies.resumption import Resumption
    from schedules.models import Job
    from schedules.pauses.terms import PauseTerms

MAX_NAMES_IN_MESSAGE = 5  # after these names, the message ends with "and others"


def run_now(request: HttpRequest, jobs: Sequence[Job], now: datetime) -> list[Run]:
    """Start a run of each job, and return the runs. A job with unreadable policies is refused."""
    actor = request.user.get_username()
    started: list[Run] = []
    refused: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        try:
            started.append(triggers.run_now(job, now, actor=actor))
        except CannotRead as refusal:
            refused[str(refusal)].append(job.name)
    if len(started) == 1:
        text = 'A run of “{}” was created. <a class="ms-message-link" href="{}">Watch the run</a>'
        messages.success(request, format_html(text, started[0].spec.job_name, run_url(started[0].pk)))
    elif started:
        messages.success(request, f"{counted(len(started), 'run')} created.")
    _show_refused(request, refused, "started")
    return started


def pause(request: HttpRequest, jobs: Sequence[Job], now: datetime, terms: PauseTerms) -> list[Job]:
    """Pause each job, and return the paused jobs."""
    actor = request.user.get_username()
    return _each(
        request,
        jobs,
        "paused",
        lambda job: triggers.pause(job.pk, now, actor=actor, terms=terms),
    )


def resume(request: HttpRequest, jobs: Sequence[Job], now: datetime, catch_up: Resumption) -> list[Job]:
    """Resume each job, and return the resumed jobs."""
    actor = request.user.get_username()
    return _each(request, jobs, "resumed", lambda job: triggers.resume(job.pk, now, actor=actor, catch_up=catch_up))


def _each(request: HttpRequest, jobs: Sequence[Job], done: str, do: Callable[[Job], Job]) -> list[Job]:
    changed: list[Job] = []
    refused: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        try:
            changed.append(do(job))
        except (JobConflict, CannotRead) as conflict:
            refused[str(conflict)].append(job.name)
        except JobGone:
            refused["The job has been deleted."].append(job.name)
    if len(changed) == 1:
        messages.success(request, f"“{changed[0].name}” is {done}.")
    elif changed:
        messages.success(request, f"{counted(len(changed), 'job')} {done}.")
    _show_refused(request, refused, done)
    return changed


def _show_refused(request: HttpRequest, refused: Mapping[str, list[str]], done: str) -> None:
    for why, names in refused.items():
        named = ", ".join(f"“{name}”" for name in names[:MAX_NAMES_IN_MESSAGE]) + (
            " and others" if len(names) > MAX_NAMES_IN_MESSAGE else ""
        )
        messages.warning(request, f"{counted(len(names), 'job')} not {done} ({named}): {why}")
