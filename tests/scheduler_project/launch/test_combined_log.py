"""Proves the combined log: whole lines with their process's name, a file with a size limit, and failures of both."""

from __future__ import annotations

import io
import os
from contextlib import closing
from pathlib import Path

import pytest

from scheduler_project.launch import combined_log as module
from scheduler_project.launch.combined_log import CombinedLog, LineSplitter


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def test_each_line_is_written_to_terminal_and_file_after_its_padded_name(tmp_path: Path) -> None:
    terminal = io.BytesIO()
    with closing(CombinedLog(tmp_path / "log", terminal=terminal, width=6)) as lines:
        lines.write("web", "one\ntwo")
    assert terminal.getvalue() == b"web   | one\nweb   | two\n" == (tmp_path / "log").read_bytes()


def test_names_are_coloured_on_a_terminal_but_not_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    with closing(CombinedLog(tmp_path / "log", terminal=(terminal := Terminal()), width=4)) as lines:
        lines.write("web", "a")
        lines.write("beat", "b")
    assert terminal.getvalue() == b"\x1b[36mweb |\x1b[0m a\n\x1b[32mbeat|\x1b[0m b\n"
    assert (tmp_path / "log").read_bytes() == b"web | a\nbeat| b\n"


def test_with_no_color_set_names_are_not_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    CombinedLog(terminal=(terminal := Terminal()), width=4).write("web", "a")
    assert terminal.getvalue() == b"web | a\n"


def test_control_characters_of_a_program_are_dropped() -> None:
    CombinedLog(terminal=(terminal := io.BytesIO()), width=4).write("web", "a\x1b[2Jb\x07\tc")
    assert terminal.getvalue() == b"web | a[2Jb\tc\n"


def test_an_unlogged_text_is_not_written_to_the_file(tmp_path: Path) -> None:
    with closing(CombinedLog(tmp_path / "log", terminal=(terminal := io.BytesIO()))) as lines:
        lines.write_unlogged("a password")
    assert terminal.getvalue() == b"a password\n"
    assert (tmp_path / "log").read_bytes() == b""


def test_without_a_reader_the_log_counts_as_closed_but_still_writes_its_file(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as terminal:
        lines = CombinedLog(tmp_path / "log", terminal=terminal, width=4)  # unbuffered: a close could not flush
        lines.write("web", "a")
        assert lines.closed
        lines.write("web", "b")
        lines.close()
    assert (tmp_path / "log").read_bytes() == b"web | a\nweb | b\n"


def test_a_large_file_is_renamed_and_a_new_one_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    with closing(CombinedLog(tmp_path / "all.log", terminal=io.BytesIO(), width=4)) as lines:
        lines.write("web", "the first line")
        lines.write("web", "x")
    assert (tmp_path / "all.1.log").read_text() == "web | the first line\n"
    assert (tmp_path / "all.log").read_text() == "web | x\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_reported_once_and_retried_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    log.symlink_to("/dev/full")
    with closing(CombinedLog(log, terminal=(terminal := io.BytesIO()), width=4)) as lines:
        lines.write("web", "a\nb")
        log.unlink()
        lines.write("web", "too soon")
        monkeypatch.setattr(CombinedLog, "RETRY_SECONDS", 0)
        monkeypatch.setattr(lines, "_retry_at", 0)
        lines.write("web", "c")
        lines.write("web", "d")
    failed = f"mainspring| The log file {log} can't be written: No space left on device. Logging to the terminal only."
    recovered = f"mainspring| The log file {log} can be written again."
    assert terminal.getvalue().decode().splitlines() == [
        failed, "web | a", "web | b", "web | too soon", recovered, "web | c", "web | d"
    ]  # fmt: skip
    assert log.read_text() == "web | c\nweb | d\n"


def test_without_a_writable_file_the_terminal_still_shows_all_lines(tmp_path: Path) -> None:
    with closing(CombinedLog(tmp_path, terminal=(terminal := io.BytesIO()), width=4)) as lines:
        lines.write("web", "a")
    assert b"can't be written: Is a directory." in terminal.getvalue()
    assert terminal.getvalue().endswith(b"\nweb | a\n")


def test_a_splitter_returns_whole_lines_however_the_bytes_arrive() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\r\ntw") == ["one"]
    assert splitter.feed(b"o\n\nthr") == ["two", ""]
    assert splitter.flush() == ["thr"]
    assert splitter.flush() == []


def test_an_endless_line_is_cut() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"x" * (module.MAX_LINE_BYTES + 1)) == ["x" * (module.MAX_LINE_BYTES + 1)]
    assert splitter.flush() == []
