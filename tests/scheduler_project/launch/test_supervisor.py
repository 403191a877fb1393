"""Proves with real programs that the supervisor combines their output, restarts them and stops them in order."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from scheduler_project.launch.child import Program
from scheduler_project.launch.combined_log import CombinedLog
from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.supervisor import Supervisor
from tests.scheduler_project.launch.supervised import POLITE, STUBBORN, Supervised, program
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.long


@pytest.fixture
def launch() -> Iterator[list[Supervised]]:
    launched: list[Supervised] = []
    yield launched
    for each in launched:
        each.end()


def run_in_here(source: str) -> tuple[str, str]:
    """Run a supervisor in this process until it gives up on a program; return the error's text and the log."""
    terminal = io.BytesIO()
    with pytest.raises(CannotLaunch) as stopped:
        Supervisor([[program("web", source)]], CombinedLog(terminal=terminal, width=8)).run()
    return str(stopped.value), terminal.getvalue().decode()


def test_each_line_starts_with_the_name_of_its_program(launch: list[Supervised], tmp_path: Path) -> None:
    launch.append(launched := Supervised(tmp_path, [[program("web", POLITE)], [program("worker", POLITE)]]))
    launched.wait_for("everything is up")
    assert {"web       | up", "worker    | up"} <= set(launched.log.splitlines())


def test_lines_of_programs_that_write_at_the_same_time_are_not_mixed(launch: list[Supervised], tmp_path: Path) -> None:
    source = (
        "import sys, time\nfor n in range(300):\n  [sys.stdout.write('{0}' * 40) for _ in range(50)]; print()\n"
        + POLITE
    )
    stages = [[program(name, source.replace("{0}", name[0])) for name in ("alpha", "beta", "gamma")]]
    launch.append(launched := Supervised(tmp_path, stages))
    launched.wait_for("everything is up")
    for line in launched.log.splitlines():
        assert re.fullmatch(
            r"alpha     \| (a{2000}|up)|beta      \| (b{2000}|up)|gamma     \| (g{2000}|up)|everything is up", line
        )
    assert launched.log.count("a" * 2000) == launched.log.count("g" * 2000) == 300


def test_a_stop_ends_the_programs_stage_by_stage_with_exit_code_0(launch: list[Supervised], tmp_path: Path) -> None:
    stages = [[program("web", POLITE)], [program("beat", POLITE)], [program("worker", POLITE)]]
    launch.append(launched := Supervised(tmp_path, stages))
    launched.wait_for("everything is up")
    launched.process.send_signal(signal.SIGTERM)
    assert launched.process.wait(20) == 0
    goodbyes = [line for line in launched.log.splitlines() if "goodbye" in line]
    assert goodbyes == ["web       | goodbye", "beat      | goodbye", "worker    | goodbye"]
    assert "Traceback" not in launched.log


def test_a_program_that_ignores_the_stop_is_killed_after_its_grace_period(
    launch: list[Supervised], tmp_path: Path
) -> None:
    launch.append(launched := Supervised(tmp_path, [[program("web", STUBBORN, grace=0.3)]]))
    launched.wait_for("everything is up")
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0
    assert "web did not stop within 0 s and was killed." in launched.log


def test_a_second_ctrl_c_kills_all_programs(launch: list[Supervised], tmp_path: Path) -> None:
    launch.append(launched := Supervised(tmp_path, [[program("web", STUBBORN, grace=600)]]))
    launched.wait_for("everything is up")

    def press_until_over() -> bool:
        launched.process.send_signal(signal.SIGINT)
        return launched.process.poll() is not None

    wait_until(press_until_over, 10)
    assert launched.process.returncode == 0
    assert "did not stop" not in launched.log


def test_a_stop_that_takes_long_logs_which_programs_it_waits_for(launch: list[Supervised], tmp_path: Path) -> None:
    stages = [[program("web", POLITE), program("worker", STUBBORN, grace=600), program("http", STUBBORN, grace=30)]]
    launch.append(launched := Supervised(tmp_path, stages))
    launched.wait_for("everything is up")
    launched.process.send_signal(signal.SIGINT)
    launched.wait_for("mainspring| Waiting up to 600 s for worker and http: they are finishing their work.")
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0
    assert launched.log.count("Waiting up to") == 1


def test_a_quick_stop_logs_nothing_about_waiting(launch: list[Supervised], tmp_path: Path) -> None:
    launch.append(launched := Supervised(tmp_path, [[program("worker", POLITE)]]))
    launched.wait_for("everything is up")
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(20) == 0
    assert "Waiting up to" not in launched.log


def test_two_stop_signals_within_half_a_second_count_as_one(launch: list[Supervised], tmp_path: Path) -> None:
    slow = POLITE.replace('    print("goodbye")', '    import time; time.sleep(0.3); print("goodbye")')
    launch.append(launched := Supervised(tmp_path, [[program("web", slow)]]))
    launched.wait_for("everything is up")
    launched.process.send_signal(signal.SIGTERM)
    launched.wait_for("Stopping")
    launched.process.send_signal(signal.SIGTERM)
    assert launched.process.wait(20) == 0
    assert "goodbye" in launched.log


def test_a_program_that_ends_is_restarted(launch: list[Supervised], tmp_path: Path) -> None:
    source = "import os; print('pid', os.getpid())\n" + POLITE
    launch.append(launched := Supervised(tmp_path, [[program("web", source)], [program("worker", POLITE)]]))
    launched.wait_for("everything is up")
    [pid] = re.findall(r"web       \| pid (\d+)", launched.log)
    os.kill(int(pid), signal.SIGKILL)
    launched.wait_for("mainspring| web was ended by SIGKILL; restarting it in 1 s.")
    launched.wait_for("web       | pid", n_times=2)
    assert launched.log.count("everything is up") == 1
    assert launched.process.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can signal a process when its parent ends")
def test_programs_end_when_the_supervisor_is_killed(launch: list[Supervised], tmp_path: Path) -> None:
    source = "import os; print('pid', os.getpid())\n" + POLITE
    launch.append(launched := Supervised(tmp_path, [[program("web", source)]]))
    launched.wait_for("everything is up")
    [pid] = re.findall(r"pid (\d+)", launched.log)
    launched.process.kill()
    launched.process.wait()
    wait_until(lambda: not command_line_of(int(pid)), what="the end of the program")


def test_five_failed_starts_of_a_program_stop_everything_with_its_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler_project.launch.restart_policy.MAX_RESTART_DELAY", 0.01)
    sentence, log = run_in_here("import sys; print('no such setting'); sys.exit(3)")
    assert sentence.startswith("web ended with exit code 3. 5 starts in a row have failed, so everything was stopped.")
    assert sentence.endswith("    no such setting")
    assert log.count("web ended with exit code 3; restarting it in") == 4


def test_children_of_a_program_that_has_ended_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler_project.launch.restart_policy.MAX_RESTART_DELAY", 0.01)
    source = (
        "import os, signal\nif os.fork():\n  print('child'); os._exit(1)\nprint('orphan', os.getpid())\nsignal.pause()"
    )
    _, log = run_in_here(source)
    orphans = [int(pid) for pid in re.findall(r"orphan (\d+)", log)]
    wait_until(lambda: not any(command_line_of(pid) for pid in orphans), what="the end of the orphans")


def test_a_program_that_does_not_exist_stops_everything_with_one_sentence() -> None:
    terminal = io.BytesIO()
    with pytest.raises(CannotLaunch, match="no-such-program can't be started"):
        Supervisor([[Program("web", ["no-such-program"], {})]], CombinedLog(terminal=terminal)).run()
