"""One contender with its own stores and processes, for one measurement. Stores and processes are removed afterwards."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from benchmarks.broker import BrokerMonitor, NoBrokerMonitor
from benchmarks.contenders.base import Contender
from benchmarks.exceptions import CannotMeasure
from benchmarks.processes import Editor
from benchmarks.stores import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.processes import Process
    from benchmarks.stores import Stores

POLL_INTERVAL = 0.02  # seconds; figures do not depend on it: they use the times of the broker and of the runs
READY_TIMEOUT = 60.0  # seconds
Kind = TypeVar("Kind", bound=Contender)


class Trial(Generic[Kind]):
    """Starts the contender's processes and waits for their messages and runs. `n_jobs` jobs exist and are not due."""

    def __init__(self, stores: Stores, contender: Kind, broker: BrokerMonitor, n_jobs: int) -> None:
        self.stores = stores
        self.contender = contender
        self.broker = broker
        self.n_jobs = n_jobs
        self._processes: list[Process] = []
        self._editors: list[Editor] = []
        self._n_started = 0

    def start(self, role: str) -> Process:
        """Start a process, and wait for its ready line if its role prints one."""
        self._n_started += 1
        process = self.contender.start(role, self._n_started)
        self._processes.append(process)
        if text := self.contender.ready_text(role):
            self.wait(lambda: text in process.log, READY_TIMEOUT, f"{role} was not ready")
        return process

    def start_if_any(self, role: str) -> None:
        """Start a process if the contender has this role."""
        if role in self.contender.roles:
            self.start(role)

    def start_editor(self) -> Editor:
        """Start the contender's editor and wait until it is ready."""
        editor = Editor(self.contender.editor(), self.contender.environment, self.contender.folder / "editor.log")
        self._editors.append(editor)
        editor.read_reply()
        return editor

    def kill(self, process: Process) -> None:
        """Kill one process."""
        self._processes.remove(process)
        process.kill()

    def stop_all(self) -> None:
        """Kill all processes and editors."""
        while self._processes:
            self._processes.pop().kill()
        while self._editors:
            self._editors.pop().kill()

    def wait(self, condition: Callable[[], bool], seconds: float, what: str, *, every: float = POLL_INTERVAL) -> None:
        """Wait until `condition` is true. Raises CannotMeasure after `seconds`, or when a process has ended."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise CannotMeasure(f"{what} within {seconds:.0f} s")
            for process in self._processes:
                process.check()
            self.rest(every)

    def rest(self, seconds: float) -> None:
        """Sleep, then drain the broker's reports: Valkey drops a monitor whose output buffer is full."""
        time.sleep(seconds)
        self.broker.drain()

    def rest_until(self, at: float) -> None:
        """Sleep until an instant, in seconds since 1970."""
        while (left := at - time.time()) > 0:
            self.rest(min(left, 1.0))

    def wait_for_messages(self, n: int, seconds: float) -> list[float]:
        """Wait for the messages of `n` runs; return the times at which they reached the broker (seconds since 1970)."""
        self.wait(
            lambda: len(self.broker.pushed_at()) >= n, seconds, f"the messages of {n:,} runs did not reach the broker"
        )
        return self.broker.pushed_at()[:n]

    def wait_for_runs(self, n: int, seconds: float) -> None:
        """Wait until `n` runs have finished."""
        try:
            # Each check queries the database under measurement, so check only twice a second.
            self.wait(lambda: self.contender.n_finished() >= n, seconds, f"{n:,} runs did not finish", every=0.5)
        except CannotMeasure as error:
            raise CannotMeasure(f"{error} ({self.contender.n_finished():,} did)") from error


@contextmanager
def new_trial(stores: Stores, kind: type[Kind], n_jobs: int) -> Iterator[Trial[Kind]]:
    """Yield a trial with fresh stores; at the end, kill its processes and drop its database even after an error."""
    with tempfile.TemporaryDirectory(prefix="mainspring-bench-") as name:
        folder = Path(name)
        # A database with a million jobs is filled once and then copied, which takes seconds instead of minutes.
        steps = [Step("prepare", lambda url: kind(url, stores.broker_url, folder).prepare())]
        if n_jobs and kind.keeps_jobs_in_database:
            steps.append(
                Step(f"{kind.__name__} {n_jobs}", lambda url: kind(url, stores.broker_url, folder).fill(n_jobs))
            )
        with stores.database(kind.key, *steps) as database_url:
            contender = kind(database_url, stores.broker_url, folder)
            if n_jobs and not kind.keeps_jobs_in_database:
                contender.fill(n_jobs)
            broker = BrokerMonitor(stores.broker_url, kind.queue, kind.n_runs) if kind.queue else NoBrokerMonitor()
            with broker:
                trial = Trial(stores, contender, broker, n_jobs)
                try:
                    yield trial
                finally:
                    trial.stop_all()
