"""A beat that freezes in a pass, or that loses its connections, leaves no gap in any job."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection

from tests.acceptance.every_second import assert_each_second_of, every_second, n_runs
from tests.acceptance.processes import database_url
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.processes import Processes

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_beat_that_freezes_in_a_pass_blocks_no_job(processes: Processes) -> None:
    processes.start("beat", "beat#2", "worker")
    jobs = [every_second(f"job {number}") for number in range(3)]
    wait_until(lambda: n_runs(jobs[0]) >= 2, what="two runs")
    held_by: list[tuple[int]] = []
    with psycopg.connect(database_url(), autocommit=True) as watcher:

        def is_frozen_with_locks() -> bool:
            """Stop the beat; let it run again unless a transaction is open."""
            processes.signal("beat", signal.SIGSTOP)
            held_by[:] = watcher.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'idle in transaction' AND query LIKE '%%executions_run%%'"
            ).fetchall()
            if not held_by:
                processes.signal("beat", signal.SIGCONT)
            return bool(held_by)

        wait_until(is_frozen_with_locks, 60, every=0.02, what="a beat frozen in a pass")
    n_before = n_runs(jobs[0])
    wait_until(lambda: n_runs(jobs[0]) >= n_before + 14, 40, what="more of a job that the frozen beat had")
    processes.signal("beat", signal.SIGCONT)
    assert_each_second_of(jobs, within=timedelta(seconds=14))


@pytest.fixture
def unpooled(processes: Processes) -> Iterator[Processes]:
    """Processes without a connection pool, as in the Procfile."""
    running = processes.with_environment(MAINSPRING_DB_POOL="0")
    yield running
    running.kill_all()


def test_connections_that_are_terminated_repeatedly_leave_no_gap(unpooled: Processes) -> None:
    unpooled.start("beat", "worker")
    jobs = [every_second(f"job {number}") for number in range(4)]
    wait_until(lambda: n_runs(jobs[0]), what="the first run")
    ours = connection.connection.info.backend_pid
    ended: list[tuple[bool]] = []
    stopping = threading.Event()

    def terminate() -> None:
        with psycopg.connect(database_url(), autocommit=True) as other:
            while not stopping.wait(0.37):
                ended.extend(
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND backend_type = 'client backend' AND pid NOT IN (pg_backend_pid(), %s)",
                        [ours],
                    )
                )

    killer = threading.Thread(target=terminate)
    killer.start()
    try:
        wait_until(lambda: n_runs(jobs[0]) >= 12, 40, what="twelve runs")
    finally:
        stopping.set()
        killer.join()
    assert len(ended) > 20
    assert_each_second_of(jobs)
    blamed = [line for line in unpooled.log_of("beat").splitlines() if "pushed_back" in line or "cannot_" in line]
    assert not blamed, "a terminated connection is no fault of a job or of a run"
