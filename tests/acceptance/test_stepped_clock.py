"""Proves that machines with wrong clocks lose, repeat and start early no occurrence, and say what is wrong."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.db.models import F

from executions.models import Run
from executions.states import RunStatus
from schedules.clock.compare import Decision
from schedules.ledger import account
from schedules.models import BeatLease, Job, beat_problems, living_beats
from schedules.triggers import pause
from tests.acceptance.stepped_clock import OFFSET, step
from tests.factories import make_job
from tests.waiting import wait_for, wait_until

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from django.db.models import QuerySet

    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

SECOND = timedelta(seconds=1)
HOUR = 3600.0  # seconds


def test_a_beat_whose_clock_is_stepped_waits_and_then_fires_every_instant_once(
    processes: Processes, receiver: Receiver, tmp_path: Path
) -> None:
    offset = tmp_path / "offset"
    step(offset, 0)
    stepped = processes.with_environment(**{OFFSET: str(offset)})
    try:
        stepped.start("beat", "worker-http")
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
        for error in (180.0, -20.0):
            step(offset, error)
            wait_until(lambda: beat_problems(living_beats(datetime.now(UTC))), what="a beat that stands by")
            n_before, stepped_at = runs.count(), datetime.now(UTC)
            wait_for(stepped_at + 3 * SECOND)
            assert runs.count() == n_before, "a beat with a wrong clock fires nothing"
            step(offset, 0)
            wait_until(partial(has_more, runs, n_before + 3), what="the instants of the wait, and later ones")
        assert not runs.filter(nominal_at__gt=datetime.now(UTC)).exists()
        pause(job.pk, datetime.now(UTC), actor="tests")
        wait_until(lambda: not runs.exclude(status=RunStatus.SUCCEEDED).exists(), 40, what="the end of all runs")
        recorded = Counter(runs.values_list("nominal_at", flat=True))
        n_instants = (Job.objects.get(pk=job.pk).mark_at - made_at) // SECOND
        assert recorded == Counter(made_at + n * SECOND for n in range(1, n_instants + 1))
        calls = Counter(call.headers["idempotency-key"] for call in receiver.requests)
        assert calls == dict.fromkeys((str(run_id) for run_id in runs.values_list("pk", flat=True)), 1)
    finally:
        stepped.kill_all()


def test_beats_and_workers_with_wrong_clocks_leave_the_ledger_exact(
    processes: Processes, receiver: Receiver, tmp_path: Path
) -> None:
    wrong = {}
    for name, error in {"beat#2": HOUR, "beat#3": 10.0, "worker-http": -HOUR}.items():
        step(tmp_path / name, error)
        wrong[name] = processes.with_environment(**{OFFSET: str(tmp_path / name)})
    try:
        for name, machine in wrong.items():
            machine.start(name)
        processes.start("beat")
        target = {"kind": "http", "method": "POST", "url": receiver.url("/hook")}
        began_at = datetime.now(UTC)
        jobs = {
            name: make_job(name, schedule, now=began_at, target=target, policies={"overlap": "allow"})
            for name, schedule in {
                "once": {"at": (began_at + timedelta(minutes=30)).isoformat()},
                "every five minutes": {"cron": "*/5 * * * *"},
                "every two seconds": {"cron": "*/2 * * * * *"},
            }.items()
        }
        wait_for(began_at + 20 * SECOND)
        checked_at = datetime.now(UTC)
        problems = beat_problems(living_beats(checked_at))
        assert [problem[:27] for problem in problems] == ["1 of 3 beats does nothing. "] * 2
        assert " 3600 s ahead of " in problems[0] + problems[1] and " 10 s ahead of " in problems[0] + problems[1]
        assert "clock_wrong" in wrong["beat#2"].log_of("beat#2") and "clock_wrong" in wrong["beat#3"].log_of("beat#3")
        assert BeatLease.objects.get().expires_at < checked_at + 10 * SECOND, (
            "the lease of the beat with the right clock"
        )
        for job in jobs.values():
            pause(job.pk, checked_at, actor="tests")
        started = Run.objects.exclude(status=RunStatus.SKIPPED)
        wait_until(lambda: not started.exclude(status=RunStatus.SUCCEEDED).exists(), 30, what="the end of all runs")
        assert set(started.values_list("n_attempts", flat=True)) == {1}, "no lease was lost"
        assert not Run.objects.filter(nominal_at__gt=checked_at).exists()
        assert not Run.objects.filter(job=jobs["once"]).exists() and jobs["once"].state == "active"
        for job in jobs.values():
            assert all(n == 1 for n in decisions(job.pk, began_at, checked_at).values())
        assert len(decisions(jobs["every two seconds"].pk, began_at, checked_at)) >= 9
        late = Run.objects.filter(finished_at__gt=F("nominal_at") + 10 * SECOND) | Run.objects.filter(
            finished_at__lt=F("nominal_at")
        )
        assert not late.exists(), "the worker stores PostgreSQL's time"
    finally:
        for machine in wrong.values():
            machine.kill_all()


def has_more(runs: QuerySet[Run], n_runs: int) -> bool:
    return runs.count() > n_runs


def decisions(job_id: UUID, after: datetime, until: datetime) -> Counter[datetime]:
    """Count the entries of each instant in the job's ledger, all of which must have started."""
    entries = list(account.entries(job_id, after, until, until))
    assert {entry.decision for entry in entries} <= {Decision.STARTED}
    return Counter(entry.at for entry in entries)
