"""A fresh checkout in an empty home, and terminals into which tests type the lines of README and tutorial."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.server import free_port
from tests.optional import did_not_run
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
# The variables that a new terminal has: how to find programs, and how this machine reaches the package index.
KEPT = re.compile(r"PATH|TMPDIR|LANG|LC_\w+|(PIP|UV|SSL|REQUESTS|PYENV)_\w+|(https?|no|all)_proxy", re.IGNORECASE)
UNREACHABLE = "the package index is not reachable"
# A line that the documents' receiver prints: time, request line, body.
RECEIVED = re.compile(r"\d\d/\w{3}/\d{4} \d\d:\d\d:(\d\d) ?(\S*) (\{.*?\})\n")


def blocks(page: str) -> dict[str, list[str]]:
    """Return the shell blocks of a document by heading."""
    parts = re.split(r"^## (.+)$", (ROOT / page).read_text(), flags=re.MULTILINE)
    fenced = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return {title: fenced.findall(text) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def objects(output: str) -> list[dict[str, Any]]:
    """Return the JSON objects in an output, without the lines of the receiver."""
    output, found, decoder = RECEIVED.sub("", output), [], json.JSONDecoder()
    start = output.find("{")
    while start >= 0:
        value, end = decoder.raw_decode(output, start)
        found.append(value)
        start = output.find("{", end)
    return found


class Checkout:
    """A copy of the repository's files. Each port in the documents is replaced by a free one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mainspring"
        self._home = folder / "home"
        self._home.mkdir()
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.stand_ins = {name: str(free_port()) for name in ("8000", "5555", "9000")}
        self.environment = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)} | {
            "PATH": os.pathsep.join(
                path for path in os.environ["PATH"].split(os.pathsep) if Path(path) != Path(sys.executable).parent
            ),
            "HOME": str(self._home),
            "PORT": self.stand_ins["8000"],
            "FLOWER_PORT": self.stand_ins["5555"],
        }
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)

    @property
    def log(self) -> str:
        """Return the output since the last start."""
        return self._log.read_text(errors="replace")

    @property
    def api_key(self) -> str:
        """Return the key that the first start prints."""
        found = re.search(r"API key +(\S+)", self.log)
        assert found, self.log
        return found[1]

    def start(self, block: str) -> None:
        """Type the lines that start Mainspring; return once it is ready."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", block],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._is_ready, 240, what="the start of Mainspring")

    def press_ctrl_c(self) -> int:
        """Send SIGINT to make and all its children, as a terminal does. Return the exit code."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGINT)
        return self._wait()

    def interrupt(self) -> int:
        """Send SIGINT to the launcher alone. Return the exit code, which make passes on."""
        os.kill(int((self.folder / ".mainspring" / "lock").read_text()), signal.SIGINT)
        return self._wait()

    def _wait(self) -> int:
        assert self._process
        code = self._process.wait(60)
        self._process = None
        assert not self.left_behind(), self.log
        return code

    def left_behind(self) -> list[str]:
        """Return the command lines of all processes of this checkout."""
        pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
        return [line for line in map(command_line_of, pids) if str(self.folder) in line]

    def forget(self) -> None:
        """Stop all processes and remove the data."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(60)
            self._process = None
        wait_until(lambda: not self.left_behind(), 30, what="the end of all processes")
        shutil.rmtree(self.folder / ".mainspring", ignore_errors=True)

    def _is_ready(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            if UNREACHABLE in self.log:
                did_not_run("The lines of README and tutorial", "a package index that is reachable")
            raise AssertionError(self.log)
        return "Stop with Ctrl+C." in self.log


class Terminal:
    """A shell that stays open, like a person's second terminal."""

    def __init__(self, shell: subprocess.Popen[bytes], output: Path, stand_ins: dict[str, str]) -> None:
        self._shell = shell
        self._output = output
        self._n_typed = 0
        self.stand_ins = stand_ins

    @property
    def output(self) -> str:
        """Return everything that was printed in this terminal."""
        return self._output.read_text(errors="replace")

    def type(self, lines: str) -> str:
        """Type lines with the placeholders filled in; return the output until the last line has ended."""
        for written, meant in self.stand_ins.items():
            lines = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", meant, lines)
        self._n_typed += 1
        before, mark = len(self.output), f"-- typed {self._n_typed} --"
        assert self._shell.stdin
        self._shell.stdin.write(f"{lines}\necho '{mark}'\n".encode())
        self._shell.stdin.flush()
        wait_until(lambda: mark in self.output[before:], 60, what=f"the end of\n{lines}\n{self.output}")
        return self.output[before:].partition(mark)[0]

    def ask(self, lines: str) -> dict[str, Any]:
        """Type lines that print JSON; return the last object."""
        output = self.type(lines)
        found = objects(output)
        assert found, output
        return found[-1]

    def received(self) -> list[tuple[int, str, dict[str, Any]]]:
        """Return the requests that the receiver printed: second of the minute, request line, body."""
        return [(int(second), words, json.loads(body)) for second, words, body in RECEIVED.findall(self.output)]


@contextmanager
def terminal(checkout: Checkout) -> Iterator[Terminal]:
    """Open a second terminal in the checkout; at the end, close it with all that it started."""
    output = checkout.folder.parent / "terminal"
    log: IO[bytes]
    with output.open("wb") as log:
        shell = subprocess.Popen(
            ["bash", "-O", "expand_aliases"],  # which terminals have on
            cwd=checkout.folder,
            env=checkout.environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield Terminal(shell, output, checkout.stand_ins | {"ms_…": checkout.api_key})
    finally:
        shell.communicate(b"kill -KILL $(jobs -p)\n", timeout=60)
