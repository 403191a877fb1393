"""With three beats and two workers at once, every overlap policy and every limit holds for each occurrence."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from executions.models import Attempt, Followup, Run, RunEvent
from executions.policies.overlap import Overlap
from executions.states import LIVE, Reason
from schedules.triggers import pause
from tests.acceptance.fixtures import shared_processes
from tests.acceptance.processes import BEATS
from tests.factories import make_job
from tests.waiting import wait_for, wait_until

SECOND = timedelta(seconds=1)
WORKERS = ("worker", "worker#2")
ONE_AT_A_TIME = (Overlap.SKIP, Overlap.BUFFER_ONE, Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER)

pytestmark = pytest.mark.long

processes = shared_processes(*WORKERS, *BEATS)


def sleeper(name: str, seconds: float, **policies: Any) -> Any:
    """Make a job that is due each second, whose runs take this long."""
    return make_job(
        name,
        {"every": "1s"},
        now=datetime.now(UTC),
        target={"kind": "command", "name": "demo.sleep"},
        payload={"seconds": seconds},
        policies={"retry": {"max_retries": 0}, **policies},
    )


def let_run(jobs: list[Any], seconds: int) -> None:
    """Let the jobs fire, then pause them and wait for the end of their runs and follow-ups."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    wait_for(until)
    for job in jobs:
        pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: not Run.objects.filter(status__in=LIVE).exists(), 90, what="the end of all runs")
    wait_until(lambda: not Followup.objects.exists(), what="the end of all follow-ups")


def spans(job: Any) -> list[tuple[datetime, datetime]]:
    """Return when the job's attempts started and ended, in order."""
    return sorted(Attempt.objects.filter(run__job=job).values_list("started_at", "finished_at"))


def most_at_once(of: list[tuple[datetime, datetime]]) -> int:
    """Return the largest number of spans that overlap."""
    steps = sorted([(started, 1) for started, _ in of] + [(ended, -1) for _, ended in of])
    running = most = 0
    for _, step in steps:
        running += step
        most = max(most, running)
    return most


def assert_a_row_for_each_second(job: Any, at_least: int = 8) -> list[Run]:
    runs = list(Run.objects.filter(job=job, origin="schedule").order_by("nominal_at"))
    assert len(runs) >= at_least
    assert {later.nominal_at - earlier.nominal_at for earlier, later in pairwise(runs)} == {SECOND}
    return runs


def test_each_overlap_policy_holds_among_three_beats() -> None:
    jobs = {policy: sleeper(policy.value, 1.6, overlap=policy.value) for policy in Overlap}
    let_run(list(jobs.values()), 12)
    for policy, job in jobs.items():
        runs = assert_a_row_for_each_second(job)
        ends = Counter(run.status for run in runs)
        reasons = {run.reason for run in runs}
        if policy in ONE_AT_A_TIME:
            assert most_at_once(spans(job)) == 1, f"{policy}: two at once"
        if policy in (Overlap.SKIP, Overlap.BUFFER_ONE):
            assert reasons == {"", Reason.OVERLAP} and set(ends) == {"succeeded", "skipped"}, (policy, ends)
        elif policy is Overlap.BUFFER_ALL:
            started = list(Run.objects.filter(job=job).order_by("started_at").values_list("pk", flat=True))
            assert started == [run.pk for run in runs] and set(ends) == {"succeeded"}, "each, one after the other"
        elif policy is Overlap.CANCEL_OTHER:
            assert ends["cancelled"] >= 3 and reasons <= {"", Reason.OVERLAP}, ends
        elif policy is Overlap.TERMINATE_OTHER:
            assert Attempt.objects.filter(run__job=job, error_code="terminated").count() >= 3, ends
            assert most_at_once(spans(job)) == 1, "the database has one attempt at a time"
        else:
            assert set(ends) == {"succeeded"} and most_at_once(spans(job)) >= 2, ends


def test_a_buffered_run_starts_within_a_second_of_the_end_of_the_previous_one() -> None:
    job = sleeper("queue", 1.1, overlap="buffer_all")
    let_run([job], 8)
    waited = [later[0] - earlier[1] for earlier, later in pairwise(spans(job))]
    assert sorted(waited)[len(waited) // 2] < SECOND, (
        "at the end of the previous run, not in the next housekeeping pass"
    )


def test_limits_hold_across_jobs_among_three_beats() -> None:
    shared = {"limit": 2, "key": "printer"}
    printers = [sleeper(f"printer {number}", 0.7, concurrency=shared, overlap="allow") for number in range(3)]
    paced = sleeper("paced", 0, overlap="allow", rate_limit={"limit": 1, "per": "2s"})
    capped = sleeper("capped", 1.6, overlap="allow", concurrency={"limit": 1, "beyond": "skip"})
    let_run([*printers, paced, capped], 10)
    for job in (*printers, paced, capped):
        assert_a_row_for_each_second(job)
    together = [span for job in printers for span in spans(job)]
    assert most_at_once(together) == 2
    released = RunEvent.objects.filter(run__job=paced, kind="queued").order_by("at").values_list("at", flat=True)
    assert min(later - earlier for earlier, later in pairwise(released)) >= 2 * SECOND
    assert most_at_once(spans(capped)) == 1
    assert {run.reason for run in Run.objects.filter(job=capped)} == {"", Reason.OVER_LIMIT}
