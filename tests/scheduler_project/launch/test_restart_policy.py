"""Proves the delays between restarts, and after which failures the launcher gives up."""

from __future__ import annotations

import signal

from scheduler_project.launch.restart_policy import FailureCount, describe_exit, restart_delay


def test_the_delay_before_a_restart_doubles_up_to_30_seconds() -> None:
    assert [restart_delay(n) for n in (1, 2, 3, 4, 5, 6, 60)] == [1, 2, 4, 8, 16, 30, 30]


def test_five_failed_starts_in_a_row_are_too_many() -> None:
    failures = FailureCount()
    for _ in range(4):
        failures.add(uptime=0.1)
    assert not failures.too_many
    failures.add(uptime=0.1)
    assert failures.too_many


def test_a_successful_start_resets_failed_starts_and_a_long_uptime_all_failures() -> None:
    failures = FailureCount()
    for uptime in (0.1, 0.1, 0.1, 0.1, 10, 0.1):
        failures.add(uptime)
    assert not failures.too_many
    assert failures.n == 6
    failures.add(uptime=3600)
    assert failures.n == 1


def test_an_exit_code_is_described_in_words() -> None:
    assert describe_exit(0) == "ended with exit code 0"
    assert describe_exit(-signal.SIGKILL) == "was ended by SIGKILL"
    assert describe_exit(-(signal.SIGRTMIN + 1)) == f"was ended by signal {signal.SIGRTMIN + 1}"
