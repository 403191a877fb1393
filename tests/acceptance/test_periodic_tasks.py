"""`PeriodicTask` rows fire as in django-celery-beat; with three beats each due instant is fired once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask

from schedules.models import BeatLease
from tests.acceptance.periodic_tasks import Consumer, noon_at, row
from tests.acceptance.processes import BEATS
from tests.waiting import wait_for, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.processes import Processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

SECOND = timedelta(seconds=1)
N_KILLS = 5
QUEUES = [
    f"stock.{name}"
    for name in ("interval", "slow", "crontab", "clocked", "solar", "one-off", "later", "ends", "worthless", "switched")
]


@pytest.fixture
def consumer(processes: Processes) -> Iterator[Consumer]:
    running = Consumer(processes.broker_url, *QUEUES)
    yield running
    running.close()


def is_enabled(of: PeriodicTask) -> bool:
    return bool(PeriodicTask.objects.get(pk=of.pk).enabled)


def test_three_beats_fire_every_kind_of_row_once_an_instant(processes: Processes, consumer: Consumer) -> None:
    processes.start(*BEATS)
    started_at = datetime.now(UTC)
    soon, minute = started_at + 6 * SECOND, (started_at + timedelta(seconds=65)).replace(second=0, microsecond=0)
    every_minute = CrontabSchedule.objects.create(minute=str(minute.minute), hour=str(minute.hour), timezone="UTC")
    row(
        "interval",
        task="their.own.task",
        args='["one", 2]',
        kwargs='{"three": [4]}',
        headers='{"x-tenant": "blue"}',
        priority=6,
    )
    row("slow", interval=IntervalSchedule.objects.create(every=10, period=IntervalSchedule.SECONDS))
    row("crontab", crontab=every_minute)
    clocked = row("clocked", clocked=ClockedSchedule.objects.create(clocked_time=soon), one_off=True)
    row("solar", solar=noon_at(soon))
    one_off = row("one-off", one_off=True)
    row("later", start_time=soon)
    ends = row("ends", expires=soon)
    row("worthless", expire_seconds=30)
    switched = row("switched", enabled=False)

    wait_for(started_at + 9 * SECOND)
    assert not consumer.of("stock.switched"), "a row that is switched off"
    switched.enabled = True
    switched.save()
    wait_until(lambda: len(consumer.of("stock.switched")) >= 3, what="a row that was switched on")
    PeriodicTask.objects.get(pk=switched.pk).delete()
    n_deleted = len(consumer.of("stock.switched"))
    off = row("switched")
    wait_until(lambda: len(consumer.of("stock.switched")) >= n_deleted + 2, what="a row that was created again")
    off.enabled = False
    off.save()
    switched_off_at = datetime.now(UTC)
    wait_for(minute + 3 * SECOND)
    processes.kill_all()
    # The message that a worker receives.
    first = consumer.of("stock.interval")[0]
    assert (first.task, first.args, first.kwargs, first.priority) == ("their.own.task", ["one", 2], {"three": [4]}, 6)
    assert first.headers["x-tenant"] == "blue" and first.headers["periodic_task_name"] == "interval"
    # Each instant once.
    for name, n in {"crontab": 1, "clocked": 1, "solar": 1, "one-off": 1}.items():
        assert len(consumer.of(f"stock.{name}")) == n, name
    for name, at in {"crontab": minute, "clocked": soon, "solar": soon}.items():
        [message] = consumer.of(f"stock.{name}")
        assert timedelta(0) <= message.at - at < 2 * SECOND, f"{name}: {message.at - at}"
    for name, every in {"interval": 1, "worthless": 1, "slow": 10}.items():
        times = [message.at for message in consumer.of(f"stock.{name}")]
        assert 0 <= (times[0] - started_at - every * SECOND).total_seconds() < 7, (
            f"{name}: beats read new rows every five seconds"
        )
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps, default=every * SECOND) > SECOND * every * 0.8, f"{name}: one fired twice"
        assert max(gaps, default=every * SECOND) < SECOND * (every + 2), f"{name}: one was left out"
        assert PeriodicTask.objects.get(name=name).total_run_count == len(times)
    # Starts, ends and switches.
    assert soon <= consumer.of("stock.later")[0].at < soon + 2 * SECOND
    assert consumer.of("stock.ends")[-1].at < soon + SECOND and not is_enabled(ends)
    assert not is_enabled(one_off) and not is_enabled(clocked)
    assert consumer.of("stock.switched")[-1].at < switched_off_at + SECOND
    # The message carries its expiry.
    assert datetime.fromisoformat(consumer.of("stock.ends")[0].headers["expires"]) == soon
    worthless = consumer.of("stock.worthless")[0]
    assert abs(datetime.fromisoformat(worthless.headers["expires"]) - worthless.at - 30 * SECOND) < 2 * SECOND
    ids = [message.headers["id"] for message in consumer.sent]
    assert len(ids) == len(set(ids))
    assert not processes.tracebacks()


def holder() -> str:
    """Return the process id of the beat that fires the rows."""
    lease = BeatLease.objects.filter(expires_at__gt=datetime.now(UTC)).first()
    return lease.holder.rpartition(":")[2] if lease else ""


def has_sent(consumer: Consumer, at_least: int) -> bool:
    return len(consumer.of("stock.interval")) >= at_least


@pytest.mark.alone
def test_beats_that_are_killed_in_turn_fire_every_row_and_none_too_early(
    processes: Processes, consumer: Consumer
) -> None:
    processes.start(*BEATS)
    row("interval")
    row("slow", interval=IntervalSchedule.objects.create(every=4, period=IntervalSchedule.SECONDS))
    wait_until(lambda: len(consumer.of("stock.interval")) >= 2, what="the first")
    for number in range(4, 4 + N_KILLS):
        name = processes.name_of(int(holder()))
        n_before = len(consumer.of("stock.interval"))
        processes.kill(name)
        killed_at = datetime.now(UTC)
        processes.spawn(f"beat#{number}")
        wait_until(partial(has_sent, consumer, n_before + 1), what="another beat")
        print(f"fired again {datetime.now(UTC) - killed_at} after the kill")
        wait_until(partial(has_sent, consumer, n_before + 3), what="more")
    for name, every, gap in (("interval", 1, 4), ("slow", 4, 7)):
        times = [message.at for message in consumer.of(f"stock.{name}")]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) > 0.8 * every * SECOND, f"{name}: one fired twice"
        assert max(gaps) < gap * SECOND, f"{name}: {max(gaps)} without one"
        # A beat that was killed between sending and commit has sent a message that the next beat sends again.
        assert len(times) - N_KILLS <= PeriodicTask.objects.get(name=name).total_run_count <= len(times)


@pytest.mark.alone
def test_another_beat_takes_over_at_once_from_a_beat_that_is_stopped(processes: Processes, consumer: Consumer) -> None:
    processes.start(*BEATS)
    row("interval")
    wait_until(lambda: len(consumer.of("stock.interval")) >= 3, what="the first")
    assert processes.stop(processes.name_of(int(holder()))) == 0
    n_before = len(consumer.of("stock.interval"))
    wait_until(lambda: len(consumer.of("stock.interval")) >= n_before + 3, what="messages of another beat")
    times = [message.at for message in consumer.of("stock.interval")]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) > SECOND * 0.8 and max(gaps) < 2.3 * SECOND
