"""Real beats and workers of the project, as an operator starts them, against the test's own stores."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction

from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from django.db.backends.utils import CursorWrapper

CELERY = [sys.executable, "-m", "celery", "-A", "scheduler_project.celery"]
AS_IN_PROCFILE = ["--without-gossip", "--without-mingle"]
COMMANDS = {
    "beat": ["beat"],
    "stepped-beat": ["beat", "--scheduler", "tests.acceptance.clock:SteppedScheduler"],
    "worker": ["worker", "--queues", "command,housekeeping", "--concurrency", "2", *AS_IN_PROCFILE],
    "worker-alone": ["worker", "--queues", "command", "--pool", "solo", *AS_IN_PROCFILE],
    "worker-http": [
        "worker",
        "--queues",
        "http,housekeeping",
        "--pool",
        "threads",
        "--concurrency",
        "8",
        *AS_IN_PROCFILE,
    ],
}
COMMANDS["worker-http-500"] = [word if word != "8" else "500" for word in COMMANDS["worker-http"]]
BEATS = ("beat", "beat#2", "beat#3")
READY = dict.fromkeys(COMMANDS, " ready.") | dict.fromkeys(("beat", "stepped-beat"), "beat: Starting")


class Processes:
    """Starts, stops and kills processes by name; `worker#2` is a second worker."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {**os.environ, "MAINSPRING_DB_POOL": "4", "DATABASE_URL": database_url(), **environment}

    @property
    def broker_url(self) -> str:
        return self._environment["BROKER_URL"]

    def with_environment(self, **environment: str) -> Processes:
        """The same with other variables; what this one starts is its own to kill."""
        return Processes(self._folder, **{**self._environment, **environment})

    def start(self, *names: str) -> None:
        """Start processes and wait until each says that it is ready."""
        self.spawn(*names)
        for name in names:
            wait_until(partial(self._is_ready, name), 40, what=f"the start of {name}: {self._log(name)}")

    def spawn(self, *names: str) -> None:
        """Start processes, ready or not."""
        for name in names:
            kind = name.partition("#")[0]
            command = [*CELERY, *COMMANDS[kind]]
            command += ["--hostname", f"{name}@tests"] if "worker" in kind else []
            with self._log(name).open("ab") as log:
                environment = {**self._environment, "PGAPPNAME": name}  # so that PostgreSQL says who waits for what
                self._running[name] = subprocess.Popen(
                    command, stdout=log, stderr=log, env=environment, start_new_session=True
                )

    def kill(self, name: str) -> None:
        """SIGKILL a process with all its children, as a power cut does."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_amid_a_pass(self) -> None:
        """SIGKILL a beat that holds locked jobs, has planned what becomes of them, and has not committed it."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE executions_run IN EXCLUSIVE MODE")
            wait_until(partial(beats_that_wait, cursor), what="a pass that is about to insert runs")
            self.kill(beats_that_wait(cursor)[0])

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process with all its children."""
        os.killpg(self._running[name].pid, number)

    def stop(self, name: str) -> int:
        """SIGTERM a process and return its exit code. One that goes on is left to `kill_all`."""
        self._running[name].send_signal(signal.SIGTERM)
        self._running[name].wait(30)
        return self._running.pop(name).returncode

    def kill_all(self) -> None:
        for name in list(self._running):
            self.kill(name)

    def is_running(self, name: str) -> bool:
        return self._running[name].poll() is None

    def name_of(self, pid: int) -> str:
        return next(name for name, process in self._running.items() if process.pid == pid)

    def tracebacks(self) -> str:
        """What the processes have logged as tracebacks, for a test that expects sentences."""
        logs = {name: self.log_of(name) for name in self._running}
        return "\n".join(f"{name}:\n{log[-6000:]}" for name, log in logs.items() if "Traceback" in log)

    def log_of(self, name: str) -> str:
        return self._log(name).read_text(errors="replace")

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _is_ready(self, name: str) -> bool:
        process = self._running[name]
        assert process.poll() is None, f"{name} has ended:\n{self.log_of(name)[-3000:]}"
        return READY[name.partition("#")[0]] in self.log_of(name)


def beats_that_wait(cursor: CursorWrapper) -> list[str]:
    """The beats whose statement that inserts runs waits for a lock just now."""
    cursor.execute("SELECT pg_stat_clear_snapshot()")
    cursor.execute(
        "SELECT application_name FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND application_name LIKE 'beat%' AND query ILIKE '%INSERT INTO executions_run %' ORDER BY 1"
    )
    return [name for (name,) in cursor.fetchall()]


def database_url() -> str:
    """The URL of the database that the tests write to."""
    given = urlsplit(os.environ["DATABASE_URL"])
    return given._replace(path=f"/{settings.DATABASES['default']['NAME']}").geturl()
