"""An outage is logged when it begins, every five seconds while it lasts, and once when it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from schedules.passes.outage import LOG_INTERVAL, Outage
from tests.factories import NOW

SECOND = timedelta(seconds=1)


def logged(*steps: tuple[float, str]) -> list[tuple[str, int]]:
    """Return event and length of each log line of an outage whose steps are pairs of a second and `note` or `end`."""
    outage = Outage("broker")
    with capture_logs() as lines:
        for second, step in steps:
            now = NOW + second * SECOND
            if step == "note":
                outage.note(OSError("connection refused"), now)
            else:
                outage.end(now)
    return [(line["event"], line["for_seconds"]) for line in lines]


def test_the_first_failure_is_logged_at_once_with_its_error_in_one_line() -> None:
    with capture_logs() as lines:
        Outage("database").note(OSError("first\nsecond"), NOW)
    (line,) = lines
    assert (line["event"], line["log_level"], line["for_seconds"]) == ("database_away", "warning", 0)
    assert "\n" not in line["error"]


def test_further_failures_are_logged_once_in_each_interval() -> None:
    seconds = [*range(12)]
    assert logged(*((second, "note") for second in seconds)) == [
        ("broker_away", 0),
        ("broker_away", 5),
        ("broker_away", 10),
    ]


@pytest.mark.parametrize(("away_for", "n_lines"), [(LOG_INTERVAL, 2), (LOG_INTERVAL - SECOND / 1000, 1)])
def test_the_interval_is_over_after_exactly_its_length(away_for: timedelta, n_lines: int) -> None:
    assert len(logged((0, "note"), (away_for / SECOND, "note"))) == n_lines


def test_the_end_is_logged_with_the_length_of_the_whole_outage() -> None:
    assert logged((0, "note"), (1, "note"), (7.6, "end")) == [("broker_away", 0), ("broker_back", 8)]


def test_an_end_without_an_outage_is_not_logged() -> None:
    assert logged((0, "end"), (1, "note"), (2, "end"), (3, "end")) == [("broker_away", 0), ("broker_back", 1)]


def test_a_second_outage_is_logged_at_once_and_counts_from_its_own_start() -> None:
    assert logged((0, "note"), (1, "end"), (2, "note"), (4, "end")) == [
        ("broker_away", 0),
        ("broker_back", 1),
        ("broker_away", 0),
        ("broker_back", 2),
    ]
