"""Each policy with three beats and two workers at once: the books say that it held, occurrence by occurrence."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Attempt, Followup, Run, RunEvent
from executions.policies.overlap import Overlap
from executions.states import LIVE, Reason
from schedules.triggers import pause, run_now
from tests.acceptance.processes import BEATS
from tests.factories import make_job
from tests.waiting import wait_for, wait_until

if TYPE_CHECKING:
    from tests.acceptance.processes import Processes

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)
WORKERS = ("worker", "worker#2")
ALONE = (Overlap.SKIP, Overlap.BUFFER_ONE, Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER)


def sleeper(name: str, seconds: float, schedule: dict[str, Any] | None = None, **policies: Any) -> Any:
    return make_job(
        name,
        schedule or {"every": "1s"},
        now=datetime.now(UTC),
        target={"kind": "command", "name": "demo.sleep"},
        payload={"seconds": seconds},
        policies={"retry": {"max_retries": 0}, **policies},
    )


def let_run(jobs: list[Any], seconds: int) -> None:
    """Let them fire for a while, then pause them and wait until all is over."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    wait_for(until)
    for job in jobs:
        pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: not Run.objects.filter(status__in=LIVE).exists(), 90, what="the end of all runs")


def spans(job: Any) -> list[tuple[datetime, datetime]]:
    """When its attempts began and ended, in order."""
    return sorted(Attempt.objects.filter(run__job=job).values_list("started_at", "finished_at"))


def most_at_once(of: list[tuple[datetime, datetime]]) -> int:
    steps = sorted([(began, 1) for began, _ in of] + [(ended, -1) for _, ended in of])
    going = most = 0
    for _, step in steps:
        going += step
        most = max(most, going)
    return most


def each_instant_has_its_row(job: Any, at_least: int = 8) -> list[Run]:
    runs = list(Run.objects.filter(job=job, origin="schedule").order_by("nominal_at"))
    assert len(runs) >= at_least
    assert {later.nominal_at - earlier.nominal_at for earlier, later in pairwise(runs)} == {SECOND}
    return runs


def test_each_overlap_policy_holds_among_three_beats(processes: Processes) -> None:
    processes.start(*WORKERS, *BEATS)
    jobs = {policy: sleeper(policy.value, 1.6, overlap=policy.value) for policy in Overlap}
    let_run(list(jobs.values()), 12)
    processes.kill_all()
    for policy, job in jobs.items():
        runs = each_instant_has_its_row(job)
        ends = Counter(run.status for run in runs)
        reasons = {run.reason for run in runs}
        if policy in ALONE:
            assert most_at_once(spans(job)) == 1, f"{policy}: two at once"
        if policy in (Overlap.SKIP, Overlap.BUFFER_ONE):
            assert reasons == {"", Reason.OVERLAP} and set(ends) == {"succeeded", "skipped"}, (policy, ends)
        elif policy is Overlap.BUFFER_ALL:
            begun = list(Run.objects.filter(job=job).order_by("started_at").values_list("pk", flat=True))
            assert begun == [run.pk for run in runs] and set(ends) == {"succeeded"}, "each, one after the other"
        elif policy is Overlap.CANCEL_OTHER:
            assert ends["cancelled"] >= 3 and reasons <= {"", Reason.OVERLAP}, ends
        elif policy is Overlap.TERMINATE_OTHER:
            assert Attempt.objects.filter(run__job=job, error_code="terminated").count() >= 3, ends
            assert most_at_once(spans(job)) == 1, "the books know of one at a time"
        else:
            assert set(ends) == {"succeeded"} and most_at_once(spans(job)) >= 2, ends
    assert not Followup.objects.exists()


def test_a_buffered_run_starts_as_soon_as_the_one_before_it_is_over(processes: Processes) -> None:
    processes.start(*WORKERS, *BEATS)
    job = sleeper("queue", 1.1, overlap="buffer_all")
    let_run([job], 8)
    waited = [later[0] - earlier[1] for earlier, later in pairwise(spans(job))]
    assert sorted(waited)[len(waited) // 2] < SECOND, "hand to hand, not with the next housekeeping"


def test_limits_hold_across_jobs_among_three_beats(processes: Processes) -> None:
    processes.start(*WORKERS, *BEATS)
    shared = {"limit": 2, "key": "printer"}
    printers = [sleeper(f"printer {number}", 0.7, concurrency=shared, overlap="allow") for number in range(3)]
    paced = sleeper("paced", 0, overlap="allow", rate_limit={"limit": 1, "per": "2s"})
    capped = sleeper("capped", 1.6, overlap="allow", concurrency={"limit": 1, "beyond": "skip"})
    let_run([*printers, paced, capped], 10)
    processes.kill_all()
    for job in (*printers, paced, capped):
        each_instant_has_its_row(job)
    together = [span for job in printers for span in spans(job)]
    assert most_at_once(together) == 2
    released = RunEvent.objects.filter(run__job=paced, kind="queued").order_by("at").values_list("at", flat=True)
    assert min(later - earlier for earlier, later in pairwise(released)) >= 2 * SECOND
    assert most_at_once(spans(capped)) == 1
    assert {run.reason for run in Run.objects.filter(job=capped)} == {"", Reason.OVER_LIMIT}


def test_a_run_that_nobody_begins_in_time_is_recorded_as_expired(processes: Processes) -> None:
    processes.start(*BEATS)
    job = sleeper("urgent", 0, overlap="allow", start_deadline="2s")
    wait_until(lambda: Run.objects.filter(job=job, reason=Reason.EXPIRED).count() >= 3, 20, what="three that expired")
    processes.start("worker")
    wait_until(lambda: Run.objects.filter(job=job, status="succeeded").count() >= 3, 30, what="three that ran")
    pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: not Run.objects.filter(status__in=LIVE).exists(), 20, what="the end of all runs")
    each_instant_has_its_row(job, at_least=6)
    assert not Attempt.objects.filter(run__reason=Reason.EXPIRED).exists()


def test_of_what_waits_for_a_worker_the_higher_priority_comes_first_across_jobs(processes: Processes) -> None:
    processes.start("beat")
    now = datetime.now(UTC)
    waiting = []
    for number, priority in enumerate(("low", "medium", "high", "critical", "low", "critical")):
        job = sleeper(f"{priority} {number}", 0, {"kind": "none"}, priority=priority)
        waiting.append(run_now(job, now + number * timedelta(milliseconds=1), actor="tests"))
    wait_until(lambda: Run.objects.filter(n_published=1).count() == len(waiting), what="all messages")
    processes.spawn("worker-alone")
    wait_until(lambda: not Run.objects.filter(status__in=LIVE).exists(), 40, what="the end of all runs")
    begun = [run.spec.job_name.split()[0] for run in Run.objects.select_related("spec").order_by("started_at")]
    assert begun == ["critical", "critical", "high", "medium", "low", "low"]
