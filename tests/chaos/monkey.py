"""Kills beats, workers, Valkey and PostgreSQL at random and starts them again; sets clocks wrong, and right again."""

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
from tests.acceptance.stepped_clock import OFFSET, step
from tests.waiting import pause

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scheduler_project.launch.server import Server

CELERY = [sys.executable, "-m", "celery", "-A", "tests.acceptance.stepped_clock"]
PROGRAMS: dict[str, Sequence[str]] = {
    "beat-1": ["beat"],
    "beat-2": ["beat"],
    "worker": ["worker", "-Q", "command,housekeeping", "-c", "2"],
    "http-1": ["worker", "-Q", "http,housekeeping", "-P", "threads", "-c", "20"],
    "http-2": ["worker", "-Q", "http,housekeeping", "-P", "threads", "-c", "20"],
}
KILL_INTERVAL = (1.5, 5.0)  # seconds from one kill to the next
STORE_SHARE = 0.3  # of all kills: the rest hits beats and workers
CLOCK_SHARE = 0.25  # of all actions: instead of a kill, the clock of a process is set wrong
CLOCK_ERRORS = (-3600.0, -10.0, 10.0, 3600.0)  # seconds
CLOCK_REPAIR = (3.0, 12.0)  # seconds from a wrong clock to the right one
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
        self.n_wrong_clocks: Counter[str] = Counter()
        self._repair_at: dict[str, float] = {}  # seconds of the monotonic clock, by the name of a process

    def start_all(self) -> None:
        """Start every program."""
        for name in PROGRAMS:
            step(self._clock(name), 0)
            self._start(name)

    def kill_until(self, until: float) -> None:
        """Kill a store or a process or set a clock every few seconds, until this instant of the monotonic clock."""
        while (left := until - time.monotonic()) > 0:
            pause(min(left, self._chance.uniform(*KILL_INTERVAL)))
            self.restart_ended()
            self._repair_clocks(time.monotonic())
            if self._chance.random() < CLOCK_SHARE:
                self._set_clock_wrong(self._chance.choice(list(PROGRAMS)))
            elif self._chance.random() < STORE_SHARE:
                self._kill_store(self._chance.choice(self._stores))
            else:
                name = self._chance.choice(list(PROGRAMS))
                self.n_kills[name] += 1
                self._kill(name)
                self._start(name)
        self._repair_clocks(float("inf"))

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

    def _set_clock_wrong(self, name: str) -> None:
        self.n_wrong_clocks[name] += 1
        step(self._clock(name), self._chance.choice(CLOCK_ERRORS))
        self._repair_at[name] = time.monotonic() + self._chance.uniform(*CLOCK_REPAIR)

    def _repair_clocks(self, now: float) -> None:
        for name in [name for name, at in self._repair_at.items() if at <= now]:
            del self._repair_at[name]
            step(self._clock(name), 0)

    def _clock(self, name: str) -> Path:
        return self._folder / f"{name}.clock"

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
            environment = {**self._environment, OFFSET: str(self._clock(name).resolve())}
            self._running[name] = spawn(command, output=log, environment=environment, on_orphaned=signal.SIGKILL)

    def _kill(self, name: str) -> None:
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
