"""What a job's own page shows, gathered in a fixed number of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Subquery
from django.utils.html import format_html

from access.admin import instants
from executions.admin import shown, words
from executions.admin.detail import ordered, timeout_words
from executions.admin.jsonshown import pretty
from executions.admin.targets import target_words
from executions.models import Run
from executions.overlap import Overlap
from executions.states import LIVE, Origin, Reason
from schedules import ledger
from schedules.admin import outlook, pausing
from schedules.clock.catchup import CatchUp
from schedules.clock.describe import describe
from schedules.clock.resumption import Resumption
from schedules.clock.spec import Kind
from schedules.clock.zones import zone
from schedules.models import Job, JobState, Why

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from django.utils.safestring import SafeString

    from schedules.models import Stoppage
    from schedules.policies import JobPolicies

N_RUNS = 20
WAITS = format_html('<span class="ms-faint">{}</span>', "when its run has ended")
STATES = {JobState.ACTIVE: "success", JobState.PAUSED: "warning", JobState.ENDED: "default"}


def state_badge(job: Job) -> SafeString:
    """The job's state, with the reason of a pause as a hint."""
    return shown.badge(JobState(job.state).label, STATES[JobState(job.state)], job.pause_reason)


def stoppage_line(stoppage: Stoppage, now: datetime) -> dict[str, Any]:
    """What the watchdog has told, in words, with when that was and since when it is over."""
    return {
        "text": Why(stoppage.why).label,
        "at": instants.exact_time(stoppage.raised_at, now),
        "over": instants.exact_time(stoppage.over_at, now) if stoppage.over_at else None,
    }


def starts_words(job: Job, now: datetime) -> str:
    """When the next run starts, where jitter puts that off."""
    at = job.next_start_at
    return f"starts {instants.exact(at, now)}" if at and at != job.next_fire_at else ""


def last_runs(job_ids: Sequence[UUID]) -> dict[UUID, Run]:
    """The latest run of each of these jobs, by job. One query, whatever the length of their histories."""
    latest = Run.objects.filter(job_id=OuterRef("pk")).order_by("-nominal_at").values("pk")[:1]
    of_jobs = Job.objects.filter(pk__in=job_ids).values(run=Subquery(latest))
    return {run.job_id: run for run in Run.objects.filter(pk__in=of_jobs)}


def describe_job(job: Job, now: datetime, *, may_change: bool) -> dict[str, Any]:
    """The context of the page and of its live part. Two queries beside the job's own."""
    runs = list(Run.objects.filter(job_id=job.pk).order_by("-nominal_at")[:N_RUNS])
    policies = job.policies
    verb, what = target_words(job.spec.target_kind, job.target)
    target = ordered(job.spec.target_kind, job.target, may_change=may_change)
    is_going = any(run.status in LIVE for run in runs)
    for run in runs:
        run.now = now  # type: ignore[attr-defined]  # for its display below
    return {
        "job": job,
        "badge": state_badge(job),
        "incidents": [stoppage_line(stoppage, now) for stoppage in ledger.incidents(job.pk, now, now)],
        "now": now,
        "paused": instants.exact_time(job.paused_at, now),
        "paused_until_at": instants.exact_time(job.paused_until_at, now) if job.paused_until_at else "",
        "then": pausing.THEN[Resumption(job.pause_catch_up)],
        "version_since": instants.exact_time(job.spec.created_at, now),
        "words": describe(job.schedule_spec),
        "next": WAITS
        if job.waits_for_run
        else instants.instant(job.next_fire_at, now, zone(job.schedule_spec.timezone)),
        "starts": starts_words(job, now),
        "outlook": outlook.of_job(job, now) if job.state == JobState.ACTIVE else None,
        "runs": [_line(run, now) for run in runs],
        "has_more": len(runs) == N_RUNS,
        "verb": verb,
        "what": what,
        "parts": [
            (name, pretty(value)) for name, value in (("Target", target), ("Payload", job.spec.payload)) if value
        ],
        "policies": [
            (
                "When the last run still goes on",
                "skip the occurrence" if policies.overlap == "skip" else "start beside it",
            ),
            ("After an outage", _catch_up(policies)),
            *([("Spread of starts", f"up to {words.duration(policies.jitter)}")] if policies.jitter else []),
            ("Retries", _retries(job)),
            (
                "Timeout of one attempt",
                words.duration(policies.timeout) if policies.timeout else timeout_words(job.spec.target_kind),
            ),
            (
                "When its worker is lost",
                "carry it out again" if policies.delivery == "at_least_once" else "let it fail",
            ),
        ],
        "may_change": may_change,
        "has_schedule": job.schedule_spec.kind is not Kind.NONE,
        "can_pause": job.state == JobState.ACTIVE,
        "can_resume": job.state == JobState.PAUSED,
        "live_after": 2 if is_going else 10,
    }


_CATCH_UP = {"skip": "none", "first": "the first one", "last": "the last one", "all": "each one"}


def _catch_up(policies: JobPolicies) -> str:
    policy = policies.catch_up
    text = f"run {_CATCH_UP[policy.mode]}, if missed within {words.duration(policy.max_age)}"
    if policy.mode is not CatchUp.ALL:
        return text
    text += f", the latest {policy.max_runs:,} at most, {words.duration(policy.between_starts)} apart"
    return f"{text}; of these, overlap skips all but the first" if policies.overlap is Overlap.SKIP else text


def _retries(job: Job) -> str:
    policy = job.policies.retry
    if not policy.max_retries:
        return "none"
    delay, cap = words.duration(policy.delay), words.duration(policy.max_delay)
    return f"{policy.max_retries}, {policy.backoff} from {delay} up to {cap}{', spread' if policy.jitter else ''}"


def _line(run: Run, now: datetime) -> dict[str, Any]:
    note = words.REASONS[Reason(run.reason)] if run.reason else run.error
    return {
        "id": run.pk,
        "url": shown.run_url(run.pk),
        "badge": shown.run_badge(run),
        "nominal": instants.instant(run.nominal_at, now),
        "late": words.duration(run.behind_plan() or run.lateness()) if run.started_at else "",
        "took": words.duration(run.duration) if run.duration is not None else "",
        "attempts": run.n_attempts or "",
        "worker": run.worker,
        "origin": words.ORIGINS[Origin(run.origin)],
        "note": note + (f" ({run.n_occurrences:,} occurrences)" if run.n_occurrences > 1 else ""),
    }
