"""Proves that the beat's sleep ends in time, or earlier by a notification, on a real connection."""

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

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


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


def test_the_sleep_lasts_as_long_as_it_should_without_a_notification(wakeup: Wakeup) -> None:
    assert slept(wakeup, 0.2) >= 0.19


def test_a_notification_ends_one_sleep(wakeup: Wakeup) -> None:
    def notify() -> None:
        wake_beat()
        connection.close()

    threading.Timer(0.1, notify).start()
    assert slept(wakeup, 20) < 10
    assert slept(wakeup, 0.2) >= 0.19


def test_a_notification_from_before_the_sleep_ends_it(wakeup: Wakeup) -> None:
    wake_beat()
    assert slept(wakeup, 20) < 10


def test_a_sleep_without_its_connection_lasts_and_connects_again(wakeup: Wakeup) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
    for _ in range(4):  # one sleep notices that the connection is gone, a later one connects
        wakeup.wait(0.1)
    wake_beat()
    assert slept(wakeup, 20) < 10


def test_the_connection_uses_every_parameter_of_the_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "application_name", "the beat")
    sleeping = Wakeup()
    sleeping.wait(0.01)
    with connection.cursor() as cursor:
        cursor.execute("SELECT application_name FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        names = cursor.fetchall()
    sleeping.close()
    assert ("the beat",) in names


def test_a_run_recovered_from_a_lost_worker_ends_the_sleep(wakeup: Wakeup) -> None:
    claim(make_run())
    while slept(wakeup, 0.1) < 0.09:
        pass  # the notification about the new job
    assert reap_once(NOW + timedelta(minutes=1), 10).n_again == 1
    assert slept(wakeup, 2) < 1
