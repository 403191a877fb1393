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

from tests.acceptance.stepped_clock import OFFSET
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from django.db.backends.utils import CursorWrapper

CELERY = [sys.executable, "-m", "celery", "-A"]
AS_IN_PROCFILE = ["--without-gossip", "--without-mingle"]
HTTP_WORKER = ["worker", "--queues", "http,housekeeping", "--pool", "threads", *AS_IN_PROCFILE, "--concurrency"]
COMMANDS = {
    "beat": ["beat"],
    "worker": ["worker", "--queues", "command,housekeeping", "--concurrency", "2", *AS_IN_PROCFILE],
    "worker-alone": ["worker", "--queues", "command", "--pool", "solo", *AS_IN_PROCFILE],
    "worker-http": [*HTTP_WORKER, "8"],
    "worker-http-50": [*HTTP_WORKER, "50"],
    "worker-http-625": [*HTTP_WORKER, "625"],
}
BEATS = ("beat", "beat#2", "beat#3")
READY = dict.fromkeys(COMMANDS, " ready.") | {"beat": "beat: Starting"}


class Processes:
    """Starts, stops and kills processes by name; `worker#2` is a second worker."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._already_read: dict[str, int] = {}  # characters of the logs, by name
        self._environment = {**os.environ, "MAINSPRING_DB_POOL": "4", "DATABASE_URL": database_url(), **environment}

    @property
    def broker_url(self) -> str:
        return self._environment["BROKER_URL"]

    def with_environment(self, **environment: str) -> Processes:
        """Return processes with other variables. The caller kills what these start."""
        return Processes(self._folder, **{**self._environment, **environment})

    def start(self, *names: str) -> None:
        """Start processes and wait until each logs that it is ready."""
        self.spawn(*names)
        for name in names:
            wait_until(partial(self._is_ready, name), 40, what=f"the start of {name}: {self._log(name)}")

    def spawn(self, *names: str) -> None:
        """Start processes and wait for nothing."""
        for name in names:
            kind = name.partition("#")[0]
            app = "tests.acceptance.stepped_clock" if OFFSET in self._environment else "scheduler_project.celery"
            command = [*CELERY, app, *COMMANDS[kind]]
            command += ["--hostname", f"{name}@tests"] if "worker" in kind else []
            with self._log(name).open("ab") as log:
                environment = {**self._environment, "PGAPPNAME": name}  # pg_stat_activity shows it
                self._running[name] = subprocess.Popen(
                    command, stdout=log, stderr=log, env=environment, start_new_session=True
                )

    def kill(self, name: str) -> None:
        """SIGKILL a process with all its children, as a power cut does."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_in_a_pass(self) -> None:
        """SIGKILL a beat that has locked jobs, has planned their runs, and has not committed them."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE executions_run IN EXCLUSIVE MODE")
            wait_until(partial(_waiting_beats, cursor), what="a pass that is about to insert runs")
            self.kill(_waiting_beats(cursor)[0])

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and all its children."""
        os.killpg(self._running[name].pid, number)

    def stop(self, name: str) -> int:
        """SIGTERM a process and return its exit code. `kill_all` kills a process that does not end in 30 s."""
        self._running[name].send_signal(signal.SIGTERM)
        return self.wait(name)

    def quit(self, name: str) -> int:
        """SIGQUIT a process and return its exit code. A worker then ends without its runs, as after two Ctrl+C."""
        self._running[name].send_signal(signal.SIGQUIT)
        return self.wait(name)

    def wait(self, name: str) -> int:
        """Wait for the end of a process that was signalled, and return its exit code."""
        self._running[name].wait(30)
        return self._running.pop(name).returncode

    def kill_all(self) -> None:
        """SIGKILL every process that was started here."""
        for name in list(self._running):
            self.kill(name)

    def is_running(self, name: str) -> bool:
        return self._running[name].poll() is None

    def name_of(self, pid: int) -> str:
        return next(name for name, process in self._running.items() if process.pid == pid)

    def skip_logs(self) -> None:
        """Let `log_of` and `tracebacks` start here: the lines so far belong to another test."""
        for name in self._running:
            self._already_read[name] = len(self._whole_log_of(name))

    def tracebacks(self) -> str:
        """Return the end of each log that has a traceback, for tests that allow none."""
        logs = {name: self.log_of(name) for name in self._running}
        return "\n".join(f"{name}:\n{log[-6000:]}" for name, log in logs.items() if "Traceback" in log)

    def log_of(self, name: str) -> str:
        return self._whole_log_of(name)[self._already_read.get(name, 0) :]

    def _whole_log_of(self, name: str) -> str:
        return self._log(name).read_text(errors="replace")

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _is_ready(self, name: str) -> bool:
        process = self._running[name]
        log = self._whole_log_of(name)
        assert process.poll() is None, f"{name} has ended:\n{log[-3000:]}"
        return READY[name.partition("#")[0]] in log


def _waiting_beats(cursor: CursorWrapper) -> list[str]:
    """Return the beats that wait for a lock in the statement that inserts runs."""
    cursor.execute("SELECT pg_stat_clear_snapshot()")
    cursor.execute(
        "SELECT application_name FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND application_name LIKE 'beat%' AND query ILIKE '%INSERT INTO executions_run %' ORDER BY 1"
    )
    return [name for (name,) in cursor.fetchall()]


def database_url() -> str:
    """Return the URL of the database that the test writes to."""
    given = urlsplit(os.environ["DATABASE_URL"])
    return given._replace(path=f"/{settings.DATABASES['default']['NAME']}").geturl()
