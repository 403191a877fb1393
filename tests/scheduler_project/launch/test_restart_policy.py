"""When something is started again, and when no more."""

from __future__ import annotations

import signal

from scheduler_project.launch.restart_policy import FailureCount, how_it_ended, restart_delay


def test_the_delay_before_a_restart_doubles_up_to_half_a_minute() -> None:
    assert [restart_delay(n) for n in (1, 2, 3, 4, 5, 6, 60)] == [1, 2, 4, 8, 16, 30, 30]


def test_five_failed_starts_in_a_row_are_too_many() -> None:
    failures = FailureCount()
    for _ in range(4):
        failures.note(lived=0.1)
    assert not failures.too_many
    failures.note(lived=0.1)
    assert failures.too_many


def test_a_start_that_succeeded_breaks_the_row_and_a_long_life_makes_the_next_restart_quick() -> None:
    failures = FailureCount()
    for lived in (0.1, 0.1, 0.1, 0.1, 10, 0.1):
        failures.note(lived)
    assert not failures.too_many
    assert failures.n == 6
    failures.note(lived=3600)
    assert failures.n == 1


def test_an_end_is_told_in_words() -> None:
    assert how_it_ended(0) == "ended with exit code 0"
    assert how_it_ended(-signal.SIGKILL) == "was ended by SIGKILL"
    assert how_it_ended(-(signal.SIGRTMIN + 1)) == f"was ended by signal {signal.SIGRTMIN + 1}"
