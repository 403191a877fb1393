"""Jobs that are due each second, and the check that each second has its run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from executions.models import Run
from executions.states import RunStatus
from schedules.models import Job
from schedules.triggers import pause
from tests.factories import make_job
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)


def every_second(name: str) -> Job:
    policies = {"overlap": "allow", "catch_up": {"mode": "all"}}
    return make_job(name, {"every": "1s"}, now=datetime.now(UTC), policies=policies)


def n_runs(job: Job) -> int:
    return Run.objects.filter(job=job).count()


def assert_each_second_of(jobs: list[Job], *, within: timedelta = timedelta(seconds=5)) -> None:
    """Pause the jobs; assert that each second since their creation has one run, recorded in time, that succeeded."""
    for job in jobs:
        pause(job.pk, datetime.now(UTC), actor="tests")
    of_jobs = Run.objects.filter(job__in=jobs)
    wait_until(lambda: not of_jobs.exclude(status=RunStatus.SUCCEEDED).exists(), 40, what="the end of all runs")
    for job in jobs:
        job.refresh_from_db()
        runs = list(Run.objects.filter(job=job).order_by("nominal_at"))
        assert runs[0].nominal_at - job.created_at <= SECOND
        assert {later.nominal_at - run.nominal_at for run, later in pairwise(runs)} == {SECOND}
        assert job.paused_at is not None and job.paused_at - runs[-1].nominal_at < within
        assert max(run.created_at - run.nominal_at for run in runs) < within
