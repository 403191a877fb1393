"""`make run` as one real process, on a copy of the project with a `.mainspring` folder of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.server import free_port
from tests.waiting import wait_until

PROJECT = Path(__file__).parents[2]
PACKAGES = ("scheduler_project", "schedules", "executions", "access", "values")
STORES = ("DATABASE_URL", "BROKER_URL", "REDIS_URL", "SECRET_KEY")


class Launcher:
    """Starts when it is made, with these variables. `log` is what a person sees in the terminal."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.home = folder / "project" / ".mainspring"
        for package in PACKAGES:
            shutil.copytree(PROJECT / package, self.home.parent / package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROJECT / "manage.py", self.home.parent)
        self.port = free_port()
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TEST_", "MAINSPRING_", "PYTEST_")) and name.removesuffix("_FILE") not in STORES
        }
        ports = {"PORT": str(self.port), "FLOWER_PORT": str(free_port())}
        self._terminal = folder / "terminal"
        with self._terminal.open("wb") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scheduler_project.launch.run"],
                cwd=self.home.parent,
                env=inherited | ports | environment,
                stdout=terminal,
                stderr=terminal,
            )

    @property
    def log(self) -> str:
        return self._terminal.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Return once the log contains `text`; fail when the process ends before."""
        wait_until(lambda: text in self.log or self.process.poll() is not None, seconds, what=f"{text!r}:\n{self.log}")
        assert text in self.log, self.log

    def api(self, path: str, body: object = None) -> Any:
        """Send a request to the API with the key in the log: a POST when there is a body. Return the JSON."""
        [key] = re.findall(r"API key +(\S+)", self.log)
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def kill_store(self, name: str) -> None:
        """SIGKILL the main process of the server, and none of its children."""
        files = {"postgres": "**/postmaster.pid", "valkey": "valkey.pid"}
        [pid_file] = (self.home / name).glob(files[name])
        pid = int(pid_file.read_text().split()[0])
        assert str(self.home) in command_line_of(pid)
        os.kill(pid, signal.SIGKILL)

    def stop(self) -> int:
        """Press Ctrl+C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def end(self) -> None:
        """Stop the launcher, however the test ended. Its processes notice its end and stop themselves."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
