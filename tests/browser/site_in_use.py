"""A site in use, and the addresses of all its pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from executions.models import LogLine
from executions.states import Origin, Reason
from executions.targets.base import Failed, Succeeded
from schedules import triggers
from schedules.backfills import backfill
from schedules.backfills.requests import BackfillRequest
from schedules.jobs import definitions
from schedules.jobs.selection import Selection
from schedules.models import FeatureFlag, Job, PauseSet
from schedules.pauses import pause_sets
from schedules.pauses.terms import PauseTerms
from tests.factories import claim, end, make_flag, make_job, make_run, make_skipped

if TYPE_CHECKING:
    from datetime import datetime

    from executions.models import Run

STRANGE = ["<script>alert(1)</script>", "🦊 the fox job", "مهمة النسخ الاحتياطي", "x" * 200]
HTTP = {
    "kind": "http",
    "method": "POST",
    "url": "https://example.org/api/v2/invoices/export?format=csv&since=yesterday",
}
ANSWER = {
    "request": {"method": "POST", "url": HTTP["url"], "n_body_bytes": 21},
    "response": {
        "status": 503,
        "reason": "Service Unavailable",
        "headers": {"content-type": "application/json", "retry-after": "30", "set-cookie": "***"},
        "body": '{"error": "<b>overloaded</b>", "hint": "come back later"}',
        "n_bytes": 58,
        "truncated": False,
    },
    "timings_ms": {"dns": 12.3, "connect": 31.0, "tls": 64.2, "first_byte": 412.5, "total": 540.1},
    "remote_address": "203.0.113.7",
    "redirects": [],
}

LIMITS: dict[str, Any] = {
    "overlap": "buffer_all",
    "priority": "high",
    "concurrency": {"limit": 2, "key": "printer"},
    "rate_limit": {"limit": 1, "per": "31d", "key": "mail"},
    "start_deadline": "12h",
    "pause_after_failures": 3,
    "feature_flag": "new-billing",
}
REFUSED: dict[str, Any] = {
    "request": {"method": "POST", "url": "http://127.0.0.1:9000/report", "n_body_bytes": 15},
    "response": None,
    "timings_ms": {"dns": 0.0, "connect": 0.0, "tls": 0.0, "total": 0.9},
    "remote_address": None,
    "redirects": [],
}


@pytest.fixture
def furnished(today: datetime) -> tuple[Job, dict[str, Run]]:
    """A site in use, with jobs of all kinds and states and runs of all statuses."""
    for name in STRANGE:
        make_job(name, {"cron": "0 9 * * mon-fri", "timezone": "Europe/Paris"}, today)
    paused = make_job("invoice export", {"every": "15m"}, today, target=HTTP, payload={"format": "csv"})
    triggers.pause(
        paused.pk,
        today,
        actor="ada",
        terms=PauseTerms("maintenance of the billing system until Monday", today + timedelta(days=3)),
    )
    make_job("billing sync", {"every": "15m"}, today)
    pause_sets.start(Selection(name="billing sync"), today, actor="ada", terms=PauseTerms(reason="a move"))
    backfill.start(paused.pk, BackfillRequest(today - timedelta(hours=5), today), today, actor="ada")
    make_job("started by hand only", {"kind": "none"}, today)
    make_job("a single shot", {"at": "2031-01-01T00:00:00Z"}, today)
    job = make_job(
        "nightly report",
        {"cron": "0 30 2 * * *", "timezone": "America/New_York"},
        today,
        target=HTTP,
        payload={"format": "csv"},
    )
    minute = timedelta(minutes=1)
    for name, is_on in (("new-billing", False), ("exports", True), ("x" * 100, True)):
        make_flag(name, is_on=is_on, now=today)
    limited = make_job(
        "limited in every way",
        {"kind": "none"},
        today,
        start_after=[{"job": str(job.pk), "on": "failure"}, {"job": str(paused.pk), "on": "completion"}],
        policies=LIMITS,
    )
    make_job("z" * 200, {"kind": "none"}, today, start_after=[{"job": str(limited.pk)}])
    runs = {
        "succeeded": end(
            make_run(make_job("greeting", now=today), today), Succeeded({"message": "hello", "job": "greeting"})
        ),
        "failed": end(
            make_run(job, today + minute),
            Failed("http_status", "503 Service Unavailable: come back later", result=ANSWER, permanent=True),
        ),
        "retrying": end(
            make_run(job, today + 2 * minute), Failed("http_status", "503 Service Unavailable", result=ANSWER)
        ),
        "skipped": make_skipped(job, today + 3 * minute),
        "folded": make_run(
            job, today + 4 * minute, reason=Reason.MISSED, last_nominal_at=today + 5 * minute, n_occurrences=1234
        ),
        "queued": make_run(job, today + 6 * minute, origin=Origin.MANUAL),
        "running": make_run(job, today + 7 * minute),
        "held": make_run(limited, today + 9 * minute, rate_key="key:mail"),
        "refused": end(
            make_run(job, today + 8 * minute),
            Failed("connection_failed", "Connection refused " + "x" * 300, result=REFUSED, permanent=True),
        ),
        "command": end(make_run(make_job("y" * 200, now=today), today), Succeeded({"long": "z" * 3000})),
    }
    claim(runs["running"], today + 7 * minute)
    cause = runs["failed"].pk
    runs["chained"] = make_run(limited, today + 10 * minute, origin=Origin.CHAIN, caused_by=cause, is_buffered=True)
    levels = ["info", "debug", "warning", "error"]
    LogLine.objects.bulk_create(
        LogLine(run=runs["failed"], attempt=1, at=today, level=levels[n % 4], message=f"line {n} <i>of</i> the log")
        for n in range(40)
    )
    LogLine.objects.create(run=runs["command"], attempt=1, at=today, level="info", message="w" * 2000)
    definitions.delete(runs["command"].job_id, today + minute, actor="ada")
    return job, runs


def pages(job: Job, runs: dict[str, Run]) -> dict[str, str]:
    return {
        "overview": "/admin/",
        "jobs": "/admin/schedules/job/",
        "job": f"/admin/schedules/job/{job.pk}/",
        "job-explain": f"/admin/schedules/job/{job.pk}/explain/",
        "job-edit": f"/admin/schedules/job/{job.pk}/change/",
        "job-add": "/admin/schedules/job/add/",
        "job-pause": f"/admin/schedules/job/{job.pk}/pause/",
        "job-resume": f"/admin/schedules/job/{Job.objects.get(name='invoice export').pk}/resume/",
        "job-backfill": f"/admin/schedules/job/{Job.objects.get(name='invoice export').pk}/backfill/",
        "job-pauses": "/admin/schedules/job/pauses/",
        "job-pause-undo": f"/admin/schedules/job/pauses/{PauseSet.objects.get().pk}/undo/",
        "job-hand": f"/admin/schedules/job/{Job.objects.get(name='started by hand only').pk}/change/",
        "job-once": f"/admin/schedules/job/{Job.objects.get(name='a single shot').pk}/change/",
        "job-every": f"/admin/schedules/job/{Job.objects.get(name='invoice export').pk}/change/",
        "job-paused": f"/admin/schedules/job/{Job.objects.get(name='invoice export').pk}/",
        "job-limited": f"/admin/schedules/job/{Job.objects.get(name='limited in every way').pk}/",
        "job-limited-edit": f"/admin/schedules/job/{Job.objects.get(name='limited in every way').pk}/change/",
        "job-limited-delete": f"/admin/schedules/job/{Job.objects.get(name='limited in every way').pk}/delete/",
        "flags": "/admin/schedules/featureflag/",
        "flag-add": "/admin/schedules/featureflag/add/",
        "flag-edit": f"/admin/schedules/featureflag/{FeatureFlag.objects.get(name='exports').pk}/change/",
        "jobs-none": "/admin/schedules/job/?q=nothing",
        "runs-none": f"/admin/executions/run/?job={Job.objects.get(name='started by hand only').pk}",
        "job-delete": f"/admin/schedules/job/{job.pk}/delete/",
        "runs": "/admin/executions/run/",
        **{f"run-{name}": f"/admin/executions/run/{run.pk}/change/" for name, run in runs.items()},
        "keys": "/admin/access/apikey/",
        "key-add": "/admin/access/apikey/add/",
        "job-history": f"/admin/schedules/job/{job.pk}/history/",
        "users": "/admin/auth/user/",
        "user-add": "/admin/auth/user/add/",
        "user-change": f"/admin/auth/user/{User.objects.get(username='admin').pk}/change/",
        "groups": "/admin/auth/group/",
        "group-add": "/admin/auth/group/add/",
        "password": "/admin/password_change/",
        "crontab-add": "/admin/django_celery_beat/crontabschedule/add/",
        "clocked-add": "/admin/django_celery_beat/clockedschedule/add/",
        "periodic": "/admin/django_celery_beat/periodictask/",
        "periodic-add": "/admin/django_celery_beat/periodictask/add/",
    }
