"""Pure: which runs may take the places of a run pool, so that the runs of one host cannot take all of them.

A *share* is a set of runs that use one resource, such as all HTTP requests to one host. The more places a share has,
the more places must stay free for other shares. Runs without a place wait in this object, in the order of their
priority and then of their arrival.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count, takewhile
from typing import TYPE_CHECKING

from executions.fair_shares import fits, may_take
from executions.message import BATCH_START_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

# A waiting run counts as part of its message for up to 250 ms if it is expected to start within this time: the runs
# of a quick host wait without a database statement, and the worker fetches fewer messages meanwhile.
SOON = 0.25  # seconds
# Seconds that a run waits if its share has no place because the pool is full.
NO_PLACE_TIMEOUT = BATCH_START_TIMEOUT.total_seconds()
# Runs of all shares; about 20 MB, or 50 MB if each has its own share. Runs beyond this number are postponed, not kept.
MAX_WAITING = 50_000


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

    name: str
    freed_at: float
    took: float = 0.0
    n_places: int = 0
    n_waiting: int = 0
    queue: list[tuple[int, int, PoolRun]] = field(default_factory=list)  # a heap; may contain runs that left it
    fresh: dict[UUID, PoolRun] = field(default_factory=dict)  # in the order of `since`

    @property
    def turn(self) -> int | None:
        """The number of places, if runs of this limited share wait for another place."""
        return self.n_places if self.name and self.n_waiting else None

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
        # The limited shares that wait, by their number of places, in the order in which they came to wait with this
        # number. There are few numbers: 36 shares with different numbers of places have at least 630 places.
        self._turns: dict[int, OrderedDict[str, _Share]] = {}
        self._placed: dict[str, _Share] = {}  # the limited shares that have places
        self._waiting: dict[UUID, PoolRun] = {}
        self._fresh: dict[UUID, PoolRun] = {}  # in the order of `since`
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
                share = self._shares[run.share] = _Share(run.share, freed_at=now)
            if share.n_waiting or run.run_id in self._waiting or not self._may_take(share):
                self._wait(run, share, now)
                self._forget_if_unused(share)
            else:
                self._take(share, now)
                starting.append(run)
        return starting

    def leave(self, run: PoolRun, now: float, took: float | None = None) -> None:
        """Free the place of a run. `took`: how long the run was executed, in seconds; None if it was not executed."""
        share = self._shares[run.share]
        self._change(share, n_places=-1)
        if took is not None:
            share.freed_at, share.took = now, took
        self._forget_if_unused(share)

    def start_waiting(self, now: float) -> list[PoolRun]:
        """Take places for the waiting runs that may start now, and return these runs.

        The share with the fewest places gets the next place.
        """
        starting = []
        while share := self._next_share():
            starting.append(self._pop_next(share))
            self._take(share, now)
        return starting

    def pop_late(self, now: float) -> LateRuns:
        """Return the fresh runs that will not start soon. They are not fresh any more.

        Runs whose share has places still wait. Runs whose share has no place, because the pool is full, are removed.
        """
        kept, self._excess = self._excess, []
        for share in self._placed.values():
            fresh = share.fresh.values()
            late = _older(fresh, SOON, now) if fresh and share.starts_soon(now) else list(fresh)
            for run in late:
                self._end_fresh(run, share)
            kept += late
        returned = _older(self._fresh.values(), NO_PLACE_TIMEOUT, now)
        for run in returned:
            self._remove(run, self._shares[run.share])
        return LateRuns(kept, returned)

    def clear(self) -> list[PoolRun]:
        """Remove all waiting and fresh runs, and return them."""
        runs = list(self._waiting.values())
        for run in runs:
            self._remove(run, self._shares[run.share])
        excess, self._excess = self._excess, []
        return runs + excess

    def _next_share(self) -> _Share | None:
        """Return the share that gets the next place; None if none may take one.

        If the limited share with the fewest places may not take another, then no other limited share may.
        """
        shares = [next(iter(self._turns[min(self._turns)].values()))] if self._turns else []
        unlimited = self._shares.get("")
        if unlimited and unlimited.n_waiting:
            shares.append(unlimited)
        return min(filter(self._may_take, shares), key=lambda share: share.n_places, default=None)

    def _may_take(self, share: _Share) -> bool:
        """Return whether a share may take another place. The share "" is not limited."""
        return may_take(share.n_places if share.name else 0, self.n_free)

    def _take(self, share: _Share, now: float) -> None:
        if not share.n_places:
            share.freed_at = now
        self._change(share, n_places=1)

    def _change(self, share: _Share, n_places: int = 0, n_waiting: int = 0) -> None:
        """Add to the numbers of a share, and keep `_placed` and `_turns` up to date."""
        before = share.turn
        self.n_free -= n_places
        share.n_places += n_places
        share.n_waiting += n_waiting
        if share.name and share.n_places:
            self._placed[share.name] = share
        else:
            self._placed.pop(share.name, None)
        if share.turn == before:
            return
        if before is not None:
            del self._turns[before][share.name]
            if not self._turns[before]:
                del self._turns[before]
        if share.turn is not None:
            self._turns.setdefault(share.turn, OrderedDict())[share.name] = share

    def _wait(self, run: PoolRun, share: _Share, now: float) -> None:
        earlier = self._waiting.get(run.run_id)
        if earlier:
            earlier.claim_no = run.claim_no
            run, share = earlier, self._shares[earlier.share]  # another version may compute another share
            self._end_fresh(run, share)
        elif fits(share.n_waiting + 1, MAX_WAITING - len(self._waiting) - 1):
            self._waiting[run.run_id] = run
            self._change(share, n_waiting=1)
            heappush(share.queue, (-run.priority, next(self._numbers), run))
        else:
            self._excess.append(run)
            return
        run.since = now
        self._fresh[run.run_id] = share.fresh[run.run_id] = run

    def _end_fresh(self, run: PoolRun, share: _Share) -> None:
        self._fresh.pop(run.run_id, None)
        share.fresh.pop(run.run_id, None)

    def _pop_next(self, share: _Share) -> PoolRun:
        *_, run = heappop(share.queue)
        while self._waiting.get(run.run_id) is not run:  # the run was removed
            *_, run = heappop(share.queue)
        self._drop(run, share)
        return run

    def _remove(self, run: PoolRun, share: _Share) -> None:
        self._drop(run, share)
        self._forget_if_unused(share)

    def _drop(self, run: PoolRun, share: _Share) -> None:
        del self._waiting[run.run_id]
        self._end_fresh(run, share)
        self._change(share, n_waiting=-1)
        if len(share.queue) > 2 * share.n_waiting + 16:  # most entries are runs that were removed
            share.queue = [entry for entry in share.queue if self._waiting.get(entry[2].run_id) is entry[2]]
            heapify(share.queue)

    def _forget_if_unused(self, share: _Share) -> None:
        if not share.n_places and not share.n_waiting:
            del self._shares[share.name]


def _older(runs: Iterable[PoolRun], age: float, now: float) -> list[PoolRun]:
    """Return the runs that have waited for `age` seconds or longer. `runs` are in the order of `since`."""
    return list(takewhile(lambda run: now - run.since >= age, runs))
