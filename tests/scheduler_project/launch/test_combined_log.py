"""The one log of many processes."""

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


def test_a_line_goes_to_the_terminal_and_the_file_after_its_padded_name(tmp_path: Path) -> None:
    terminal = io.BytesIO()
    with closing(CombinedLog(tmp_path / "log", terminal=terminal, width=6)) as lines:
        lines.write("web", "one\ntwo")
    assert terminal.getvalue() == b"web   | one\nweb   | two\n" == (tmp_path / "log").read_bytes()


def test_names_are_coloured_on_a_terminal_but_never_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    with closing(CombinedLog(tmp_path / "log", terminal=(terminal := Terminal()), width=4)) as lines:
        lines.write("web", "a")
        lines.write("beat", "b")
    assert terminal.getvalue() == b"\x1b[36mweb |\x1b[0m a\n\x1b[32mbeat|\x1b[0m b\n"
    assert (tmp_path / "log").read_bytes() == b"web | a\nbeat| b\n"


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    CombinedLog(terminal=(terminal := Terminal()), width=4).write("web", "a")
    assert terminal.getvalue() == b"web | a\n"


def test_a_program_can_not_rewrite_the_terminal() -> None:
    CombinedLog(terminal=(terminal := io.BytesIO()), width=4).write("web", "a\x1b[2Jb\x07\tc")
    assert terminal.getvalue() == b"web | a[2Jb\tc\n"


def test_what_is_plain_is_not_kept(tmp_path: Path) -> None:
    with closing(CombinedLog(tmp_path / "log", terminal=(terminal := io.BytesIO()))) as lines:
        lines.plain("a password")
    assert terminal.getvalue() == b"a password\n"
    assert (tmp_path / "log").read_bytes() == b""


def test_a_reader_that_goes_away_is_noticed_and_the_file_is_written_on(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as terminal:
        lines = CombinedLog(tmp_path / "log", terminal=terminal, width=4)  # raw: nothing is left to flush
        lines.write("web", "a")
        assert lines.closed
        lines.write("web", "b")
        lines.close()
    assert (tmp_path / "log").read_bytes() == b"web | a\nweb | b\n"


def test_a_large_file_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_FILE", 10)
    with closing(CombinedLog(tmp_path / "all.log", terminal=io.BytesIO(), width=4)) as lines:
        lines.write("web", "the first line")
        lines.write("web", "x")
    assert (tmp_path / "all.1.log").read_text() == "web | the first line\n"
    assert (tmp_path / "all.log").read_text() == "web | x\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="takes Linux's disk that is always full")
def test_a_full_disk_is_said_once_and_the_log_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    log.symlink_to("/dev/full")
    with closing(CombinedLog(log, terminal=(terminal := io.BytesIO()), width=4)) as lines:
        lines.write("web", "a\nb")
        log.unlink()
        lines.write("web", "too soon")
        monkeypatch.setattr(CombinedLog, "RETRY_SECONDS", 0)
        monkeypatch.setattr(lines, "_try_at", 0)
        lines.write("web", "c")
        lines.write("web", "d")
    said = [f"mainspring| {log} can't be written: No space left on device. The log goes on here alone."]
    back = [f"mainspring| {log} is written again."]
    assert terminal.getvalue().decode().splitlines() == [
        *said, "web | a", "web | b", "web | too soon", *back, "web | c", "web | d"
    ]  # fmt: skip
    assert log.read_text() == "web | c\nweb | d\n"


def test_a_log_that_can_not_be_opened_stops_nothing(tmp_path: Path) -> None:
    with closing(CombinedLog(tmp_path, terminal=(terminal := io.BytesIO()), width=4)) as lines:
        lines.write("web", "a")
    assert b"can't be written: Is a directory." in terminal.getvalue()
    assert terminal.getvalue().endswith(b"\nweb | a\n")


def test_a_splitter_gives_whole_lines_however_they_arrive() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\r\ntw") == ["one"]
    assert splitter.feed(b"o\n\nthr") == ["two", ""]
    assert splitter.end() == ["thr"]
    assert splitter.end() == []


def test_an_endless_line_is_cut() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"x" * (module.LONGEST_LINE + 1)) == ["x" * (module.LONGEST_LINE + 1)]
    assert splitter.end() == []
