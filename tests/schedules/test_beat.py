"""Proves what one pass of the beat publishes to a real broker, how long it sleeps and how it stops."""

from __future__ import annotations

import base64
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import redis
from celery.apps.beat import Beat
from celery.beat import SchedulingError, Service
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from structlog.testing import capture_logs

from executions.models import Run
from executions.states import RunStatus
from executions.targets.base import Failed
from scheduler_project.celery import app
from schedules import queries
from schedules.beat import LOCKED_RETRY_DELAY, JobScheduler, install_signal_handlers
from schedules.models import BeatLease
from schedules.passes.periodic import LEASE, LEASE_DURATION
from tests.factories import NOW, end, make_job, make_run
from tests.poison import cure, poison
from tests.queues import in_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The scheduler closes old connections, which would end a test's transaction.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def broker() -> redis.Redis:
    client = redis.Redis.from_url(os.environ["BROKER_URL"])
    client.flushdb()
    return client


@pytest.fixture
def beat(broker: redis.Redis) -> Iterator[JobScheduler]:
    scheduler = JobScheduler(app)
    yield scheduler
    scheduler.close()


def messages(broker: redis.Redis, queue: str) -> list[dict[str, Any]]:
    """Return the messages in a queue, oldest first: their headers and arguments."""
    found = []
    for raw in in_queue(broker, queue):
        message = json.loads(raw)
        args, _, _ = json.loads(base64.b64decode(message["body"]))
        found.append({**message["headers"], "args": args})
    return found


def without_lease(beat: JobScheduler) -> None:
    """Let another beat hold the lease, so that only jobs are published."""
    now = datetime.now(UTC)
    queries.take_lease(LEASE, "another", now, NOW + timedelta(minutes=5))
    beat._lease_expires_at = datetime.min.replace(tzinfo=UTC)


def test_a_due_job_reaches_the_queue_of_its_target_with_run_id_and_claim(
    beat: JobScheduler, broker: redis.Redis
) -> None:
    without_lease(beat)
    make_job(policies={"timeout": "1m"})
    make_job("call", target={"kind": "http", "url": "https://example.com/"})
    beat.pass_once(NOW + MINUTE)
    (command,), (http,) = messages(broker, "command"), messages(broker, "http")
    run = Run.objects.get(spec__job_name="greeting")
    assert (command["task"], command["id"]) == ("executions.carry_out", f"{run.pk}.0")
    assert command["args"] == [[[str(run.pk), 0]]] and command["argsrepr"] == f"{run.pk}.0"
    assert (command["timelimit"][0], http["timelimit"][0]) == (70, 40)


def test_a_retry_is_published_when_it_is_due_and_not_before(beat: JobScheduler, broker: redis.Redis) -> None:
    without_lease(beat)
    run = make_run(make_job(schedule={"kind": "none"}))
    end(run, Failed("x", "x"))
    assert run.dispatch_at is not None
    assert beat.pass_once(run.dispatch_at - timedelta(microseconds=1)) <= run.dispatch_at
    assert messages(broker, "command") == []
    beat.pass_once(run.dispatch_at)
    assert [m["id"] for m in messages(broker, "command")] == [f"{run.pk}.1"]
    run.refresh_from_db()
    assert run.status == RunStatus.QUEUED


def test_a_pass_returns_when_work_is_due_next(beat: JobScheduler) -> None:
    without_lease(beat)
    make_job(schedule={"every": "1s"})
    assert beat.pass_once(NOW + timedelta(milliseconds=100)) == NOW + timedelta(seconds=1)
    make_job("sooner", schedule={"at": (NOW + timedelta(milliseconds=300)).isoformat()})
    assert beat.pass_once(NOW + timedelta(milliseconds=100)) == NOW + timedelta(milliseconds=300)


def test_a_pass_that_reaches_its_limit_is_followed_by_another_at_once(beat: JobScheduler, settings: Any) -> None:
    without_lease(beat)
    for number in range(settings.MAINSPRING.tick_limit + 1):
        make_job(f"job {number}")
    now = NOW + MINUTE
    assert [beat.pass_once(now) == now for _ in range(3)] == [True, True, False]
    assert Run.objects.count() == settings.MAINSPRING.tick_limit + 1


def test_a_beat_that_sends_many_messages_puts_several_runs_into_one(beat: JobScheduler, broker: redis.Redis) -> None:
    without_lease(beat)
    first_at, second_at = NOW + timedelta(milliseconds=100), NOW + timedelta(milliseconds=150)
    for number in range(32):
        make_job(f"job {number}", {"at": (second_at if number % 2 else first_at).isoformat()})
    beat.pass_once(first_at)
    beat.pass_once(second_at)
    sizes = [len(message["args"][0]) for message in messages(broker, "command")]
    assert sizes == [1] * 16 + [4] * 4


