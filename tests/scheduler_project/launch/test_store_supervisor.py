"""Proves that a store that ends is restarted on its port with its data, while the supervisor goes on working."""

from __future__ import annotations

import os
import re
import signal
import socket
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.postgres import Postgres
from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.store_supervisor import StoreSupervisor
from scheduler_project.launch.valkey import Valkey
from tests.scheduler_project.launch.supervised import POLITE, STUBBORN, TALKATIVE, Supervised, program
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from scheduler_project.launch.child import Program

    Launch: TypeAlias = Callable[[list[list[Program]]], Supervised]


pytestmark = pytest.mark.long


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts a supervisor with a Valkey and waits until everything is up."""
    launched: list[Supervised] = []

    def start(stages: list[list[Program]]) -> Supervised:
        launched.append(Supervised(tmp_path, stages, store=True))
        launched[-1].wait_for("everything is up")
        return launched[-1]

    yield start
    for each in launched:
        each.end()


def supervise(server: Postgres | Valkey) -> tuple[StoreSupervisor, list[str]]:
    log: list[str] = []
    return StoreSupervisor(server, log.append), log


def check_until_serving(supervisor: StoreSupervisor, n_lines: int, log: list[str]) -> None:
    def step() -> bool:
        supervisor.check()
        return len(log) >= n_lines and supervisor.is_serving

    wait_until(step, 60, what="a serving store")


def test_a_killed_store_is_restarted_with_its_address_and_data(launch: Launch) -> None:
    launched = launch([[program("web", POLITE)]])
    with redis.Redis.from_url(launched.store_url) as connection:
        connection.set("key", "value")
    os.kill(launched.store_pid, signal.SIGKILL)
    launched.wait_for("mainspring| valkey was ended by SIGKILL; restarting it now.\n")
    launched.wait_for("mainspring| valkey is running again.\n")
    with redis.Redis.from_url(launched.store_url) as connection:
        assert connection.get("key") == b"value"
    assert launched.log.count("everything is up") == 1


def test_a_store_that_was_stopped_in_order_is_restarted_too(launch: Launch) -> None:
    launched = launch([[program("web", POLITE)]])
    os.kill(launched.store_pid, signal.SIGTERM)
    launched.wait_for("valkey ended with exit code 0; restarting it now.\n")
    launched.wait_for("valkey is running again.")


def test_while_a_store_restarts_output_is_logged_and_ctrl_c_works(launch: Launch) -> None:
    launched = launch([[program("web", TALKATIVE)]])
    launched.deaf.touch()
    os.kill(launched.store_pid, signal.SIGKILL)
    launched.wait_for("restarting it now.")
    launched.wait_for("tick", n_times=launched.log.count("tick") + 50)
    wait_until(lambda: launched.store_folder.name in command_line_of(launched.store_pid), what="the new server")
    pid = launched.store_pid
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0
    assert "running again" not in launched.log
    assert not command_line_of(pid)


def test_a_program_that_ends_without_a_store_is_restarted_after_the_store(launch: Launch) -> None:
    launched = launch([[program("web", "import os; print('pid', os.getpid())\n" + POLITE)]])
    launched.deaf.touch()
    os.kill(launched.store_pid, signal.SIGKILL)
    launched.wait_for("valkey was ended by SIGKILL")
    [pid] = re.findall(r"web +\| pid (\d+)", launched.log)
    os.kill(int(pid), signal.SIGKILL)
    launched.wait_for("web was ended by SIGKILL; restarting it in 1 s.")
    launched.deaf.unlink()
    launched.wait_for("| pid", n_times=2)
    assert launched.log.index("valkey is running again") < launched.log.rindex("| pid")


def test_a_store_killed_during_a_stop_is_restarted_for_programs_that_finish(launch: Launch) -> None:
    launched = launch([[program("worker", STUBBORN, grace=600)]])
    launched.process.send_signal(signal.SIGINT)
    launched.wait_for("Stopping.")
    os.kill(launched.store_pid, signal.SIGKILL)
    launched.wait_for("valkey is running again.")
    launched.wait_for("for worker: it is finishing")  # after this a signal no longer counts as a duplicate
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0


def test_stores_are_stopped_after_the_last_program(launch: Launch, tmp_path: Path) -> None:
    check = f"import os; pid = open({str(tmp_path / 'valkey' / 'valkey.pid')!r}).read(); os.kill(int(pid), 0)"
    polite = POLITE.replace('    print("goodbye")', f'    {check}; print("the store is there")')
    launched = launch([[program("web", POLITE)], [program("worker", polite)]])
    pid = launched.store_pid
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0
    assert "worker    | the store is there" in launched.log
    assert not command_line_of(pid)


def test_a_killed_postgresql_recovers_on_its_port_with_all_committed_data(tmp_path: Path) -> None:
    with Postgres(tmp_path / "postgres") as server:
        supervisor, log = supervise(server)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
            os.kill(server.pid, signal.SIGKILL)
        check_until_serving(supervisor, 2, log)
        assert log == ["postgres was ended by SIGKILL; restarting it now.", "postgres is running again."]
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_five_failed_restarts_of_a_store_stop_everything_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_project.launch.restart_policy.MAX_RESTART_DELAY", 0.01)
    with Valkey(tmp_path / "valkey") as server:
        supervisor, log = supervise(server)
        server.kill()
        with socket.create_server(("127.0.0.1", server.port)), pytest.raises(CannotLaunch) as stopped:
            check_until_serving(supervisor, 99, log)
    assert str(stopped.value).startswith(
        "valkey could not be started. 5 starts in a row have failed, so everything was stopped. "
        "valkey ended during its start. The "
    )
    assert "Address already in use" in str(stopped.value)
    assert log[0] == "valkey was ended by SIGKILL; restarting it now."
    assert log[1] == "valkey could not be started; restarting it in 0 s."
    supervisor.check()
    assert not supervisor.is_serving


def test_a_store_that_ends_five_times_in_a_row_stops_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_project.launch.restart_policy.MAX_RESTART_DELAY", 0.01)
    with Valkey(tmp_path / "valkey") as server:
        supervisor, log = supervise(server)
        for n in range(1, 5):
            server.kill()
            check_until_serving(supervisor, 2 * n, log)
        server.kill()
        with pytest.raises(
            CannotLaunch, match="valkey was ended by SIGKILL. 5 starts in a row have failed, so everything was"
        ):
            supervisor.check()
