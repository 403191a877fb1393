"""Compares the expected occurrences of a job with its recorded rows. Pure: it reads no database."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import repeat
from typing import Generic, Protocol, TypeVar

from executions.states import Origin
from schedules.clock.effort import NO_LIMIT, Effort
from schedules.clock.occurrences import occurrences
from schedules.clock.spec import UNPREDICTABLE_KINDS, ScheduleSpec
from schedules.clock.zones.zones import LAST_AT


class Row(Protocol):
    """The fields of a recorded row that the comparison reads. `executions.history.Record` has these fields."""

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
    """What has happened to an occurrence so far."""

    STARTED = "started"
    SKIPPED = "skipped"  # recorded as not started; the row's reason says why
    PENDING = "pending"  # due, and not yet processed by a beat
    PAUSED = "paused"  # due during a pause; a row is written after the job is resumed
    GAP = "gap"  # at or before the job's mark, or of an earlier schedule, but without a row
    MADE_GOOD = "made_good"  # without a row of the schedule, but a backfill has run it or will run it
    UNEXPECTED = "unexpected"  # a row at an instant that no schedule of the job names
    UPCOMING = "upcoming"  # later than now


@dataclass(frozen=True, slots=True)
class Span:
    """A schedule, and the period (`from_at`, `until_at`] in which the job had this schedule.

    `until_at` is None for the job's current schedule. `spec` is None if the stored schedule cannot be read. `limit_at`
    is set if the schedule has reached its `max_runs`: no instant after `limit_at` counts. All instants are aware UTC.
    """

    spec: ScheduleSpec | None
    from_at: datetime
    until_at: datetime | None = None
    limit_at: datetime | None = None

    @property
    def is_predictable(self) -> bool:
        """Whether the schedule's instants are known in advance. False if the schedule cannot be read."""
        return self.spec is not None and self.spec.kind not in UNPREDICTABLE_KINDS

    def instants(self, after: datetime, until: datetime, effort: Effort = NO_LIMIT) -> Iterator[datetime]:
        """Yield the schedule's instants in (after, until] within the span, in ascending order.

        Yields nothing if the schedule is unpredictable or cannot be read. Raises SearchTooLong if `effort` is used up.
        """
        if self.spec is None or not self.is_predictable:
            return iter(())
        bounds = [until, *(bound for bound in (self.until_at, self.limit_at) if bound is not None)]
        return occurrences(self.spec, max(after, self.from_at), min(bounds), effort)

    def holds(self, instant: datetime) -> bool:
        """Whether `instant` lies within the span."""
        return self.from_at < instant <= (self.until_at or LAST_AT)


@dataclass(frozen=True, slots=True)
class ClockState:
    """How far the beats have processed a job.

    The beats have decided on every occurrence up to `mark_at`. Rows of runs that ended before `kept_since` may have
    been pruned. `n_left` is the number of starts that `max_runs` still allows; None: no known limit.
    """

    now: datetime
    mark_at: datetime
    kept_since: datetime
    is_paused: bool = False
    resumed_at: datetime | None = None
    n_left: int | None = None


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
    """One occurrence, or the `n_occurrences` occurrences from `at` to `last_at` that share one row (a folded row).

    `record` is the row with the origin `schedule`, or None. `made_good_by` is a backfill's row at the same instant, or
    None.
    """

    at: datetime
    decision: Decision
    record: R | None = None
    made_good_by: R | None = None

    @property
    def last_at(self) -> datetime:
        """The instant of the last occurrence in this entry."""
        return self.record.last_nominal_at if self.record else self.at

    @property
    def n_occurrences(self) -> int:
        """The number of occurrences in this entry."""
        return self.record.n_occurrences if self.record else 1


def compare(
    spans: Iterable[Span],
    rows: Iterable[R],
    clock: ClockState,
    after: datetime,
    until: datetime,
    effort: Effort = NO_LIMIT,
) -> Iterator[Entry[R]]:
    """Yield the entries in (after, until], in ascending order. Each entry is computed only when it is read.

    `rows` are the job's rows from its schedule and from backfills, sorted by nominal instant, then origin. A row
    may cover several occurrences. The first row, and so the first entry, may begin before `after`. Backfill runs that
    ended without a start are ignored. Raises SearchTooLong if `effort` is used up.
    """
    spans = list(spans)
    rows = (row for row in rows if row.has_begun or row.origin != Origin.BACKFILL)
    # Rows from before `kept_since` may have been pruned, so a missing row is no gap there.
    expected = _ExpectedInstants(spans, max(after, clock.kept_since), until, effort)
    n_left = clock.n_left
    for group in _by_instant(rows):
        at = group[0].nominal_at
        for instant, span in expected.before(at):
            decision, n_left = _decide_without_row(instant, span, clock, n_left)
            if decision:
                yield Entry(instant, decision)
        yield from _entries_of_rows(group, expected, spans, clock)
    for instant, span in expected.before(None):
        decision, n_left = _decide_without_row(instant, span, clock, n_left)
        if decision:
            yield Entry(instant, decision)
        elif n_left == 0 and instant > clock.now:
            return  # `max_runs` allows no start at any later instant