def test_the_next_pass_after_a_busy_one_waits_for_the_minimum_interval(
    beat: JobScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("schedules.beat.MIN_PASS_INTERVAL", 60)
    monkeypatch.setattr("schedules.beat.time.sleep", slept.append)
    monkeypatch.setattr(beat._wakeup, "wait", lambda seconds: None)
    make_job(schedule={"at": NOW.isoformat()}, now=NOW - MINUTE)
    beat.tick()
    assert [50 < seconds <= 60 for seconds in slept] == [True]
    beat.tick()
    assert len(slept) == 1


def test_runs_are_recorded_while_the_broker_is_away_and_published_afterwards(
    beat: JobScheduler, broker: redis.Redis
) -> None:
    without_lease(beat)
    make_job()
    working = beat.app.conf.broker_url
    unreachable = "redis://127.0.0.1:1/0"
    beat.__dict__["connection"] = beat.app.connection_for_write(unreachable)
    beat.pass_once(NOW + MINUTE)
    run = Run.objects.get()
    assert (run.status, run.dispatch_at) == (RunStatus.QUEUED, NOW + MINUTE + timedelta(seconds=1))
    assert beat.app.conf.broker_url == working
    beat.pass_once(NOW + MINUTE + timedelta(seconds=1))
    assert [m["id"] for m in messages(broker, "command")] == [f"{run.pk}.0"]


def test_the_broker_is_used_again_within_a_second_after_the_clock_was_set_back(
    beat: JobScheduler, broker: redis.Redis
) -> None:
    without_lease(beat)
    make_run(make_job("ahead", {"kind": "none"}))
    beat.__dict__["connection"] = beat.app.connection_for_write("redis://127.0.0.1:1/0")
    beat.pass_once(NOW + MINUTE)
    run = make_run(make_job(schedule={"kind": "none"}))
    beat.pass_once(NOW)
    beat.pass_once(NOW + timedelta(seconds=1))
    assert [m["id"] for m in messages(broker, "command")] == [f"{run.pk}.0"]


def test_a_pass_with_nothing_due_costs_one_query(beat: JobScheduler, broker: redis.Redis) -> None:
    now = datetime.now(UTC)
    make_job(schedule={"every": "1d"}, now=now)
    PeriodicTask.objects.update(last_run_at=now)
    beat.pass_once(now)
    beat.pass_once(now + timedelta(milliseconds=100))
    with CaptureQueriesContext(connection) as statements:
        beat.pass_once(now + timedelta(milliseconds=200))
    assert len(statements) == 1, [each["sql"][:80] for each in statements]


def test_a_locked_job_does_not_make_the_beat_spin(beat: JobScheduler) -> None:
    without_lease(beat)
    make_job()
    now = NOW + MINUTE
    with transaction.atomic():
        assert queries.due_jobs(now, 10)
        with ThreadPoolExecutor(1) as another:
            due_at = another.submit(in_a_thread, beat.pass_once, now).result()
    assert now < due_at < now + timedelta(seconds=1)
    assert not Run.objects.exists()


def in_a_thread(act: Callable[[datetime], datetime], now: datetime) -> datetime:
    try:
        return act(now)
    finally:
        connection.close()


def test_a_queued_run_whose_message_is_lost_is_published_again(beat: JobScheduler, broker: redis.Redis) -> None:
    without_lease(beat)
    run = make_run(make_job(schedule={"kind": "none"}))
    beat.pass_once(NOW)
    broker.flushdb()
    soon = NOW + timedelta(seconds=6)
    assert beat.pass_once(soon) == soon
    beat.pass_once(soon)
    assert [m["id"] for m in messages(broker, "command")] == [f"{run.pk}.0"]
    beat.pass_once(soon + timedelta(seconds=6))
    assert len(messages(broker, "command")) == 1


class TestPeriodicTasks:
    def test_a_row_that_the_broker_did_not_take_stays_due(self, beat: JobScheduler, broker: redis.Redis) -> None:
        each_second, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.create(name="mine", task="my.task", interval=each_second, queue="mine", last_run_at=NOW)
        now = datetime.now(UTC)
        beat.pass_once(now)
        broker.delete("mine")
        PeriodicTask.objects.filter(name="mine").update(last_run_at=NOW, total_run_count=0)
        beat._forget_schedule()
        beat.__dict__["producer"] = JobScheduler(app, lazy=True).Producer(
            app.connection_for_write("redis://127.0.0.1:1/0", transport_options={"max_retries": 0}), auto_declare=False
        )
        later = now + timedelta(seconds=2)
        beat.pass_once(later)
        assert PeriodicTask.objects.get(name="mine").total_run_count == 0
        beat.pass_once(later + timedelta(seconds=2))
        assert len(messages(broker, "mine")) == 1
        assert PeriodicTask.objects.get(name="mine").total_run_count == 1

    def test_housekeeping_rows_are_created_and_an_edited_row_is_kept(self, beat: JobScheduler) -> None:
        beat.create_housekeeping_rows(NOW)
        row = PeriodicTask.objects.get(name="housekeeping: prune history")
        row.enabled = False
        row.save()
        again = JobScheduler(app)
        again.create_housekeeping_rows(NOW)
        again.close()
        assert set(PeriodicTask.objects.values_list("name", "enabled")) == {
            ("housekeeping: recover lost runs", True),
            ("housekeeping: prune history", False),
            ("housekeeping: watch over schedules", True),
            ("housekeeping: prepare days", True),
        }

    def test_only_the_holder_of_the_lease_fires_rows(self, beat: JobScheduler, broker: redis.Redis) -> None:
        each_second, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.create(name="mine", task="my.task", interval=each_second, queue="mine", last_run_at=NOW)
        other = JobScheduler(app)
        other._holder = "other:1"
        now = datetime.now(UTC)
        beat._forget_schedule()
        beat.pass_once(now)
        other.pass_once(now)
        assert len(messages(broker, "mine")) == 1
        assert BeatLease.objects.get().holder == beat._holder
        other.close()

    def test_another_beat_takes_over_when_the_lease_has_expired(self, beat: JobScheduler) -> None:
        beat.pass_once(NOW)
        assert not queries.take_lease(LEASE, "other", NOW + LEASE_DURATION, NOW + 2 * LEASE_DURATION)
        assert queries.take_lease(LEASE, "other", NOW + LEASE_DURATION + MINUTE, NOW + 2 * MINUTE)


def test_a_run_that_cannot_be_published_delays_no_job_and_no_periodic_task(
    beat: JobScheduler, broker: redis.Redis
) -> None:
    each_second, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="mine", task="my.task", interval=each_second, queue="mine", last_run_at=NOW)
    bad, good = (make_run(make_job(name, {"kind": "none"})) for name in ("bad", "by hand"))
    make_job("good")
    poison("executions_run", "id", bad.pk, on="UPDATE")
    try:
        assert beat.pass_once(NOW + MINUTE) > NOW + MINUTE + LOCKED_RETRY_DELAY, "it must not spin"
    finally:
        cure("executions_run", bad.pk)
    assert Run.objects.filter(spec__job_name="good").count() == 1
    assert f"{good.pk}.0" in [message["id"] for message in messages(broker, "command")]
    assert (len(messages(broker, "command")), len(messages(broker, "mine"))) == (2, 1)


