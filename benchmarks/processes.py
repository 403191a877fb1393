"""Processes under measurement: started as an operator starts them, looked at in /proc, killed with their children."""

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
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def python(*arguments: str) -> list[str]:
    """A command line of this interpreter."""
    return [sys.executable, *arguments]


def run(command: Sequence[str], environment: Mapping[str, str], text: str = "") -> None:
    """Run a command that prepares something to its end; raises CannotMeasure with its last words."""
    ask(command, environment, text)


def ask(command: Sequence[str], environment: Mapping[str, str], text: str = "") -> str:
    """Run a command to its end and return what it prints; raises CannotMeasure with its last words."""
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
        raise CannotMeasure(f"preparing ended with {done.returncode}: {last_line(done.stderr)}")
    return done.stdout.strip()


def last_line(text: str) -> str:
    """The last line that says something, fit for a cell of a table."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].replace("|", "/")[:200] if lines else "no output"


class Process:
    """One running process with its log."""

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
        """Raise CannotMeasure when it has ended by itself."""
        if self._process.poll() is not None:
            raise CannotMeasure(f"{self._log.stem} ended with {self._process.returncode}: {last_line(self.log)}")

    def kill(self) -> None:
        """SIGKILL it and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Of the process itself, which leads its session."""
        return self._process.pid

    def memory(self) -> tuple[float, float]:
        """Resident memory now and at its highest, in MB, without children."""
        self.check()
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kilobytes = {line.partition(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
        return int(kilobytes["VmRSS"]) / 1024, int(kilobytes["VmHWM"]) / 1024

    def cpu_seconds(self, *, with_children: bool = False) -> float:
        """User and system time so far, with those children that still live if asked for."""
        self.check()
        own = Path(f"/proc/{self.pid}/stat")
        facts = [_facts(place) for place in (Path("/proc").glob("[0-9]*/stat") if with_children else [own])]
        return sum(int(of[11]) + int(of[12]) for of in facts if of and int(of[3]) == self.pid) / CLOCK_TICKS


def _facts(stat: Path) -> list[str]:
    """What follows the name in a line of /proc: the fourth is the session. Empty when the process has ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []


class Editor:
    """A program that edits jobs as it is told, line by line (`editing.py`)."""

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
                stderr=output,  # a pipe that nobody reads would stop it when it is full
            )

    def tell(self, *words: object) -> None:
        """Send a line."""
        assert self._process.stdin
        try:
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._failure() from error

    def answer(self) -> str:
        """The next line that it prints; raises CannotMeasure when it has ended instead."""
        assert self._process.stdout
        line: str = self._process.stdout.readline()
        if not line:
            raise self._failure()
        return line.strip()

    def kill(self) -> None:
        """SIGKILL it."""
        self._process.kill()
        self._process.communicate()

    def _failure(self) -> CannotMeasure:
        return CannotMeasure(f"the editor ended: {last_line(self._log.read_text(errors='replace'))}")
