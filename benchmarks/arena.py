"""One contender with stores and processes of its own for one measurement, after which nothing is left of them."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from benchmarks.broker import BrokerWatch, NoWatch
from benchmarks.contenders.base import Contender
from benchmarks.exceptions import CannotMeasure
from benchmarks.processes import Editor
from benchmarks.stores import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.processes import Process
    from benchmarks.stores import Stores

LOOK_EVERY = 0.02  # seconds
Kind = TypeVar("Kind", bound=Contender)


class Arena(Generic[Kind]):
    """Where a measurement takes place, with `n_jobs` jobs that are for another day."""

    def __init__(self, stores: Stores, contender: Kind, watch: BrokerWatch, n_jobs: int) -> None:
        self.stores = stores
        self.contender = contender
        self.watch = watch
        self.n_jobs = n_jobs
        self._processes: list[Process] = []
        self._editors: list[Editor] = []
        self._n_started = 0

    def start(self, role: str) -> Process:
        """Start a process; one that says when it is ready has said so when this returns."""
        self._n_started += 1
        process = self.contender.start(role, self._n_started)
        self._processes.append(process)
        if text := self.contender.ready_text(role):
            self.wait(lambda: text in process.log, 60, f"{role} was ready")
        return process

    def start_if_any(self, role: str) -> None:
        """Start a process of a role that not every contender has."""
        if role in self.contender.roles:
            self.start(role)

    def edit(self) -> Editor:
        """Start the contender's editor, and wait for it."""
        editor = Editor(self.contender.editor(), self.contender.environment, self.contender.folder / "editor.log")
        self._editors.append(editor)
        editor.answer()
        return editor

    def kill(self, process: Process) -> None:
        """Kill one process."""
        self._processes.remove(process)
        process.kill()

    def stop_all(self) -> None:
        """Kill what is running."""
        while self._processes:
            self._processes.pop().kill()
        while self._editors:
            self._editors.pop().kill()

    def wait(self, condition: Callable[[], bool], seconds: float, what: str, *, every: float = LOOK_EVERY) -> None:
        """Return once `condition` holds; raises CannotMeasure when it does not, or when a process has ended."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise CannotMeasure(f"not within {seconds:.0f} s: {what}")
            for process in self._processes:
                process.check()
            self.rest(every)

    def rest(self, seconds: float) -> None:
        """Let time pass, and the broker's reports not pile up."""
        time.sleep(seconds)
        self.watch.drain()

    def rest_until(self, at: float) -> None:
        """Let time pass until an instant, in seconds since 1970."""
        while (left := at - time.time()) > 0:
            self.rest(min(left, 1.0))

    def wait_for_messages(self, n: int, seconds: float) -> list[float]:
        """The instants at which the messages of the first `n` runs reached the broker."""
        self.wait(lambda: len(self.watch.pushed_at()) >= n, seconds, f"the messages of {n:,} runs were in the broker")
        return self.watch.pushed_at()[:n]

    def wait_for_runs(self, n: int, seconds: float) -> None:
        """Return when `n` runs are over."""
        try:
            self.wait(lambda: self.contender.n_done() >= n, seconds, f"{n:,} runs were over", every=0.5)
        except CannotMeasure as error:
            raise CannotMeasure(f"{error} ({self.contender.n_done():,} were)") from error


@contextmanager
def arena(stores: Stores, kind: type[Kind], n_jobs: int) -> Iterator[Arena[Kind]]:
    """Fresh stores for a contender; everything is killed and dropped at the end, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="mainspring-bench-") as place:
        folder = Path(place)
        steps = [Step("prepare", lambda url: kind(url, stores.broker_url, folder).prepare())]
        if n_jobs and kind.keeps_jobs_in_database:
            steps.append(
                Step(f"{kind.__name__} {n_jobs}", lambda url: kind(url, stores.broker_url, folder).fill(n_jobs))
            )
        with stores.database(kind.key, *steps) as database_url:
            contender = kind(database_url, stores.broker_url, folder)
            if n_jobs and not kind.keeps_jobs_in_database:
                contender.fill(n_jobs)
            watch = BrokerWatch(stores.broker_url, kind.queue, kind.n_runs) if kind.queue else NoWatch()
            with watch:
                ring = Arena(stores, contender, watch, n_jobs)
                try:
                    yield ring
                finally:
                    ring.stop_all()
