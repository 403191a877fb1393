"""The comparison of expected instants with recorded rows decides on each occurrence once, in ascending order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.states import Origin, Reason
from schedules.clock.compare import ClockState, Decision, Entry, Span, compare, instants_of_spans
from schedules.clock.reading.schedule import parse

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=30)


@dataclass(frozen=True)
class FakeRow:
    """A recorded row. `executions.history.Record` has the same fields."""

    nominal_at: datetime
    origin: str = Origin.SCHEDULE
    reason: str = ""
    has_begun: bool = True
    n_occurrences: int = 1
    until: datetime | None = None

    @property
    def last_nominal_at(self) -> datetime:
        return self.until or self.nominal_at


def at(hour: int, minute: int = 0) -> datetime:
    return NOON.replace(hour=hour, minute=minute)


def span(
    expression: str = "0 * * * *",
    from_at: datetime = LONG_AGO,
    until_at: datetime | None = None,
    limit_at: datetime | None = None,
) -> Span:
    return Span(parse({"cron": expression}, min_interval=timedelta(0)), from_at, until_at, limit_at)


def clock(
    mark_at: datetime = NOON,
    now: datetime = NOON,
    kept_since: datetime = LONG_AGO,
    resumed_at: datetime | None = None,
    n_left: int | None = None,
    *,
    is_paused: bool = False,
) -> ClockState:
    return ClockState(now, mark_at, kept_since, is_paused, resumed_at, n_left)


def decisions(entries: object) -> list[tuple[int, Decision]]:
    """Return the hour and the decision of each entry."""
    return [(entry.at.hour, entry.decision) for entry in entries]  # type: ignore[attr-defined]


def backfilled(hour: int, *, has_begun: bool = True) -> FakeRow:
    return FakeRow(at(hour), origin=Origin.BACKFILL, has_begun=has_begun)


def test_the_window_excludes_its_start_and_includes_its_end() -> None:
    found = compare([span()], list[FakeRow](), clock(), at(9), at(11))
    assert decisions(found) == [(10, Decision.GAP), (11, Decision.GAP)]


def test_an_instant_without_a_row_is_a_gap_up_to_the_mark_and_pending_later() -> None:
    found = compare([span()], list[FakeRow](), clock(mark_at=at(11)), at(9), at(13))
    assert decisions(found) == [
        (10, Decision.GAP),
        (11, Decision.GAP),
        (12, Decision.PENDING),
        (13, Decision.UPCOMING),
    ]


def test_an_instant_later_than_now_is_upcoming_even_if_the_mark_is_beyond_it() -> None:
    found = compare([span()], list[FakeRow](), clock(mark_at=at(14), now=at(12)), at(11), at(14))
    assert decisions(found) == [(12, Decision.GAP), (13, Decision.UPCOMING), (14, Decision.UPCOMING)]


def test_an_instant_of_a_replaced_schedule_is_a_gap_even_after_the_mark() -> None:
    replaced = span(until_at=at(11))
    found = compare([replaced], list[FakeRow](), clock(mark_at=at(9)), at(9), at(13))
    assert decisions(found) == [(10, Decision.GAP), (11, Decision.GAP)]


def test_due_instants_of_a_paused_job_are_paused_and_later_ones_are_upcoming() -> None:
    found = compare([span()], list[FakeRow](), clock(mark_at=at(10), is_paused=True), at(10), at(13))
    assert decisions(found) == [(11, Decision.PAUSED), (12, Decision.PAUSED), (13, Decision.UPCOMING)]


def test_instants_up_to_the_resumption_are_paused_and_those_after_it_are_pending() -> None:
    found = compare([span()], list[FakeRow](), clock(mark_at=at(9), resumed_at=at(11)), at(9), at(12))
    assert decisions(found) == [(10, Decision.PAUSED), (11, Decision.PAUSED), (12, Decision.PENDING)]


def test_max_runs_limits_pending_and_upcoming_instants_together() -> None:
    found = compare([span()], list[FakeRow](), clock(mark_at=at(10), now=at(11), n_left=2), at(10), at(15))
    assert decisions(found) == [(11, Decision.PENDING), (12, Decision.UPCOMING)]


def test_gaps_and_pauses_do_not_use_up_max_runs() -> None:
    state = clock(mark_at=at(9), resumed_at=at(10), n_left=1)
    found = compare([span()], list[FakeRow](), state, at(8), at(14))
    assert decisions(found) == [(9, Decision.GAP), (10, Decision.PAUSED), (11, Decision.PENDING)]


@pytest.mark.parametrize(
    ("row", "decision"),
    [
        pytest.param(FakeRow(at(10)), Decision.STARTED, id="without a reason"),
        pytest.param(FakeRow(at(10), reason=Reason.OVERLAP), Decision.SKIPPED, id="with a reason"),
    ],
)
def test_a_row_at_an_expected_instant_is_started_or_skipped(row: FakeRow, decision: Decision) -> None:
    entries = list(compare([span()], [row], clock(), at(9), at(10)))
    assert entries == [Entry(at(10), decision, row)]


def test_a_row_between_two_instants_is_unexpected_and_both_instants_are_gaps() -> None:
    found = compare([span()], [FakeRow(at(10, 30))], clock(), at(9), at(11))
    assert decisions(found) == [(10, Decision.GAP), (10, Decision.UNEXPECTED), (11, Decision.GAP)]


def test_a_folded_row_stands_for_every_instant_up_to_its_last() -> None:
    folded = FakeRow(at(9), reason=Reason.OVERLAP, n_occurrences=3, until=at(11))
    entries = list(compare([span()], [folded], clock(), at(8), at(12)))
    assert decisions(entries) == [(9, Decision.SKIPPED), (12, Decision.GAP)]
    assert (entries[0].last_at, entries[0].n_occurrences) == (at(11), 3)
    assert (entries[1].last_at, entries[1].n_occurrences) == (at(12), 1)


def test_a_folded_row_that_begins_before_the_window_covers_the_start_of_the_window() -> None:
    folded = FakeRow(at(6), reason=Reason.OVERLAP, n_occurrences=5, until=at(10))
    found = compare([span()], [folded], clock(), at(8), at(11))
    assert decisions(found) == [(6, Decision.SKIPPED), (11, Decision.GAP)]


def test_a_backfill_that_ran_makes_a_gap_good_and_names_its_row() -> None:
    row = backfilled(10)
    entries = list(compare([span()], [row], clock(), at(9), at(11)))
    assert decisions(entries) == [(10, Decision.MADE_GOOD), (11, Decision.GAP)]
    assert (entries[0].record, entries[0].made_good_by) == (None, row)


def test_a_backfill_that_never_began_leaves_the_gap_open() -> None:
    found = compare([span()], [backfilled(10, has_begun=False)], clock(), at(9), at(10))
    assert decisions(found) == [(10, Decision.GAP)]


def test_a_scheduled_row_counts_even_before_its_run_begins() -> None:
    found = compare([span()], [FakeRow(at(10), has_begun=False)], clock(), at(9), at(10))
    assert decisions(found) == [(10, Decision.STARTED)]


def test_a_backfill_of_an_instant_that_no_span_names_yields_no_entry() -> None:
    young = span(from_at=at(10))
    found = compare([young], [backfilled(9)], clock(), at(8), at(11))
    assert decisions(found) == [(11, Decision.GAP)]


def test_a_row_and_a_backfill_at_one_instant_share_an_entry() -> None:
    rerun, row = backfilled(10), FakeRow(at(10), reason=Reason.OVERLAP)
    for rows in ([row, rerun], [rerun, row]):
        entries = list(compare([span()], rows, clock(), at(9), at(10)))
        assert entries == [Entry(at(10), Decision.SKIPPED, row, rerun)]


def test_rows_may_be_pruned_before_kept_since_so_that_no_gap_is_reported_there() -> None:
    found = compare([span()], list[FakeRow](), clock(kept_since=at(10)), at(8), at(12))
    assert decisions(found) == [(11, Decision.GAP), (12, Decision.GAP)]


@pytest.mark.parametrize(
    ("minute", "decision"),
    [
        pytest.param(30, Decision.STARTED, id="at kept_since"),
        pytest.param(31, Decision.UNEXPECTED, id="one minute after kept_since"),
    ],
)
def test_a_row_up_to_kept_since_is_never_unexpected(minute: int, decision: Decision) -> None:
    found = compare([span()], [FakeRow(at(10, minute))], clock(kept_since=at(10, 30)), at(9), at(10, 59))
    assert decisions(found) == [(10, decision)]


@pytest.mark.parametrize("schedule", [None, {"kind": "none"}, {"delay": "1h"}], ids=["unreadable", "none", "delay"])
def test_a_row_of_an_unpredictable_schedule_is_never_unexpected(schedule: dict[str, object] | None) -> None:
    spec = None if schedule is None else parse(schedule, min_interval=timedelta(0))
    found = compare([Span(spec, at(9))], [FakeRow(at(10, 30))], clock(), at(9), at(12))
    assert decisions(found) == [(10, Decision.STARTED)]


def test_a_row_after_the_period_of_an_unpredictable_schedule_is_unexpected() -> None:
    spans = [Span(None, at(9), at(10)), span(from_at=at(10))]
    found = compare(spans, [FakeRow(at(10)), FakeRow(at(10, 30))], clock(), at(9), at(10, 59))
    assert decisions(found) == [(10, Decision.STARTED), (10, Decision.UNEXPECTED)]


def test_no_instant_is_expected_after_the_last_start_that_max_runs_allows() -> None:
    ended = span(limit_at=at(10))
    assert decisions(compare([ended], list[FakeRow](), clock(), at(8), at(12))) == [
        (9, Decision.GAP),
        (10, Decision.GAP),
    ]


@pytest.mark.parametrize(
    ("minute", "decision"),
    [
        pytest.param(30, Decision.UNEXPECTED, id="at the last start"),
        pytest.param(31, Decision.SKIPPED, id="after the last start"),
    ],
)
def test_a_row_is_never_unexpected_after_the_last_start_that_max_runs_allows(minute: int, decision: Decision) -> None:
    row = FakeRow(at(10, minute), reason=Reason.PAUSED)
    found = compare([span(limit_at=at(10, 30))], [row], clock(), at(10), at(12))
    assert decisions(found) == [(10, decision)]


def test_an_instant_that_two_spans_name_counts_once_and_for_the_first_span() -> None:
    replaced, present = span(until_at=at(11)), span(from_at=at(10))
    found = compare([replaced, present], list[FakeRow](), clock(mark_at=at(9)), at(9), at(12))
    assert decisions(found) == [(10, Decision.GAP), (11, Decision.GAP), (12, Decision.PENDING)]


def test_a_change_of_the_schedule_replaces_its_instants_from_then_on() -> None:
    spans = [span("0 * * * *", until_at=at(10)), span("30 * * * *", from_at=at(10))]
    found = list(instants_of_spans(spans, at(8), at(11, 59)))
    assert found == [at(9), at(10), at(10, 30), at(11, 30)]


def test_an_entry_is_computed_only_when_it_is_read() -> None:
    each_second = span("* * * * * *")
    far = NOON + timedelta(days=3650)
    entries = list(islice(compare([each_second], list[FakeRow](), clock(), at(11), far), 2))
    assert [entry.at for entry in entries] == [at(11) + timedelta(seconds=1), at(11) + timedelta(seconds=2)]


def test_a_folded_row_over_a_year_of_seconds_costs_no_time_for_each_second() -> None:
    start = NOON - timedelta(days=366)
    folded = FakeRow(start, reason=Reason.OVERLAP, n_occurrences=366 * 86400 + 1, until=NOON)
    each_second = span("* * * * * *", from_at=start - HOUR)
    entries = list(compare([each_second], [folded], clock(kept_since=start - HOUR), start - timedelta(seconds=1), NOON))
    assert [(entry.decision, entry.last_at) for entry in entries] == [(Decision.SKIPPED, NOON)]


@pytest.mark.parametrize(
    ("instant", "is_held"),
    [
        pytest.param(at(9), False, id="its start"),
        pytest.param(at(9, 1), True, id="just after its start"),
        pytest.param(at(11), True, id="its end"),
        pytest.param(at(11, 1), False, id="just after its end"),
    ],
)
def test_a_span_excludes_its_start_and_includes_its_end(instant: datetime, is_held: bool) -> None:
    assert span(from_at=at(9), until_at=at(11)).holds(instant) is is_held


def test_a_span_without_an_end_holds_every_later_instant() -> None:
    assert span(from_at=at(9)).holds(at(9) + timedelta(days=365_000))


HOURS = st.sets(st.integers(0, 23))


@settings(max_examples=60)
@given(rows=HOURS, mark=st.integers(0, 23), low=st.integers(0, 11), high=st.integers(12, 23))
def test_each_instant_of_the_window_has_exactly_one_entry_in_order(
    rows: set[int], mark: int, low: int, high: int
) -> None:
    recorded = [FakeRow(at(hour)) for hour in sorted(rows) if low < hour <= high]
    entries = list(compare([span()], recorded, clock(mark_at=at(mark), now=at(23)), at(low), at(high)))
    assert [entry.at.hour for entry in entries] == list(range(low + 1, high + 1))
    for entry in entries:
        absent = Decision.GAP if entry.at.hour <= mark else Decision.PENDING
        assert entry.decision is (Decision.STARTED if entry.at.hour in rows else absent)
