"""A worker that is stopped by a signal to all its processes finishes its live runs."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from executions.models import Attempt, Run
from executions.states import RunStatus
from schedules.triggers import run_now
from tests.factories import make_job
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.acceptance.processes import Processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


def start_command(name: str, payload: dict[str, object] | None = None, **policies: object) -> Run:
    job = make_job(
        name,
        {"kind": "none"},
        target={"kind": "command", "name": name},
        payload=payload or {},
        policies=policies,
        now=datetime.now(UTC),
    )
    return run_now(job, datetime.now(UTC), actor="tests")


def wait_for_status(run: Run, status: RunStatus) -> None:
    def has_status() -> bool:
        run.refresh_from_db()
        return run.status == status

    wait_until(has_status, 40, what=f"the status {status}")


def test_sigterm_to_all_processes_of_a_worker_lets_its_runs_finish(processes: Processes) -> None:
    processes.start("beat", "worker")
    run = start_command("demo.sleep", {"seconds": 4}, delivery="at_most_once")
    wait_for_status(run, RunStatus.RUNNING)
    processes.signal("worker", signal.SIGTERM)
    assert processes.wait("worker") == 0
    run.refresh_from_db()
    assert (run.status, run.n_attempts, run.error) == (RunStatus.SUCCEEDED, 1, "")


def test_a_command_can_terminate_its_child_processes(processes: Processes) -> None:
    processes.start("beat", "worker")
    run = start_command("tests.children")
    wait_until(lambda: Run.objects.get(pk=run.pk).is_terminal, what="the end of the run")
    (attempt,) = Attempt.objects.filter(run=run)
    assert attempt.result == {"started": -signal.SIGTERM, "forked": signal.SIGTERM}


def test_a_killed_process_is_logged_in_json_lines_without_tracebacks(processes: Processes) -> None:
    logging_json = processes.with_environment(MAINSPRING_LOG_JSON="true")
    try:
        logging_json.start("beat", "worker")
        run = start_command("demo.sleep", {"seconds": 60})
        wait_for_status(run, RunStatus.RUNNING)
        os.kill(int(run.worker.rpartition(":")[2]), signal.SIGKILL)
        wait_until(lambda: "Worker exited prematurely" in logging_json.log_of("worker"), 30, what="the log line")
        log = logging_json.log_of("worker")
        lines = [line for line in log.splitlines() if "SIGKILL" in line]
        assert len(lines) == 2 and all(json.loads(line)["level"] == "error" for line in lines), log
        assert "Traceback" not in log
    finally:
        logging_json.kill_all()


def test_sigquit_ends_a_worker_at_once_and_its_runs_start_again(processes: Processes) -> None:
    processes.start("beat", "worker")
    run = start_command("demo.sleep", {"seconds": 60})
    wait_for_status(run, RunStatus.RUNNING)
    processes.quit("worker")
    processes.start("worker#2")
    wait_until(lambda: Run.objects.get(pk=run.pk).n_lost == 1, 40, what="the loss of the run")
    wait_for_status(run, RunStatus.RUNNING)
    (lost,) = Attempt.objects.filter(run=run)
    assert lost.status == "lost"
