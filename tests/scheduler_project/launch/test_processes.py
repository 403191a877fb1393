"""Processes are started, found by their working directory, and stopped only if they are what they are taken for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import (
    command_line_of,
    is_zombie,
    last_lines,
    processes_in,
    server_environment,
    spawn,
    stop_leftover,
    wait_until,
)

NO_PROCESS = 2**22 + 1  # above the kernel's highest process id
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps in the test's folder."""
    process = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    yield process
    process.kill()
    process.wait()


def test_a_command_writes_both_outputs_to_one_pipe_and_gets_only_its_environment() -> None:
    reader, writer = os.pipe()
    script = 'echo "$COLOUR,$HOME"; echo failed >&2'
    environment = {"COLOUR": "red", "PATH": os.environ["PATH"]}
    process = spawn(["sh", "-c", script], output=writer, environment=environment, on_orphaned=signal.SIGTERM)
    os.close(writer)
    with open(reader, "rb") as output:
        assert output.read() == b"red,\nfailed\n"
    assert process.wait() == 0


def test_a_command_runs_in_a_session_of_its_own() -> None:
    process = spawn(["sleep", "60"], output=subprocess.DEVNULL, environment={}, on_orphaned=signal.SIGTERM)
    try:
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
    finally:
        process.kill()
        process.wait()


def test_a_command_that_does_not_exist_is_named_in_the_error() -> None:
    with pytest.raises(CannotLaunch, match=r"^/no/such/program can't be started: No such file or directory\.$"):
        spawn(["/no/such/program"], output=subprocess.DEVNULL, environment={}, on_orphaned=signal.SIGTERM)


@linux_only
def test_a_process_is_found_by_its_command_and_its_working_directory(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert wait_until(lambda: command_line_of(sleeper.pid) == "sleep 60", 5)
    assert processes_in(tmp_path, "sleep") == [sleeper.pid]
    assert processes_in(tmp_path, "leep") == []
    assert processes_in(tmp_path.parent, "sleep 60") == []


def test_a_process_that_does_not_exist_has_no_command_line() -> None:
    assert command_line_of(NO_PROCESS) == ""
    assert is_zombie(NO_PROCESS) is False


@linux_only
def test_a_process_is_a_zombie_until_its_parent_waits_for_it(sleeper: subprocess.Popen[bytes]) -> None:
    assert is_zombie(sleeper.pid) is False
    sleeper.kill()
    assert wait_until(lambda: is_zombie(sleeper.pid), 5)
    sleeper.wait()
    assert is_zombie(sleeper.pid) is False


def test_a_leftover_is_stopped_by_the_signal_that_its_server_expects(sleeper: subprocess.Popen[bytes]) -> None:
    assert wait_until(lambda: "sleep" in command_line_of(sleeper.pid), 5)
    stop_leftover(sleeper.pid, mark="sleep", by=signal.SIGINT)
    assert sleeper.wait() == -signal.SIGINT


def test_a_leftover_that_ignores_the_signal_is_killed() -> None:
    process = subprocess.Popen(["sh", "-c", "trap '' TERM; echo ready; read line; : stubborn"], stdin=-1, stdout=-1)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout as output:
        output.readline()
        stop_leftover(process.pid, mark="stubborn", by=signal.SIGTERM, seconds=0.04)
        assert process.wait() == -signal.SIGKILL


def test_a_process_with_another_command_line_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    stop_leftover(sleeper.pid, mark="postgres", by=signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_server_gets_neither_a_locale_nor_the_defaults_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "LC_ALL", "LC_TIME", "LANG", "LANGUAGE", "POSTGRES_USER"):
        monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("MY_PGHOST", "kept")
    environment = server_environment()
    assert "nonsense" not in environment.values()
    assert (environment["LC_ALL"], environment["MY_PGHOST"]) == ("C", "kept")


def test_the_end_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log) == ""
    log.write_bytes(b"\xff one\ntwo\n" + b"".join(b"%d\n" % n for n in range(3, 10)))
    assert last_lines(log) == "two\n3\n4\n5\n6\n7\n8\n9"
    assert last_lines(log, 1) == "9"


def test_a_wait_ends_when_its_condition_holds_or_its_time_is_over() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), 5) is True
    assert wait_until(lambda: True, 0) is True
    assert wait_until(lambda: False, 0) is False
