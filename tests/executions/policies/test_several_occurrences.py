"""Proves what holds for any occurrences that are due in one pass, under each overlap policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.policies.overlap import MAX_BUFFERED_RUNS, LiveRuns, Overlap, OverlapPass, Stop
from executions.states import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

LIVE = st.builds(LiveRuns, st.integers(0, 3), st.integers(0, 3))
REASONS = st.lists(st.sampled_from([None, None, Reason.PAUSED, Reason.MISSED]), max_size=8)


def decided(policy: Overlap, before: LiveRuns, reasons: Sequence[Reason | None]) -> OverlapPass:
    made = OverlapPass(policy, before)
    for reason in reasons:
        made.add(reason)
    return made


def shown(made: OverlapPass) -> str:
    """Return a letter for each decision: S for a start, H for held, - for none."""
    return "".join("-" if each.reason else "H" if each.is_held else "S" for each in made.decisions)


@pytest.mark.parametrize(
    ("policy", "idle", "busy", "full"),
    [
        (Overlap.SKIP, "S--", "---", "---"),
        (Overlap.BUFFER_ONE, "SH-", "H--", "---"),
        (Overlap.BUFFER_ALL, "SHH", "HHH", "HHH"),
        (Overlap.CANCEL_OTHER, "--S", "--H", "--H"),
        (Overlap.TERMINATE_OTHER, "--S", "--S", "--S"),
        (Overlap.ALLOW, "SSS", "SSS", "SSS"),
    ],
)
def test_three_occurrences_that_are_due_together(policy: Overlap, idle: str, busy: str, full: str) -> None:
    found = [shown(decided(policy, live, [None] * 3)) for live in (LiveRuns(), LiveRuns(1, 0), LiveRuns(1, 1))]

    assert found == [idle, busy, full]


@pytest.mark.parametrize(
    ("policy", "before", "stops"),
    [
        (Overlap.CANCEL_OTHER, LiveRuns(1, 0), Stop.CANCEL),
        (Overlap.CANCEL_OTHER, LiveRuns(0, 1), Stop.CANCEL),
        (Overlap.CANCEL_OTHER, LiveRuns(), None),
        (Overlap.TERMINATE_OTHER, LiveRuns(2, 1), Stop.TERMINATE),
        (Overlap.TERMINATE_OTHER, LiveRuns(), None),
        (Overlap.SKIP, LiveRuns(1, 0), None),
    ],
)
def test_only_runs_from_before_the_pass_are_stopped(policy: Overlap, before: LiveRuns, stops: Stop | None) -> None:
    assert decided(policy, before, [None, None]).stops is stops


def test_an_occurrence_that_does_not_start_stops_nothing() -> None:
    made = decided(Overlap.TERMINATE_OTHER, LiveRuns(1, 0), [Reason.PAUSED, Reason.MISSED])

    assert (made.stops, made.n_started, made.live_runs) == (None, 0, LiveRuns(1, 0))


def test_a_policy_for_one_occurrence_applies_to_it_alone() -> None:
    made = OverlapPass(Overlap.SKIP, LiveRuns(1, 0))
    made.add(policy=Overlap.BUFFER_ALL)
    made.add()

    assert shown(made) == "H-"


def test_the_buffer_fills_up_within_a_pass() -> None:
    made = decided(Overlap.BUFFER_ALL, LiveRuns(1, MAX_BUFFERED_RUNS - 2), [None] * 3)

    assert shown(made) == "HH-"
    assert made.decisions[-1].reason is Reason.OVER_LIMIT


@pytest.mark.long
@settings(max_examples=100)
@given(st.sampled_from(Overlap), LIVE, REASONS)
def test_each_occurrence_gets_one_decision_and_known_reasons_stay(
    policy: Overlap, before: LiveRuns, reasons: list[Reason | None]
) -> None:
    made = decided(policy, before, reasons)

    assert len(made.decisions) == len(reasons)
    assert [each.reason for each, reason in zip(made.decisions, reasons, strict=True) if reason] == [
        reason for reason in reasons if reason
    ]
    assert made.n_started == sum(each.reason is None for each in made.decisions)


@settings(max_examples=100)
@given(st.sampled_from(sorted(set(Overlap) - {Overlap.ALLOW})), LIVE, REASONS)
def test_no_policy_but_allow_starts_a_run_beside_another(
    policy: Overlap, before: LiveRuns, reasons: list[Reason | None]
) -> None:
    made = decided(policy, before, reasons)

    starts = shown(made).count("S")
    assert starts <= 1
    if starts:
        assert not before or made.stops is Stop.TERMINATE


@settings(max_examples=100)
@given(st.sampled_from([Overlap.CANCEL_OTHER, Overlap.TERMINATE_OTHER]), LIVE, REASONS)
def test_of_a_pass_that_replaces_runs_the_last_occurrence_starts(
    policy: Overlap, before: LiveRuns, reasons: list[Reason | None]
) -> None:
    made = decided(policy, before, reasons)

    last = max((index for index, reason in enumerate(reasons) if reason is None), default=None)
    assert [index for index, each in enumerate(made.decisions) if each.reason is None] == (
        [] if last is None else [last]
    )
