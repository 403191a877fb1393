"""SIGKILL anything: no accepted occurrence is lost, and none has two rows."""

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
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_whose_worker_is_killed_is_carried_out_again_once_its_lease_has_run_out(
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


def test_what_fell_due_while_no_beat_was_running_follows_the_catch_up_policy_each_with_a_row(
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
    wait_until(lambda: datetime.now(UTC) > killed_at + timedelta(seconds=12), 20, what="twelve seconds")
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


def test_two_beats_for_a_minute_make_no_occurrence_twice_and_miss_none(
    processes: Processes, receiver: Receiver
) -> None:
    processes.start("beat", "beat#2", "worker-http")
    begun_at = datetime.now(UTC)
    jobs = [
        make_job(
            f"job {number}",
            {"cron": "* * * * * *"},
            now=begun_at,
            target={"kind": "http", "method": "POST", "url": receiver.url("/hook")},
            policies={"overlap": "allow"},
        )
        for number in range(5)
    ]
    wait_until(lambda: datetime.now(UTC) > begun_at + timedelta(seconds=60), 70, what="a minute")
    for job in jobs:
        pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: not Run.objects.exclude(status=RunStatus.SUCCEEDED).exists(), 30, what="the end of all runs")
    for job in jobs:
        instants = list(Run.objects.filter(job=job).order_by("nominal_at").values_list("nominal_at", flat=True))
        assert len(instants) >= 60
        assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(seconds=1)}
    calls = Counter(request.headers["idempotency-key"] for request in receiver.requests)
    assert len(calls) == Run.objects.count() and set(calls.values()) == {1}, "each run called its target once"


def test_a_command_that_cannot_be_stopped_has_its_process_killed(processes: Processes) -> None:
    processes.start("beat", "worker")
    now = datetime.now(UTC)
    job = make_job(
        schedule={"kind": "none"},
        target={"kind": "command", "name": "tests.stubborn"},
        now=now,
        policies={"timeout": "1s", "retry": {"max_retries": 0}},
    )
    run = run_now(job, now, actor="tests")
    wait_until(lambda: Run.objects.get(pk=run.pk).is_terminal, 60, what="the end of the run")
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "timed_out")
