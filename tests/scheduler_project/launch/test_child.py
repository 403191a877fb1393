"""A child is started with a pipe for its output, asked to stop, and killed together with the processes it started."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from scheduler_project.launch.child import Child, Program
from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import command_line_of, wait_until


def child_of(*command: str) -> Child:
    return Child(Program("sleeper", command, {"PATH": os.environ["PATH"]}))


@pytest.fixture
def sleeper() -> Iterator[Child]:
    """A started child whose shell has started a process of its own, in the same group."""
    child = child_of("sh", "-c", "sleep 61 & echo $!; wait")
    os.set_blocking(reader := child.start(), True)
    with open(reader, "rb") as output:
        child.last_lines.append(output.readline().decode().strip())
        yield child
        child.kill()


def test_a_child_is_alive_from_its_start_to_its_end(sleeper: Child) -> None:
    assert child_of("true").alive is False
    assert sleeper.alive is True
    sleeper.ask_to_stop()
    assert sleeper.process is not None
    assert sleeper.process.wait() == -signal.SIGTERM
    assert sleeper.alive is False


def test_a_kill_ends_the_processes_that_the_child_has_started(sleeper: Child) -> None:
    grandchild = int(sleeper.last_lines[0])
    assert wait_until(lambda: command_line_of(grandchild) == "sleep 61", 5)
    sleeper.kill()
    assert wait_until(lambda: command_line_of(grandchild) == "", 5)
    assert sleeper.alive is False


def test_a_child_that_has_ended_or_never_started_may_be_killed_again(sleeper: Child) -> None:
    sleeper.kill()
    sleeper.kill()
    child_of("true").kill()
    child_of("true").ask_to_stop()


def test_a_stop_cancels_a_planned_restart() -> None:
    child = child_of("true")
    child.restart_at = 5.0
    child.ask_to_stop()
    assert child.restart_at is None


def test_a_start_forgets_the_planned_restart_and_half_a_line_of_the_last_process() -> None:
    child = child_of("true")
    child.restart_at = 5.0
    child.splitter.feed(b"half a line")
    os.close(child.start())
    assert child.restart_at is None
    assert child.splitter.flush() == []
    child.kill()


def test_the_output_of_a_child_is_read_without_waiting() -> None:
    child = child_of("sleep", "62")
    reader = child.start()
    try:
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
    finally:
        child.kill()
    assert os.read(reader, 1) == b"", "the pipe ends with the child, as nobody else holds its other end"
    os.close(reader)


def test_a_failed_start_leaves_no_open_descriptor() -> None:
    before = os.listdir("/dev/fd")
    with pytest.raises(CannotLaunch):
        child_of("/no/such/program").start()
    assert len(os.listdir("/dev/fd")) == len(before)


def test_only_the_last_twelve_lines_are_kept_for_the_report() -> None:
    child = child_of("true")
    child.last_lines.extend(str(n) for n in range(20))
    assert list(child.last_lines) == [str(n) for n in range(8, 20)]
