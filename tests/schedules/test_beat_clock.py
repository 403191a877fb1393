"""Proves that a beat with a wrong clock does nothing and says so, and that a pass follows PostgreSQL's clock."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import redis
from structlog.testing import capture_logs

from executions.models import Run
from scheduler_project.celery import app
from schedules.beat import STAND_BY_INTERVAL, JobScheduler
from schedules.models import BeatLease, BeatProcess, Job
from tests.factories import make_job
from values.clock import MAX_DIFFERENCE, machine_clock

if TYPE_CHECKING:
    from collections.abc import Iterator

# The scheduler closes old connections, which would end a test's transaction.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class Machine:
    """The machine of a beat: its clock is `ahead`, and the beat's sleeps are recorded instead of slept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta(0)
        self.sleeps: list[float] = []
        self.beat = JobScheduler(app)
        monkeypatch.setattr(machine_clock, "read", lambda: datetime.now(UTC) + self.ahead)
        monkeypatch.setattr(self.beat._wakeup, "wait", self.sleeps.append)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    redis.Redis.from_url(os.environ["BROKER_URL"]).flushdb()
    consequence = machine_clock.consequence
    machine = Machine(monkeypatch)
    yield machine
    machine.beat.close()
    machine_clock.consequence = consequence


@pytest.mark.parametrize("ahead", [HOUR, -HOUR, 10 * SECOND, -10 * SECOND])
def test_a_beat_with_a_wrong_clock_fires_nothing_and_moves_no_mark(machine: Machine, ahead: timedelta) -> None:
    now = datetime.now(UTC)
    make_job("once", {"at": (now + HOUR / 2).isoformat()}, now=now)
    make_job("every five minutes", {"cron": "*/5 * * * *"}, now=now)
    make_job("every two seconds", {"cron": "*/2 * * * * *"}, now=now - 10 * SECOND)
    clocks = list(Job.objects.order_by("pk").values("mark_at", "next_run_at", "state"))
    machine.ahead = ahead
    machine.beat.tick()
    assert not Run.objects.exists()
    assert list(Job.objects.order_by("pk").values("mark_at", "next_run_at", "state")) == clocks
    machine.ahead = timedelta(0)
    machine.beat.tick()
    assert set(Run.objects.values_list("spec__job_name", flat=True)) == {"every two seconds"}
    assert not Run.objects.filter(nominal_at__gt=datetime.now(UTC)).exists()


def test_a_beat_whose_clock_becomes_wrong_gives_its_lease_back_and_says_so(machine: Machine) -> None:
    machine.beat.tick()
    assert BeatLease.objects.exists() and BeatProcess.objects.get().problem == ""
    machine.ahead = HOUR
    with capture_logs() as lines:
        machine.beat.tick()
        machine.beat.tick()
    assert not BeatLease.objects.exists()
    (line,) = [line for line in lines if line["event"] == "clock_wrong"]
    assert line["hint"].endswith(
        "ahead of PostgreSQL's clock: synchronize both (NTP). This beat does nothing until then."
    )
    row = BeatProcess.objects.get()
    assert row.problem == "The clock of its machine is 3600 s ahead of PostgreSQL's clock: synchronize both (NTP)."
    assert abs(row.clock_ahead - HOUR) < SECOND and abs(row.seen_at - datetime.now(UTC)) < HOUR / 2
    machine.ahead = timedelta(0)
    with capture_logs() as lines:
        machine.beat.tick()
    assert "clock_right" in [line["event"] for line in lines]
    assert BeatLease.objects.exists() and BeatProcess.objects.get().problem == ""


def test_a_beat_with_a_wrong_clock_looks_again_after_a_second(machine: Machine) -> None:
    make_job(schedule={"cron": "* * * * * *"}, now=datetime.now(UTC) - 5 * SECOND)
    machine.ahead = -HOUR
    machine.beat.tick()
    (sleep,) = machine.sleeps
    assert STAND_BY_INTERVAL.total_seconds() - 0.5 < sleep <= STAND_BY_INTERVAL.total_seconds()


def test_a_pass_of_a_clock_that_is_a_little_ahead_takes_no_instant_of_the_future(machine: Machine) -> None:
    due_at = datetime.now(UTC) + MAX_DIFFERENCE * 0.7
    make_job(schedule={"at": due_at.isoformat()}, now=due_at - HOUR)
    machine.ahead = MAX_DIFFERENCE * 0.9
    machine.beat.tick()
    if datetime.now(UTC) < due_at:  # true unless the machine was suspended meanwhile
        assert not Run.objects.exists()
        assert machine.sleeps[-1] < MAX_DIFFERENCE.total_seconds()


def test_a_stopped_beat_leaves_no_row(machine: Machine) -> None:
    machine.beat.tick()
    assert BeatProcess.objects.exists()
    machine.beat.close()
    assert not BeatProcess.objects.exists()
