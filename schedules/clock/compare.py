"""What was expected of a job against what was recorded, occurrence by occurrence. Pure: spans and rows in, entries out."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import repeat
from typing import Generic, Protocol, TypeVar

from executions.states import Origin
from schedules.clock.occurrences import occurrences
from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.zones import LAST_AT

# Their instants follow from something else than the calendar: nothing can be expected of them.
UNFORESEEN = frozenset({"none", "delay"})


class Row(Protocol):
    """What the comparison reads of a recorded row. `executions.history.Record` is one."""

    @property
    def origin(self) -> str: ...
    @property
    def nominal_at(self) -> datetime: ...
    @property
    def last_nominal_at(self) -> datetime: ...
    @property
    def n_occurrences(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def has_begun(self) -> bool: ...


R = TypeVar("R", bound=Row)


class Decision(StrEnum):
    """What became of an occurrence."""

    STARTED = "started"
    SKIPPED = "skipped"  # recorded as not started; the row's reason says why
    PENDING = "pending"  # due, and no beat has come to it yet
    PAUSED = "paused"  # due while the job is paused: recorded as such when it is resumed
    GAP = "gap"  # past the mark, and without a row
    MADE_GOOD = "made_good"  # a gap for which a backfill has run, or is about to
    UNEXPECTED = "unexpected"  # a row that no schedule of the job names
    UPCOMING = "upcoming"


@dataclass(frozen=True, slots=True)
class Span:
    """A schedule that a job had: it counts for (`from_at`, `until_at`]; None: it still does.

    `spec` is None where it cannot be read. `limit_at`: up to here, for then `max_runs` was reached.
    """

    spec: ScheduleSpec | None
    from_at: datetime
    until_at: datetime | None = None
    limit_at: datetime | None = None

    @property
    def is_foreseen(self) -> bool:
        """Whether it says beforehand which instants it names."""
        return self.spec is not None and self.spec.kind.value not in UNFORESEEN

    def instants(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """What it names of a window."""
        if self.spec is None or not self.is_foreseen:
            return iter(())
        bounds = [until, *(bound for bound in (self.until_at, self.limit_at) if bound is not None)]
        return occurrences(self.spec, max(after, self.from_at), min(bounds))

    def holds(self, instant: datetime) -> bool:
        return self.from_at < instant <= (self.until_at or LAST_AT)


@dataclass(frozen=True, slots=True)
class ClockState:
    """Where the clock stands with the job. `n_left` is what `max_runs` still allows; None: no limit.

    Runs that ended before `kept_since` may be gone from the history.
    """

    now: datetime
    mark_at: datetime
    kept_since: datetime
    is_paused: bool = False
    resumed_at: datetime | None = None
    n_left: int | None = None


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
    """An occurrence, or those that share a folded row: `at` to `last_at`, `n_occurrences` of them.

    `record` is its row, None if it has none; `made_good_by` the row of a backfill of the same instant.
    """

    at: datetime
    decision: Decision
    record: R | None = None
    made_good_by: R | None = None

    @property
    def last_at(self) -> datetime:
        return self.record.last_nominal_at if self.record else self.at

    @property
    def n_occurrences(self) -> int:
        return self.record.n_occurrences if self.record else 1


def compare(
    spans: Iterable[Span], rows: Iterable[R], clock: ClockState, after: datetime, until: datetime
) -> Iterator[Entry[R]]:
    """The entries of (after, until], in order and lazily: a reader who stops early has cost no more than what it read.

    `rows`: those of the schedule and of backfills, by nominal instant and origin; first may stand a folded row that
    began before the window. Before `kept_since` nothing is missed, as it may have been there. A run of a backfill that
    never began makes nothing good.
    """
    spans = list(spans)
    rows = (row for row in rows if row.has_begun or row.origin != Origin.BACKFILL)
    expected = _Expected(spans, max(after, clock.kept_since), until)
    n_left = clock.n_left
    for group in _by_instant(rows):
        at = group[0].nominal_at
        for instant, span in expected.before(at):
            decision, n_left = _lacking(instant, span, clock, n_left)
            if decision:
                yield Entry(instant, decision)
        yield from _recorded(group, expected, spans, clock)
    for instant, span in expected.before(None):
        decision, n_left = _lacking(instant, span, clock, n_left)
        if decision:
            yield Entry(instant, decision)


def named(spans: Iterable[Span], after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants of (after, until] that spans name, each once, in order and lazily."""
    return (instant for instant, _ in _Expected(list(spans), after, until).before(None))


