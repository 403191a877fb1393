"""Pure: which runs may take the places of a run pool, so that the runs of one host cannot take all of them.

A *share* is a set of runs that use one resource, such as all HTTP requests to one host. The more places a share has,
the more places must stay free for other shares (the dynamic threshold of Choudhury and Hahne, 1998). Runs without a
place wait in this object, in the order of their priority and then of their arrival.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from executions.message import BATCH_START_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

# A share may have at most 4 times as many places as are free. So one share alone gets four fifths of all places, the
# next share four fifths of the remaining places, and so on.
MAX_RATIO = 4
# A waiting run counts as part of its message for up to 250 ms if it is expected to start within this time: the runs
# of a quick host wait without a database statement, and the worker fetches fewer messages meanwhile.
SOON = 0.25  # seconds
# Seconds that a run waits if its share has no place because the pool is full.
NO_PLACE_TIMEOUT = BATCH_START_TIMEOUT.total_seconds()
# Runs of all shares; about 15 MB. Runs beyond this number are postponed and not kept.
MAX_WAITING = 50_000


def fits(n_own: int, n_free: int) -> bool:
    """Return whether a share may have `n_own` places if `n_free` places are free then."""
    return n_own <= MAX_RATIO * n_free


@dataclass(slots=True, eq=False)
class PoolRun:
    """A run that has reached the pool. `share`: "" if its share is unlimited. `since`: monotonic time in seconds."""

    run_id: UUID
    claim_no: int
    share: str = ""
    priority: int = 0  # runs with a higher number start first
    since: float = 0.0

    @property
    def claim_key(self) -> tuple[UUID, int]:
        return (self.run_id, self.claim_no)


@dataclass(frozen=True, slots=True)
class LateRuns:
    """Runs that have waited too long. `kept`: they still wait here. `returned`: another worker should start them."""

    kept: list[PoolRun]
    returned: list[PoolRun]


@dataclass(slots=True)
class _Share:
    """`freed_at`: when its last run ended, or when it got its first place. `took`: duration of that run, in seconds."""

    freed_at: float
    took: float = 0.0
    n_places: int = 0
    n_waiting: int = 0
    queue: list[tuple[int, int, PoolRun]] = field(default_factory=list)  # a heap; may contain runs that left it

    def starts_soon(self, now: float) -> bool:
        """Return whether all waiting runs are expected to start within `SOON`."""
        return self.n_waiting * max(self.took, now - self.freed_at) <= SOON * self.n_places


class FairShares:
    """The places of a pool, and the runs that wait for a place. Not thread-safe. `now`: monotonic time in seconds.

    A *fresh* run is a waiting run that neither started nor was returned by `pop_late` since its message arrived.
    """

    def __init__(self, size: int) -> None:
        self.size = self.n_free = size
        self._shares: dict[str, _Share] = {}
        self._waiting: dict[UUID, PoolRun] = {}
        self._fresh: dict[UUID, PoolRun] = {}
        self._excess: list[PoolRun] = []  # fresh runs beyond MAX_WAITING
        self._numbers = count()

    @property
    def n_taken(self) -> int:
        return self.size - self.n_free

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    @property
    def n_fresh(self) -> int:
        return len(self._fresh) + len(self._excess)

    def enter(self, runs: Iterable[PoolRun], now: float) -> list[PoolRun]:
        """Take places for the runs that may start now, and return these runs. All other runs wait.

        A run waits if an earlier run of its share waits. A run that is waiting already keeps its position.
        """
        starting = []
        for run in runs:
            share = self._shares.get(run.share)
            if share is None:
                share = self._shares[run.share] = _Share(freed_at=now)
            if share.n_waiting or run.run_id in self._waiting or not self._may_take(run.share, share):
                self._wait(run, share, now)
                self._forget_if_unused(run.share, share)
            else:
                self._take(share, now)
                starting.append(run)
        return starting

    def leave(self, run: PoolRun, now: float, took: float | None = None) -> None:
        """Free the place of a run. `took`: how long the run was executed, in seconds; None if it was not executed."""
        share = self._shares[run.share]
        self.n_free += 1
        share.n_places -= 1
        if took is not None:
            share.freed_at, share.took = now, took
        self._forget_if_unused(run.share, share)

    def start_waiting(self, now: float) -> list[PoolRun]:
        """Take places for the waiting runs that may start now, and return these runs.

        The share with the fewest places gets the next place.
        """
        starting = []
        waiting = {name: share for name, share in self._shares.items() if share.n_waiting} if self._waiting else {}
        while allowed := [name for name, share in waiting.items() if self._may_take(name, share)]:
            name = min(allowed, key=lambda name: waiting[name].n_places)
            share = waiting[name]
            starting.append(self._pop_next(share))
            self._take(share, now)
            if not share.n_waiting:
                del waiting[name]
        return starting

    def pop_late(self, now: float) -> LateRuns:
        """Return the fresh runs that will not start soon. They are not fresh any more.

        Runs whose share has places still wait. Runs whose share has no place, because the pool is full, are removed.
        """
        late = LateRuns(kept=self._excess, returned=[])
        self._excess = []
        soon = {name: self._shares[name].starts_soon(now) for name in {run.share for run in self._fresh.values()}}
        for run in list(self._fresh.values()):
            share, age = self._shares[run.share], now - run.since
            if not run.share or not share.n_places:
                if age >= NO_PLACE_TIMEOUT:
                    late.returned.append(run)
                    self._remove(run, share)
            elif age >= SOON or not soon[run.share]:
                late.kept.append(run)
                del self._fresh[run.run_id]
        return late

    def clear(self) -> list[PoolRun]:
        """Remove all waiting and fresh runs, and return them."""
        runs = list(self._waiting.values())
        for run in runs:
            self._remove(run, self._shares[run.share])
        excess, self._excess = self._excess, []
        return runs + excess

    def _may_take(self, name: str, share: _Share) -> bool:
        """Return whether a share may take another place. A share without a place may take the last place."""
        if not self.n_free:
            return False
        return not name or not share.n_places or fits(share.n_places + 1, self.n_free - 1)

    def _take(self, share: _Share, now: float) -> None:
        if not share.n_places:
            share.freed_at = now
        self.n_free -= 1
        share.n_places += 1

    def _wait(self, run: PoolRun, share: _Share, now: float) -> None:
        earlier = self._waiting.get(run.run_id)
        if earlier:
            earlier.claim_no, earlier.since = run.claim_no, now
            self._fresh[run.run_id] = earlier
        elif fits(share.n_waiting + 1, MAX_WAITING - len(self._waiting) - 1):
            run.since = now
            self._waiting[run.run_id] = self._fresh[run.run_id] = run
            share.n_waiting += 1
            heappush(share.queue, (-run.priority, next(self._numbers), run))
        else:
            self._excess.append(run)

    def _pop_next(self, share: _Share) -> PoolRun:
        *_, run = heappop(share.queue)
        while self._waiting.get(run.run_id) is not run:  # the run was removed
            *_, run = heappop(share.queue)
        self._drop(run, share)
        return run

    def _remove(self, run: PoolRun, share: _Share) -> None:
        self._drop(run, share)
        self._forget_if_unused(run.share, share)

    def _drop(self, run: PoolRun, share: _Share) -> None:
        del self._waiting[run.run_id]
        self._fresh.pop(run.run_id, None)
        share.n_waiting -= 1
        if len(share.queue) > 2 * share.n_waiting + 16:  # most entries are runs that were removed
            share.queue = [entry for entry in share.queue if self._waiting.get(entry[2].run_id) is entry[2]]
            heapify(share.queue)

    def _forget_if_unused(self, name: str, share: _Share) -> None:
        if not share.n_places and not share.n_waiting:
            del self._shares[name]
