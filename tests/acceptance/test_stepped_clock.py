"""A clock that is stepped forwards and back while the beat runs loses no occurrence and repeats none."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from executions.models import Run
from executions.states import RunStatus
from schedules.models import Job
from schedules.triggers import pause
from tests.acceptance.stepped_clock import OFFSET, step
from tests.factories import make_job
from tests.waiting import wait_for, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


def test_a_clock_that_is_stepped_forwards_and_back_skips_and_repeats_no_occurrence(
    processes: Processes, receiver: Receiver, tmp_path: Path
) -> None:
    offset = tmp_path / "offset"
    step(offset, 0)
    stepped = processes.with_environment(**{OFFSET: str(offset)})
    try:
        stepped.start("stepped-beat", "worker-http")
        made_at = datetime.now(UTC)
        job = make_job(
            "every second",
            {"every": "1s"},
            now=made_at,
            target={"kind": "http", "method": "POST", "url": receiver.url("/hook")},
            policies={"overlap": "allow", "catch_up": {"mode": "all", "pace": "0s"}},
        )
        runs = Run.objects.filter(job=job)
        wait_until(lambda: runs.count() >= 3, what="the first runs")
        step(offset, 180)
        wait_until(lambda: runs.count() >= 183, what="three minutes at once")
        step(offset, -20)
        n_before, stepped_at = runs.count(), datetime.now(UTC)
        wait_for(stepped_at + 5 * SECOND)
        assert runs.count() <= n_before + 1, "each of these instants has its run already"
        new = make_job("created after the step back", {"every": "1s"}, now=datetime.now(UTC) - 20 * SECOND)
        wait_until(
            lambda: Run.objects.filter(job=new).exists(), what="a run of a job that was created after the step back"
        )
        step(offset, 190)
        wait_until(lambda: runs.count() >= n_before + 5, what="runs of instants that are new")
        pause(job.pk, datetime.now(UTC) + 190 * SECOND, actor="tests")
        wait_until(lambda: not runs.exclude(status=RunStatus.SUCCEEDED).exists(), 40, what="the end of all runs")
        recorded = Counter(runs.values_list("nominal_at", flat=True))
        mark_at = Job.objects.get(pk=job.pk).mark_at
        assert mark_at > made_at + 190 * SECOND
        assert recorded == Counter(made_at + n * SECOND for n in range(1, (mark_at - made_at) // SECOND + 1))
        calls = Counter(call.headers["idempotency-key"] for call in receiver.requests)
        ids = {str(run_id) for run_id in runs.values_list("pk", flat=True)}
        assert {key: n for key, n in calls.items() if key in ids} == dict.fromkeys(ids, 1)
    finally:
        stepped.kill_all()