def instants_of_spans(
    spans: Iterable[Span], after: datetime, until: datetime, effort: Effort = NO_LIMIT
) -> Iterator[datetime]:
    """Yield the instants of all spans in (after, until], in ascending order and without duplicates.

    The call computes the first instant of each span. Reading an instant computes the next instant of its span. Both
    raise SearchTooLong if `effort` is used up.
    """
    return (instant for instant, _ in _ExpectedInstants(list(spans), after, until, effort).before(None))


def _decide_without_row(
    instant: datetime, span: Span, clock: ClockState, n_left: int | None
) -> tuple[Decision | None, int | None]:
    """Return the decision on an instant without a row, and how many starts `max_runs` allows after this instant.

    The decision on a pending or upcoming instant is None if `max_runs` allows no start.
    """
    is_decided = span.until_at is not None or instant <= clock.mark_at
    if is_decided and instant <= clock.now:
        return Decision.GAP, n_left
    if instant <= clock.now and (clock.is_paused or (clock.resumed_at is not None and instant <= clock.resumed_at)):
        return Decision.PAUSED, n_left
    if n_left == 0:
        return None, 0
    decision = Decision.PENDING if instant <= clock.now else Decision.UPCOMING
    return decision, None if n_left is None else n_left - 1


def _entries_of_rows(
    group: list[R], expected: _ExpectedInstants, spans: list[Span], clock: ClockState
) -> Iterator[Entry[R]]:
    """Yield at most one entry for the rows at one instant, and remove the expected instants that these rows cover."""
    row = next((row for row in group if row.origin == Origin.SCHEDULE), None)
    backfill = next((row for row in group if row.origin == Origin.BACKFILL), None)
    was_expected = expected.drop_until((row or group[0]).last_nominal_at)
    if row is None:
        # A backfill may cover instants that no span names, such as instants before the job existed: these were no gaps.
        if was_expected:
            yield Entry(group[0].nominal_at, Decision.MADE_GOOD, made_good_by=backfill)
        return
    is_plausible = was_expected or row.last_nominal_at <= clock.kept_since or _cannot_be_checked(row, spans)
    if not is_plausible:
        yield Entry(row.nominal_at, Decision.UNEXPECTED, row, backfill)
    else:
        yield Entry(row.nominal_at, Decision.SKIPPED if row.reason else Decision.STARTED, row, backfill)


def _cannot_be_checked(row: Row, spans: list[Span]) -> bool:
    """Whether the row's schedule is unpredictable, or had reached its `max_runs` before the row's instant."""
    return any(
        span.holds(row.nominal_at)
        and (not span.is_predictable or (span.limit_at is not None and row.nominal_at > span.limit_at))
        for span in spans
    )


class _ExpectedInstants:
    """A queue of the instants of all spans, in ascending order and without duplicates."""

    def __init__(self, spans: list[Span], after: datetime, until: datetime, effort: Effort) -> None:
        self._spans, self._until, self._effort = spans, until, effort
        self._seek(after)

    def before(self, at: datetime | None) -> Iterator[tuple[datetime, Span]]:
        """Remove the instants earlier than `at` (None: all instants), and yield each with its span."""
        while self._next is not None and (at is None or self._next[0] < at):
            taken = self._next
            self._step()
            yield taken

    def drop_until(self, at: datetime) -> bool:
        """Remove the instants up to and including `at`; return whether there were any."""
        if self._next is None or self._next[0] > at:
            return False
        self._step()
        # A folded row can stand for thousands of instants: search again after `at` instead of reading each instant.
        if self._next is not None and self._next[0] <= at:
            self._seek(at)
        return True

    def _seek(self, after: datetime) -> None:
        # The index breaks ties between spans, so that `merge` never compares two `Span`s.
        indexes = range(len(self._spans))
        instants = [span.instants(after, self._until, self._effort) for span in self._spans]
        self._merged = heapq.merge(*(zip(instants[i], repeat(i)) for i in indexes))
        self._next: tuple[datetime, Span] | None = None
        self._step()

    def _step(self) -> None:
        last = self._next
        for instant, index in self._merged:
            # Two spans may name the same instant: keep the first span.
            if last is None or instant > last[0]:
                self._next = (instant, self._spans[index])
                return
        self._next = None


def _by_instant(rows: Iterable[R]) -> Iterator[list[R]]:
    """Yield the rows of each nominal instant as a list: at most one row of the schedule and one row of a backfill."""
    group: list[R] = []
    for row in rows:
        if group and row.nominal_at != group[0].nominal_at:
            yield group
            group = []
        group.append(row)
    if group:
        yield group
