"""The beat's sleep, on a real connection."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from executions.lifecycle.queries import wake_beat
from executions.worker.reaper import reap_once
from schedules.passes.wakeup import Wakeup
from tests.factories import NOW, claim, make_run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    sleeping = Wakeup()
    sleeping.wait(0.01)  # connects
    yield sleeping
    sleeping.close()


def slept(wakeup: Wakeup, seconds: float) -> float:
    began = time.monotonic()
    wakeup.wait(seconds)
    return time.monotonic() - began


def test_it_sleeps_for_its_time_when_nobody_calls(wakeup: Wakeup) -> None:
    assert slept(wakeup, 0.2) >= 0.19


def test_a_notification_ends_the_sleep_and_is_used_up(wakeup: Wakeup) -> None:
    def call() -> None:
        wake_beat()
        connection.close()

    threading.Timer(0.1, call).start()
    assert slept(wakeup, 20) < 10
    assert slept(wakeup, 0.2) >= 0.19


def test_a_call_that_came_before_the_sleep_is_heard(wakeup: Wakeup) -> None:
    wake_beat()
    assert slept(wakeup, 20) < 10


def test_without_its_connection_it_sleeps_and_connects_again(wakeup: Wakeup) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
    for _ in range(4):  # one of them notices, a later one connects
        wakeup.wait(0.1)
    wake_beat()
    assert slept(wakeup, 20) < 10


def test_a_run_that_is_to_be_carried_out_again_since_its_worker_was_lost_ends_the_sleep(wakeup: Wakeup) -> None:
    claim(make_run())
    while slept(wakeup, 0.1) < 0.09:
        pass  # its job was new
    assert reap_once(NOW + timedelta(minutes=1), 10).n_again == 1
    assert slept(wakeup, 2) < 1