def test_the_beat_wakes_for_a_job_due_soon_after_a_part_of_a_pass_failed(beat: JobScheduler) -> None:
    without_lease(beat)
    now, soon = NOW + MINUTE, NOW + MINUTE + timedelta(milliseconds=100)
    bad = make_run(make_job("bad", {"kind": "none"}))
    make_job("due", {"at": now.isoformat()})
    make_job("soon", {"at": soon.isoformat()})
    poison("executions_run", "id", bad.pk, on="UPDATE")
    try:
        assert beat.pass_once(now) == soon
    finally:
        cure("executions_run", bad.pk)


def test_runs_of_a_pass_in_which_one_job_failed_are_published_at_once(beat: JobScheduler, broker: redis.Redis) -> None:
    without_lease(beat)
    bad, _good = make_job("bad"), make_job("good")
    now = NOW + MINUTE
    poison("executions_run", "job_id", bad.pk)
    try:
        assert beat.pass_once(now) == now
        beat.pass_once(now)
    finally:
        cure("executions_run", bad.pk)
    assert [m["id"] for m in messages(broker, "command")] == [f"{Run.objects.get().pk}.0"]


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the signal handlers of this process after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_beat_stops_even_if_a_call_swallows_the_exception_of_the_signal(
    beat: JobScheduler, broker: redis.Redis, handlers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    each_second, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    row = PeriodicTask.objects.create(name="mine", task="my.task", interval=each_second, last_run_at=NOW)

    def receive_signal(*_: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            raise AttributeError("a fault of a library while it cleans up")

    service = Service(app)
    service.__dict__["scheduler"] = beat
    Beat(app=app).install_sync_handler(service)
    install_signal_handlers(service)
    monkeypatch.setattr(redis.Redis, "lpush", receive_signal)
    with pytest.raises(SystemExit):
        beat.tick()
    row.refresh_from_db()
    assert (row.last_run_at, row.total_run_count) == (NOW, 0), "the row was not sent, so it stays due"


def test_a_message_that_cannot_be_encoded_is_no_outage_of_the_broker(
    beat: JobScheduler, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_lease(beat)
    make_job("good")
    make_job("bad", target={"kind": "http", "url": "https://example.org"})
    send = beat.apply_async

    def refuse(entry: Any, **kwargs: Any) -> Any:
        if entry.options["queue"] == "command":
            return send(entry, **kwargs)
        fault = SchedulingError("no such type in JSON")
        fault.__context__ = TypeError("no such type in JSON")
        raise fault

    monkeypatch.setattr(beat, "apply_async", refuse)
    with capture_logs() as logs:
        beat.pass_once(NOW + MINUTE)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["message_not_sent"]
    assert beat._use_broker_at <= NOW + MINUTE
    assert len(messages(broker, "command")) == 1
