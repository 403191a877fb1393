"""Kills beats, workers, Valkey and PostgreSQL at random, and starts each again as a service manager would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from scheduler_project.launch.processes import spawn
from tests.waiting import pause

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scheduler_project.launch.server import Server

CELERY = [sys.executable, "-m", "celery", "-A", "scheduler_project.celery"]
PROGRAMS: dict[str, Sequence[str]] = {
    "beat-1": ["beat"],
    "beat-2": ["beat"],
    "worker": ["worker", "-Q", "command,housekeeping", "-c", "2"],
    "http-1": ["worker", "-Q", "http,housekeeping", "-P", "threads", "-c", "20"],
    "http-2": ["worker", "-Q", "http,housekeeping", "-P", "threads", "-c", "20"],
}
KILL_INTERVAL = (1.5, 5.0)  # seconds from one kill to the next
STORE_SHARE = 0.3  # of all kills: the rest hits beats and workers
DOWNTIME = (0.0, 3.0)  # seconds from the kill of a store to its start


class Monkey:
    """Starts and kills the processes of one installation."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], stores: Sequence[Server], chance: random.Random
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._stores = stores
        self._chance = chance
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.n_kills: Counter[str] = Counter()
        self.n_own_ends: Counter[str] = Counter()

    def start_all(self) -> None:
        """Start every program."""
        for name in PROGRAMS:
            self._start(name)

    def kill_until(self, until: float) -> None:
        """Kill a store or a process every few seconds, until this instant of the monotonic clock."""
        while (left := until - time.monotonic()) > 0:
            pause(min(left, self._chance.uniform(*KILL_INTERVAL)))
            self.restart_ended()
            if self._chance.random() < STORE_SHARE:
                self._kill_store(self._chance.choice(self._stores))
            else:
                name = self._chance.choice(list(PROGRAMS))
                self.n_kills[name] += 1
                self._kill(name)
                self._start(name)

    def restart_ended(self) -> None:
        """Start the processes that have ended by themselves."""
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                self.n_own_ends[name] += 1
                self._kill(name)
                self._start(name)

    def stop_all(self) -> None:
        """Kill all processes."""
        for name in list(self._running):
            self._kill(name)

    def _kill_store(self, store: Server) -> None:
        self.n_kills[store.name] += 1
        store.kill()
        pause(self._chance.uniform(*DOWNTIME))
        store.start()

    def _start(self, name: str) -> None:
        command = [*CELERY, *PROGRAMS[name]]
        if "worker" in command:
            command += ["--hostname", f"{name}@chaos", "--without-gossip", "--without-mingle"]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = spawn(command, output=log, environment=self._environment, on_orphaned=signal.SIGKILL)

    def _kill(self, name: str) -> None:
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
