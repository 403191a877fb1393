"""One contender with stores and processes of its own for one measurement, after which nothing is left of them."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.broker import BrokerWatch
from benchmarks.exceptions import CannotMeasure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.contenders import Contender, Role
    from benchmarks.processes import Process
    from benchmarks.stores import Stores

LOOK_EVERY = 0.02  # seconds
READY = "ready."


class Arena:
    """Where a measurement takes place."""

    def __init__(self, stores: Stores, contender: Contender, watch: BrokerWatch) -> None:
        self.stores = stores
        self.contender = contender
        self.watch = watch
        self._processes: list[Process] = []

    def start(self, role: Role) -> Process:
        """Start a process; a worker has said that it is ready when this returns."""
        process = self.contender.start(role)
        self._processes.append(process)
        if role == "worker":
            self.wait(lambda: READY in process.log, 60, "the worker was ready")
        return process

    def stop_all(self) -> None:
        """Kill what is running."""
        while self._processes:
            self._processes.pop().kill()

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
def arena(stores: Stores, kind: type[Contender]) -> Iterator[Arena]:
    """Fresh stores for a contender; everything is killed and dropped at the end, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="mainspring-bench-") as place:
        folder = Path(place)

        def prepare(database_url: str) -> None:
            kind(database_url, stores.broker_url, folder).prepare()

        with (
            stores.database(kind.key, prepare) as database_url,
            BrokerWatch(stores.broker_url, kind.queue, kind.n_runs) as watch,
        ):
            ring = Arena(stores, kind(database_url, stores.broker_url, folder), watch)
            try:
                yield ring
            finally:
                ring.stop_all()
