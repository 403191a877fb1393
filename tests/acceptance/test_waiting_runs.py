"""Runs that wait for a worker: a run that waits too long expires, and a higher priority starts first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Attempt, Run
from executions.states import LIVE, Reason
from schedules.triggers import pause, run_now
from tests.acceptance.processes import BEATS
from tests.factories import make_job
from tests.waiting import wait_until

if TYPE_CHECKING:
    from schedules.models import Job
    from tests.acceptance.processes import Processes

pytestmark = pytest.mark.django_db(transaction=True)


def quick_job(name: str, schedule: dict[str, Any], **policies: Any) -> Job:
    """Make a job whose runs take no time."""
    return make_job(
        name,
        schedule,
        now=datetime.now(UTC),
        target={"kind": "command", "name": "demo.sleep"},
        payload={"seconds": 0},
        policies={"retry": {"max_retries": 0}, **policies},
    )


def no_run_is_live() -> bool:
    return not Run.objects.filter(status__in=LIVE).exists()


def test_a_run_that_no_worker_starts_in_time_is_recorded_as_expired(processes: Processes) -> None:
    processes.start(*BEATS)
    job = quick_job("urgent", {"every": "1s"}, overlap="allow", start_deadline="2s")
    of_job = Run.objects.filter(job=job)
    wait_until(lambda: of_job.filter(reason=Reason.EXPIRED).count() >= 3, 20, what="three expired runs")
    processes.start("worker")
    wait_until(lambda: of_job.filter(status="succeeded").count() >= 3, 30, what="three runs that succeeded")
    pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(no_run_is_live, 20, what="the end of all runs")
    instants = of_job.filter(origin="schedule").order_by("nominal_at").values_list("nominal_at", flat=True)
    assert len(instants) >= 6
    assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(seconds=1)}
    assert not Attempt.objects.filter(run__reason=Reason.EXPIRED).exists()


def test_the_highest_priority_starts_first_across_jobs(processes: Processes) -> None:
    processes.start("beat")
    now = datetime.now(UTC)
    priorities = ("low", "medium", "high", "critical", "low", "critical")
    for number, priority in enumerate(priorities):
        job = quick_job(f"{priority} {number}", {"kind": "none"}, priority=priority)
        run_now(job, now + number * timedelta(milliseconds=1), actor="tests")
    wait_until(lambda: Run.objects.filter(n_published=1).count() == len(priorities), what="all messages")
    processes.spawn("worker-alone")
    wait_until(no_run_is_live, 40, what="the end of all runs")
    started = [run.spec.job_name.split()[0] for run in Run.objects.select_related("spec").order_by("started_at")]
    assert started == ["critical", "critical", "high", "medium", "low", "low"]
