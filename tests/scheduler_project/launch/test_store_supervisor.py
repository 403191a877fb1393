"""The stores of a supervisor: started again in place, without holding anything up."""

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


def kept(server: Postgres | Valkey) -> tuple[StoreSupervisor, list[str]]:
    said: list[str] = []
    return StoreSupervisor(server, said.append), said


def step_until_it_serves(keeper: StoreSupervisor, n_lines: int, said: list[str]) -> None:
    def step() -> bool:
        keeper.look_after()
        return len(said) >= n_lines and keeper.serves

    wait_until(step, 60, what="a serving store")


def test_a_killed_store_is_back_in_place_with_its_data_and_its_clients_messages(launch: Launch) -> None:
    launched = launch([[program("web", POLITE)]])
    with redis.Redis.from_url(launched.store_url) as connection:
        connection.set("key", "value")
    os.kill(launched.store_pid, signal.SIGKILL)
    launched.wait_for("mainspring| valkey was ended by SIGKILL; it is started again.\n")
    launched.wait_for("mainspring| valkey serves again.\n")
    with redis.Redis.from_url(launched.store_url) as connection:
        assert connection.get("key") == b"value"
    assert launched.log.count("everything is up") == 1


def test_a_store_that_somebody_stops_in_order_is_started_again_too(launch: Launch) -> None:
    launched = launch([[program("web", POLITE)]])
    os.kill(launched.store_pid, signal.SIGTERM)
    launched.wait_for("valkey ended with exit code 0; it is started again.\n")
    launched.wait_for("valkey serves again.")


def test_while_a_store_recovers_output_flows_and_ctrl_c_stops_everything(launch: Launch) -> None:
    launched = launch([[program("web", TALKATIVE)]])
    launched.deaf.touch()
    os.kill(launched.store_pid, signal.SIGKILL)
    launched.wait_for("it is started again.")
    launched.wait_for("tick", n_times=launched.log.count("tick") + 50)
    wait_until(lambda: launched.store_folder.name in command_line_of(launched.store_pid), what="the new server")
    pid = launched.store_pid
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0
    assert "serves again" not in launched.log
    assert not command_line_of(pid)


def test_a_program_that_ends_while_a_store_is_away_is_started_once_that_serves(launch: Launch) -> None:
    launched = launch([[program("web", "import os; print('pid', os.getpid())\n" + POLITE)]])
    launched.deaf.touch()
    os.kill(launched.store_pid, signal.SIGKILL)
    launched.wait_for("valkey was ended by SIGKILL")
    [pid] = re.findall(r"web +\| pid (\d+)", launched.log)
    os.kill(int(pid), signal.SIGKILL)
    launched.wait_for("web was ended by SIGKILL; it is started again in 1 s.")
    launched.deaf.unlink()
    launched.wait_for("| pid", n_times=2)
    assert launched.log.index("valkey serves again") < launched.log.rindex("| pid")


def test_a_store_that_is_killed_during_the_stop_comes_back_for_programs_that_still_finish(launch: Launch) -> None:
    launched = launch([[program("worker", STUBBORN, grace=600)]])
    launched.process.send_signal(signal.SIGINT)
    launched.wait_for("Stopping.")
    os.kill(launched.store_pid, signal.SIGKILL)
    launched.wait_for("valkey serves again.")
    launched.wait_for("Waiting for worker")  # later than the echo of the first stop
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0


def test_stores_end_after_the_last_program(launch: Launch, tmp_path: Path) -> None:
    look = f"import os; pid = open({str(tmp_path / 'valkey' / 'valkey.pid')!r}).read(); os.kill(int(pid), 0)"
    polite = POLITE.replace('    print("goodbye")', f'    {look}; print("the store is there")')
    launched = launch([[program("web", POLITE)], [program("worker", polite)]])
    pid = launched.store_pid
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0
    assert "worker    | the store is there" in launched.log
    assert not command_line_of(pid)


def test_postgresql_recovers_step_by_step_on_its_port_with_what_was_committed(tmp_path: Path) -> None:
    with Postgres(tmp_path / "postgres") as server:
        keeper, said = kept(server)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
            os.kill(server.pid, signal.SIGKILL)
        step_until_it_serves(keeper, 2, said)
        assert said == ["postgres was ended by SIGKILL; it is started again.", "postgres serves again."]
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_store_that_cannot_be_started_again_stops_everything_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_project.launch.restart_policy.LONGEST_DELAY", 0.01)
    with Valkey(tmp_path / "valkey") as server:
        keeper, said = kept(server)
        server.kill()
        with socket.create_server(("127.0.0.1", server.port)), pytest.raises(CannotLaunch) as stopped:
            step_until_it_serves(keeper, 99, said)
    assert str(stopped.value).startswith(
        "valkey could not be started, 5 times in a row, so everything was stopped. valkey stopped at once. The end of "
    )
    assert "Address already in use" in str(stopped.value)
    assert said[0] == "valkey was ended by SIGKILL; it is started again."
    assert said[1] == "valkey could not be started; it is tried again in 0 s."
    keeper.look_after()
    assert not keeper.serves


def test_a_store_that_is_killed_again_and_again_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler_project.launch.restart_policy.LONGEST_DELAY", 0.01)
    with Valkey(tmp_path / "valkey") as server:
        keeper, said = kept(server)
        for n in range(1, 5):
            server.kill()
            step_until_it_serves(keeper, 2 * n, said)
        server.kill()
        with pytest.raises(CannotLaunch, match="valkey was ended by SIGKILL, 5 times in a row, so everything was"):
            keeper.look_after()
