"""Proves how the beat fires `PeriodicTask` rows: lease, housekeeping rows, clock changes, locked and broken rows."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from structlog.testing import capture_logs

from scheduler_project.celery import app
from schedules import queries
from schedules.beat import JobScheduler
from schedules.models import BeatLease
from schedules.passes.periodic import LEASE, LEASE_DURATION
from tests.acceptance.processes import database_url

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

RECOVER = "housekeeping: recover lost runs"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.fixture
def broker() -> redis.Redis:
    """The broker, empty."""
    found = redis.Redis.from_url(os.environ["BROKER_URL"])
    found.flushdb()
    return found


@pytest.fixture
def beat() -> Iterator[JobScheduler]:
    scheduler = JobScheduler(app)
    yield scheduler
    scheduler.close()


def test_a_housekeeping_row_that_was_deleted_comes_back(beat: JobScheduler) -> None:
    beat.create_housekeeping_rows(NOW)
    PeriodicTask.objects.all().delete()
    beat.create_housekeeping_rows(NOW + timedelta(seconds=60))
    assert PeriodicTask.objects.filter(name=RECOVER, enabled=True).exists()


def test_only_the_beat_with_the_lease_creates_housekeeping_rows(beat: JobScheduler) -> None:
    assert queries.take_lease(LEASE, "another", NOW, NOW + LEASE_DURATION)
    beat.pass_once(NOW)
    assert not PeriodicTask.objects.filter(name=RECOVER).exists(), "the other beat has the lease"
    beat.pass_once(NOW + 2 * LEASE_DURATION)
    assert PeriodicTask.objects.filter(name=RECOVER).exists()


def test_a_deleted_housekeeping_row_comes_back_after_the_clock_was_set_back(beat: JobScheduler) -> None:
    beat.create_housekeeping_rows(NOW)
    PeriodicTask.objects.all().delete()
    beat.create_housekeeping_rows(NOW - timedelta(days=1))
    beat.create_housekeeping_rows(NOW - timedelta(days=1) + timedelta(seconds=60))
    assert PeriodicTask.objects.filter(name=RECOVER).exists()


def test_a_disabled_housekeeping_row_is_logged_once_an_hour(beat: JobScheduler) -> None:
    beat.create_housekeeping_rows(NOW)
    PeriodicTask.objects.filter(name=RECOVER).update(enabled=False)
    with capture_logs() as logs:
        for minutes in range(1, 122):
            beat.create_housekeeping_rows(NOW + timedelta(minutes=minutes))
    lines = [line for line in logs if line["event"] == "housekeeping_off"]
    assert [line["names"] for line in lines] == [[RECOVER]] * 3
    assert lines[0]["log_level"] == "warning"


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": "5"},
        {"headers": "["},
        {"args": "{}"},
        {"args": "[["},
        {"kwargs": "[]"},
        {"kwargs": '{"__type__": "uuid", "__value__": {"hex": 5}}'},
        {"interval": None},
        {"every": 10**9},
    ],
)
def test_a_row_that_cannot_be_sent_is_logged_by_name_and_the_others_fire(
    beat: JobScheduler, broker: redis.Redis, wrong: dict[str, object]
) -> None:
    now = datetime.now(UTC)
    interval, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    fine = {"task": "my.task", "interval": interval, "queue": "mine", "last_run_at": now - timedelta(minutes=1)}
    PeriodicTask.objects.create(name="bad", **fine)
    PeriodicTask.objects.create(name="good", **fine)
    if every := wrong.pop("every", None):
        wrong["interval"] = IntervalSchedule.objects.create(every=every, period=IntervalSchedule.DAYS)
    PeriodicTask.objects.filter(name="bad").update(**wrong)
    with capture_logs() as logs:
        beat.pass_once(now)
    assert broker.llen("mine") == 1
    lines = [line for line in logs if line["log_level"] in ("warning", "error")]
    assert [(line["event"], line["name"]) for line in lines] == [("periodic_task_skipped", "bad")]
    assert PeriodicTask.objects.get(name="bad").enabled


def test_an_interval_counts_from_now_after_the_clock_was_set_back(beat: JobScheduler) -> None:
    now = datetime.now(UTC)
    interval, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.HOURS)
    fields = {"task": "my.task", "interval": interval, "queue": "mine"}
    PeriodicTask.objects.create(name="ahead", last_run_at=now + timedelta(hours=1), **fields)
    left = beat.all_as_schedule()["ahead"].is_due().next
    assert 3590 < left <= 3600


def test_rows_are_read_again_after_the_clock_was_set_back(beat: JobScheduler, broker: redis.Redis) -> None:
    now = datetime.now(UTC)
    beat.pass_once(now + timedelta(hours=1))
    interval, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    row = PeriodicTask.objects.create(name="mine", task="my.task", interval=interval, queue="mine")
    PeriodicTask.objects.filter(pk=row.pk).update(last_run_at=now - timedelta(minutes=1))
    beat.pass_once(now)
    assert broker.llen("mine") == 1


def test_a_row_that_another_beat_has_fired_is_not_fired_again(beat: JobScheduler, broker: redis.Redis) -> None:
    now = datetime.now(UTC)
    interval, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.MINUTES)
    fields = {"task": "my.task", "interval": interval, "queue": "mine", "last_run_at": now - timedelta(hours=1)}
    for name in ("one", "two", "three"):
        PeriodicTask.objects.create(name=name, **fields)
    assert beat.schedule["two"].is_due().is_due, "it has been read as due"
    PeriodicTask.objects.filter(name="two").update(last_run_at=now, total_run_count=1)
    beat.pass_once(now)
    assert broker.llen("mine") == 2
    assert set(PeriodicTask.objects.filter(task="my.task").values_list("total_run_count", flat=True)) == {1}


def test_a_locked_row_is_fired_later_and_delays_no_other_row(beat: JobScheduler, broker: redis.Redis) -> None:
    now = datetime.now(UTC)
    interval, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.MINUTES)
    fields = {"task": "my.task", "interval": interval, "queue": "mine", "last_run_at": now - timedelta(hours=1)}
    for name in ("one", "two", "three"):
        PeriodicTask.objects.create(name=name, **fields)
    with psycopg.connect(database_url()) as admin:
        admin.execute("SELECT 1 FROM django_celery_beat_periodictask WHERE name = 'one' FOR UPDATE")
        beat.pass_once(now)
        assert broker.llen("mine") == 2
    beat.pass_once(now + timedelta(seconds=2))
    assert broker.llen("mine") == 3


def test_a_beat_that_has_lost_its_lease_fires_nothing_more(beat: JobScheduler, broker: redis.Redis) -> None:
    now = datetime.now(UTC)
    beat.pass_once(now)
    BeatLease.objects.update(holder="another", expires_at=now + 2 * LEASE_DURATION)
    interval, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    fields = {"task": "my.task", "interval": interval, "queue": "mine", "last_run_at": now - timedelta(minutes=1)}
    PeriodicTask.objects.create(name="mine", **fields)
    beat._periodic_at = now
    beat.pass_once(now + LEASE_DURATION / 2)
    assert broker.llen("mine") == 0
