"""After SIGKILL of a worker or a beat, no occurrence is lost and none has two rows."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from executions.models import Attempt, Run
from executions.states import RunStatus
from schedules.triggers import pause, run_now
from tests.factories import make_job
from tests.receiver import answer, hang
from tests.waiting import wait_for, wait_until

if TYPE_CHECKING:
    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_whose_worker_is_killed_runs_again_after_its_lease_has_expired(
    processes: Processes, receiver: Receiver
) -> None:
    receiver.script("/slow", hang(), answer(200))
    processes.start("beat", "worker", "worker-http")
    now = datetime.now(UTC)
    job = make_job(
        schedule={"kind": "none"}, target={"kind": "http", "method": "POST", "url": receiver.url("/slow")}, now=now
    )
    run = run_now(job, now, actor="tests")
    wait_until(lambda: receiver.requests, what="the first call")
    processes.kill("worker-http")
    killed_at = datetime.now(UTC)
    processes.start("worker-http#2")
    wait_until(lambda: Run.objects.get(pk=run.pk).is_terminal, 40, what="the end of the run")
    run.refresh_from_db()
    assert (run.status, run.n_attempts, run.n_lost) == (RunStatus.SUCCEEDED, 2, 1)
    lost, again = Attempt.objects.filter(run=run)
    assert (lost.status, again.status) == ("lost", "succeeded")
    assert again.started_at > killed_at and lost.finished_at - killed_at > timedelta(seconds=1), "not before its lease"
    assert len({request.headers["idempotency-key"] for request in receiver.requests}) == 1


def test_occurrences_of_a_time_without_a_beat_follow_the_catch_up_policy(
    processes: Processes,
) -> None:
    processes.start("beat")
    now = datetime.now(UTC)
    jobs = {
        mode: make_job(
            mode,
            {"every": "1s"},
            now=now,
            policies={"overlap": "allow", "catch_up": {"mode": mode, "max_age": "1h"}},
        )
        for mode in ("skip", "last", "all")
    }
    wait_until(lambda: Run.objects.count() >= 6, what="the first occurrences")
    processes.kill("beat")
    killed_at = datetime.now(UTC)
    wait_for(killed_at + timedelta(seconds=12))
    processes.start("beat#2")
    wait_until(
        lambda: all(Run.objects.filter(job=job, nominal_at__gt=killed_at, reason="").exists() for job in jobs.values()),
        what="occurrences after the outage",
    )
    for job in jobs.values():
        pause(job.pk, datetime.now(UTC), actor="tests")
    for mode, job in jobs.items():
        runs = list(Run.objects.filter(job=job).order_by("nominal_at"))
        gaps = {later.nominal_at - earlier.nominal_at for earlier, later in pairwise(runs)}
        assert gaps == {timedelta(seconds=1)}, f"{mode}: an occurrence without a row, or with two"
        reasons = Counter(run.reason for run in runs)
        expected = {"skip": "missed", "last": "coalesced", "all": ""}[mode]
        assert set(reasons) == {"", expected} and (mode == "all" or reasons[expected] >= 3), reasons
