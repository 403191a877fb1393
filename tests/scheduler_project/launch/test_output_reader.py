"""The reader copies whole lines to the log, notices that a program is ready, and wakes up for a signal."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator

import pytest

from scheduler_project.launch.child import Child, Program
from scheduler_project.launch.combined_log import CombinedLog
from scheduler_project.launch.output_reader import OutputReader


class Setup:
    """A reader with one child, whose output a test writes into a pipe."""

    def __init__(self, reader: OutputReader, terminal: io.BytesIO) -> None:
        self.reader, self.terminal = reader, terminal
        self.child = Child(Program("web", ["true"], {}, ready=r"Listening at: \S+"))
        self.descriptor, self._writer = os.pipe()
        os.set_blocking(self.descriptor, False)
        reader.attach(self.child, self.descriptor)

    def write(self, data: bytes) -> bytes:
        """Write output of the child; return what the log has gained after one turn of the reader."""
        os.write(self._writer, data)
        return self.turn()

    def end(self) -> bytes:
        """End the output of the child; return what the log has gained."""
        os.close(self._writer)
        return self.turn()

    def turn(self) -> bytes:
        before = len(self.terminal.getvalue())
        self.reader.run(1)
        return self.terminal.getvalue()[before:]


@pytest.fixture
def setup() -> Iterator[Setup]:
    terminal = io.BytesIO()
    with OutputReader(CombinedLog(terminal=terminal, width=4)) as reader:
        yield Setup(reader, terminal)


def test_only_whole_lines_are_logged_until_the_output_ends(setup: Setup) -> None:
    assert setup.write(b"one\ntw") == b"web | one\n"
    assert setup.write(b"o\nthree") == b"web | two\n"
    assert setup.end() == b"web | three\n"
    assert list(setup.child.last_lines) == ["one", "two", "three"]


def test_the_descriptor_is_closed_when_the_output_ends(setup: Setup) -> None:
    setup.end()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(setup.descriptor)


def test_a_program_is_ready_after_the_line_that_says_so(setup: Setup) -> None:
    setup.write(b"Listening at:\n")
    assert setup.child.ready is False
    setup.write(b"[1] Listening at: 127.0.0.1\nmore\n")
    assert setup.child.ready is True
    setup.write(b"stopped\n")
    assert setup.child.ready is True
    setup.end()


def test_a_program_without_a_line_to_wait_for_is_never_ready_by_its_output(setup: Setup) -> None:
    setup.child.program = Program("web", ["true"], {})
    setup.write(b"anything\n")
    assert setup.child.ready is False
    setup.end()


def test_a_signal_ends_the_wait_at_once(setup: Setup) -> None:
    os.kill(os.getpid(), signal.SIGCHLD)
    setup.reader.run(3600)
    setup.end()


def test_the_handlers_of_signals_are_restored_at_the_end() -> None:
    before = signal.getsignal(signal.SIGCHLD)
    with OutputReader(CombinedLog(terminal=io.BytesIO())):
        assert signal.getsignal(signal.SIGCHLD) is not before
    assert signal.getsignal(signal.SIGCHLD) is before
    assert signal.set_wakeup_fd(-1) == -1