def _lacking(
    instant: datetime, span: Span, clock: ClockState, n_left: int | None
) -> tuple[Decision | None, int | None]:
    """What an instant without a row is; and how many starts are left after it."""
    is_settled = span.until_at is not None or instant <= clock.mark_at
    if is_settled and instant <= clock.now:
        return Decision.GAP, n_left
    if instant <= clock.now and (clock.is_paused or (clock.resumed_at is not None and instant <= clock.resumed_at)):
        return Decision.PAUSED, n_left
    if n_left == 0:
        return None, 0
    decision = Decision.PENDING if instant <= clock.now else Decision.UPCOMING
    return decision, None if n_left is None else n_left - 1


def _recorded(group: list[R], expected: _Expected, spans: list[Span], clock: ClockState) -> Iterator[Entry[R]]:
    """The entry of the rows that stand at one instant, and the expected instants that they account for."""
    row = next((row for row in group if row.origin == Origin.SCHEDULE), None)
    backfill = next((row for row in group if row.origin == Origin.BACKFILL), None)
    named = expected.take_until((row or group[0]).last_nominal_at)
    if row is None:
        if named:
            yield Entry(group[0].nominal_at, Decision.MADE_GOOD, made_good_by=backfill)
        return
    is_known = named or row.last_nominal_at <= clock.kept_since or _is_foreign(row, spans)
    if not is_known:
        yield Entry(row.nominal_at, Decision.UNEXPECTED, row, backfill)
    else:
        yield Entry(row.nominal_at, Decision.SKIPPED if row.reason else Decision.STARTED, row, backfill)


def _is_foreign(row: Row, spans: list[Span]) -> bool:
    """Whether the row cannot be judged: by a schedule that foresees nothing, or that had come to its last start."""
    return any(
        span.holds(row.nominal_at)
        and (not span.is_foreseen or (span.limit_at is not None and row.nominal_at > span.limit_at))
        for span in spans
    )


class _Expected:
    """The instants that the spans name, each once, in order; they can be passed over without being made."""

    def __init__(self, spans: list[Span], after: datetime, until: datetime) -> None:
        self._spans, self._until = spans, until
        self._seek(after)

    def before(self, at: datetime | None) -> Iterator[tuple[datetime, Span]]:
        """Take those earlier than `at`; None: all that are left."""
        while self._next is not None and (at is None or self._next[0] < at):
            taken = self._next
            self._step()
            yield taken

    def take_until(self, at: datetime) -> bool:
        """Pass over those up to and including `at`; says whether there were any."""
        if self._next is None or self._next[0] > at:
            return False
        self._step()
        if self._next is not None and self._next[0] <= at:
            self._seek(at)
        return True

    def _seek(self, after: datetime) -> None:
        places = range(len(self._spans))
        self._merged = heapq.merge(*(zip(self._spans[i].instants(after, self._until), repeat(i)) for i in places))
        self._next: tuple[datetime, Span] | None = None
        self._step()

    def _step(self) -> None:
        last = self._next
        for instant, place in self._merged:
            if last is None or instant > last[0]:
                self._next = (instant, self._spans[place])
                return
        self._next = None


def _by_instant(rows: Iterable[R]) -> Iterator[list[R]]:
    """Rows that share their nominal instant: those of the schedule and of a backfill."""
    group: list[R] = []
    for row in rows:
        if group and row.nominal_at != group[0].nominal_at:
            yield group
            group = []
        group.append(row)
    if group:
        yield group
