"""Proves how a process finds that its clock is wrong, and that it then uses PostgreSQL's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from structlog.testing import capture_logs

from values import clock
from values.clock import LOG_INTERVAL, MAX_DIFFERENCE, MEASURE_INTERVAL, MachineClock, Reading, difference_text

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def reading(ahead: timedelta, took: timedelta = timedelta(0)) -> Reading:
    """Return a reading of a clock that is `ahead`; the database answered as soon as it was asked."""
    return Reading(NOON + ahead, took, NOON)


class SteppedClock(MachineClock):
    """A clock of a machine: a test sets it, and lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.shows, self.passed = NOON, 1000.0

    def read(self) -> datetime:
        return self.shows

    def read_steady(self) -> float:
        return self.passed

    def wait(self, seconds: float) -> None:
        self.shows, self.passed = self.shows + timedelta(seconds=seconds), self.passed + seconds


@pytest.mark.parametrize(
    ("ahead", "took", "difference"),
    [
        (timedelta(0), timedelta(0), timedelta(0)),
        (3600 * SECOND, timedelta(0), 3600 * SECOND),
        (-10 * SECOND, timedelta(0), -10 * SECOND),
        (-5 * SECOND, 3 * SECOND, -2 * SECOND),
        (-5 * SECOND, 8 * SECOND, timedelta(0)),
        (5 * SECOND, 8 * SECOND, 5 * SECOND),
    ],
)
def test_the_time_of_the_answer_does_not_count_as_a_difference(
    ahead: timedelta, took: timedelta, difference: timedelta
) -> None:
    assert reading(ahead, took).difference == difference


@pytest.mark.parametrize("ahead", [MAX_DIFFERENCE, -MAX_DIFFERENCE, timedelta(0)])
def test_a_small_difference_is_corrected_without_a_log_line(ahead: timedelta) -> None:
    machine = SteppedClock()
    with capture_logs() as lines:
        machine.use(reading(ahead))
    assert machine.now() == NOON and lines == []


@pytest.mark.parametrize(("ahead", "words"), [(3600 * SECOND, "3600 s ahead of"), (-10 * SECOND, "10 s behind")])
def test_a_wrong_clock_is_corrected_and_logged_until_it_is_right(ahead: timedelta, words: str) -> None:
    machine = SteppedClock()
    with capture_logs() as lines:
        machine.use(reading(ahead))
        machine.use(reading(ahead))
    machine.wait(5)
    assert machine.now() == NOON + 5 * SECOND
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("clock_wrong", "error")
    assert f"{words} PostgreSQL's clock: synchronize both (NTP)." in line["hint"]
    with capture_logs() as lines:
        machine.use(reading(timedelta(0)))
        machine.use(reading(timedelta(0)))
    assert [line["event"] for line in lines] == ["clock_right"]


def test_before_the_first_reading_the_machine_clock_counts() -> None:
    machine = SteppedClock()
    machine.shows += 3600 * SECOND
    assert machine.now() == NOON + 3600 * SECOND


@pytest.mark.parametrize("step", [3600 * SECOND, -3600 * SECOND])
def test_a_clock_that_is_set_between_two_readings_changes_nothing(step: timedelta) -> None:
    machine = SteppedClock()
    machine.use(reading(timedelta(0)))
    machine.wait(2)
    machine.shows += step
    machine.wait(2)
    assert machine.now() == NOON + 4 * SECOND


def test_the_steady_clock_passes_as_the_machine_clock_does() -> None:
    machine = MachineClock()
    machine.use(Reading(machine.read(), timedelta(0), machine.read()))
    assert abs(machine.now() - machine.read()) < SECOND


@pytest.mark.django_db
def test_a_clock_that_is_set_while_postgresql_answers_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, shown = MachineClock(), iter([timedelta(0), 3600 * SECOND])
    monkeypatch.setattr(machine, "read", lambda: datetime.now(UTC) + next(shown, 3600 * SECOND))
    connection.ensure_connection()
    machine.measure(connection.connection)
    assert abs(machine.now() - datetime.now(UTC)) < MAX_DIFFERENCE


def test_a_clock_that_stays_wrong_is_logged_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, monotonic = MachineClock(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: monotonic)
    with capture_logs() as lines:
        for seconds in (0.0, 1.0, LOG_INTERVAL - 1, LOG_INTERVAL, LOG_INTERVAL + 1):
            monotonic = 1000.0 + seconds
            machine.use(reading(3600 * SECOND))
    assert [line["event"] for line in lines] == ["clock_wrong"] * 2


@pytest.mark.django_db
def test_a_process_asks_postgresql_for_its_clock_at_most_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, monotonic, readings = MachineClock(), 1000.0, list[Reading]()
    monkeypatch.setattr(time, "monotonic", lambda: monotonic)
    monkeypatch.setattr(machine, "use", readings.append)
    connection.ensure_connection()
    for seconds in (0.0, 1.0, MEASURE_INTERVAL - 1, MEASURE_INTERVAL):
        monotonic = 1000.0 + seconds
        machine.measure(connection.connection)
    assert len(readings) == 2
    assert all(not found.is_wrong for found in readings)


@pytest.mark.django_db(transaction=True)
def test_every_new_connection_of_a_process_compares_the_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[object] = []
    monkeypatch.setattr(clock.machine_clock, "measure", measured.append)
    connection.close()
    connection.ensure_connection()
    assert measured == [connection.connection]


def test_a_difference_is_named_in_seconds() -> None:
    assert difference_text(3600 * SECOND) == "3600 s ahead of PostgreSQL's clock"
    assert difference_text(-2.4 * SECOND) == "2 s behind PostgreSQL's clock"
