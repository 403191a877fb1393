"""Proves the times of a run that pages and the API show, before, during and after its execution."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from executions.models import Attempt, Run, RunSpec
from executions.states import TERMINAL, RunStatus
from tests.factories import NOW

MINUTE = timedelta(minutes=1)
STARTED, ENDED, PLANNED = NOW + 3 * MINUTE, NOW + 10 * MINUTE, NOW + 2 * MINUTE


def times(**columns: Any) -> dict[str, timedelta | None]:
    run = Run(nominal_at=NOW, **columns)
    return {
        "duration": run.duration,
        "start_delay": run.start_delay(),
        "after_plan": run.delay_after_plan(),
        "unplanned": run.unplanned_delay(),
    }


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, (None, None, None, None)),
        ({"planned_at": PLANNED}, (None, None, None, None)),
        ({"started_at": STARTED}, (None, 3, None, 3)),
        ({"started_at": STARTED, "planned_at": PLANNED}, (None, 3, 1, 1)),
        ({"started_at": STARTED, "finished_at": ENDED}, (7, 3, None, 3)),
        ({"started_at": STARTED, "finished_at": ENDED, "planned_at": PLANNED}, (7, 3, 1, 1)),
        ({"finished_at": ENDED}, (None, None, None, None)),
        ({"started_at": PLANNED, "planned_at": PLANNED}, (None, 2, 0, 0)),
        ({"started_at": PLANNED, "planned_at": STARTED}, (None, 2, 0, 0)),
    ],
    ids=[
        "waits", "waits for its plan", "runs", "runs, planned", "ended", "ended, planned", "never started",
        "exactly as planned", "before the plan",
    ],
)  # fmt: skip
def test_delays_count_from_the_nominal_instant_or_from_the_plan(
    columns: dict[str, Any], expected: tuple[int | None, ...]
) -> None:
    minutes = [None if length is None else length / MINUTE for length in times(**columns).values()]

    assert tuple(minutes) == expected


def test_a_run_that_starts_before_its_nominal_instant_has_no_delay() -> None:
    assert times(started_at=NOW - MINUTE)["start_delay"] == timedelta(0)


@pytest.mark.parametrize("status", RunStatus)
def test_a_run_is_terminal_in_a_terminal_status(status: RunStatus) -> None:
    assert Run(status=status.value).is_terminal is (status in TERMINAL)


def test_a_run_is_called_by_its_job_and_its_nominal_instant() -> None:
    spec = RunSpec(job_name="nightly report", version=3)

    assert str(Run(nominal_at=NOW, spec=spec)) == "nightly report at 2026-11-20 12:00:00 UTC"
    assert str(spec) == "nightly report, version 3"


def test_an_attempt_runs_until_it_has_an_end() -> None:
    assert Attempt(started_at=NOW).is_running
    ended = Attempt(started_at=NOW, finished_at=NOW + MINUTE)
    assert (ended.is_running, ended.duration) == (False, MINUTE)


def spec(kind: str, **policies: Any) -> RunSpec:
    return RunSpec(target_kind=kind, policies=policies)


def test_an_attempt_may_take_as_long_as_the_job_says_or_else_its_kind() -> None:
    own, command, http = spec("command", timeout="20s").timeout, spec("command").timeout, spec("http").timeout

    assert own == timedelta(seconds=20)
    assert command is not None and http is not None and command != http


@pytest.mark.parametrize(
    "unknown", [spec("from the future"), spec("command", timeout="fast")], ids=["kind", "policies"]
)
def test_the_timeout_of_a_definition_that_cannot_be_read_is_unknown(unknown: RunSpec) -> None:
    assert unknown.timeout is None
