"""Processes under measurement: started as an operator starts them, measured with /proc, killed with their children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.exceptions import CannotMeasure
from scheduler_project.launch.processes import spawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
CLOCK_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def python(*arguments: str) -> list[str]:
    """Return a command line that starts the current Python interpreter."""
    return [sys.executable, *arguments]


def run(command: Sequence[str], environment: Mapping[str, str], text: str = "") -> None:
    """Run a command that prepares a measurement. Raises CannotMeasure with the last line of its standard error."""
    output_of(command, environment, text)


def output_of(command: Sequence[str], environment: Mapping[str, str], text: str = "") -> str:
    """Run a command with `text` as its input and return its output. Raises CannotMeasure as `run` does."""
    done = subprocess.run(
        command,
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotMeasure(f"the preparation ended with exit code {done.returncode}: {last_line(done.stderr)}")
    return done.stdout.strip()


def last_line(text: str) -> str:
    """Return the last line that is not blank, cut to 200 characters and safe in a cell of a Markdown table."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].replace("|", "/")[:200] if lines else "no output"


class Process:
    """A running process and its log file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self.started_at = time.time()
            self._process = spawn(
                command,
                output=output,
                environment={**environment, "PYTHONPATH": str(ROOT)},
                on_orphaned=signal.SIGKILL,
            )

    def check(self) -> None:
        """Raise CannotMeasure if the process has ended."""
        if self._process.poll() is not None:
            raise CannotMeasure(
                f"{self._log.stem} ended with exit code {self._process.returncode}: {last_line(self.log)}"
            )

    def kill(self) -> None:
        """Kill the process and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def log(self) -> str:
        """The output so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session."""
        return self._process.pid

    def memory(self) -> tuple[float, float]:
        """Return the resident memory now and its peak, in MiB, without children."""
        self.check()
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kilobytes = {line.partition(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
        return int(kilobytes["VmRSS"]) / 1024, int(kilobytes["VmHWM"]) / 1024

    def cpu_seconds(self, *, with_children: bool = False) -> float:
        """Return the user and system CPU time so far, optionally with the children that are still running."""
        self.check()
        own = Path(f"/proc/{self.pid}/stat")
        stats = [_stat_fields(path) for path in (Path("/proc").glob("[0-9]*/stat") if with_children else [own])]
        # Fields of proc_pid_stat(5) after the name: 3 is the session, 11 the user time, 12 the system time.
        return (
            sum(int(stat[11]) + int(stat[12]) for stat in stats if stat and int(stat[3]) == self.pid)
            / CLOCK_TICKS_PER_SECOND
        )


def _stat_fields(stat: Path) -> list[str]:
    """Return the fields of a /proc/PID/stat file after the process name; empty if the process has ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []


class Editor:
    """A running editor, which reads one command per line (`editor_protocol.py`)."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env={**environment, "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,  # to a file: a full pipe would block the editor, because nobody reads the pipe
            )

    def send(self, *words: object) -> None:
        """Send one command. Raises CannotMeasure if the editor has ended."""
        assert self._process.stdin
        try:
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._failure() from error

    def read_reply(self) -> str:
        """Return the next line that the editor prints. Raises CannotMeasure if the editor has ended."""
        assert self._process.stdout
        line: str = self._process.stdout.readline()
        if not line:
            raise self._failure()
        return line.strip()

    def kill(self) -> None:
        """Kill the editor."""
        self._process.kill()
        self._process.communicate()

    def _failure(self) -> CannotMeasure:
        return CannotMeasure(f"the editor ended: {last_line(self._log.read_text(errors='replace'))}")
