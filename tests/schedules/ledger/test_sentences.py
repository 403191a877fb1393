"""Each entry of the ledger has a sentence that says what became of the occurrence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from executions.history import Record
from executions.states import Origin, Reason, RunStatus
from schedules.clock.compare import Decision, Entry
from schedules.ledger.sentences import UNEXPECTED_PREFIX, decision_count, sentence

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN_ID = uuid4()


def record(**fields: Any) -> Record:
    """The row of a run that started 12 ms late, took 400 ms and succeeded; with other fields as given."""
    started_at = NOON + timedelta(milliseconds=12)
    values: dict[str, Any] = {
        "run_id": RUN_ID,
        "origin": Origin.SCHEDULE,
        "nominal_at": NOON,
        "last_nominal_at": NOON,
        "n_occurrences": 1,
        "status": RunStatus.SUCCEEDED,
        "reason": "",
        "started_at": started_at,
        "finished_at": started_at + timedelta(milliseconds=400),
        "n_attempts": 1,
        "error_code": "",
        "has_begun": True,
        "planned_at": None,
    }
    return Record(**(values | fields))


def words(**fields: Any) -> str:
    """Return the sentence of a run with these fields."""
    return sentence(Entry(NOON, Decision.STARTED, record(**fields)), {})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        pytest.param({}, "Ran, 12 ms late, took 400 ms, succeeded.", id="succeeded"),
        pytest.param({"n_attempts": 2}, "Ran, 12 ms late, took 400 ms, succeeded at attempt 2.", id="second attempt"),
        pytest.param({"status": "failed"}, "Ran, 12 ms late, took 400 ms, failed.", id="failed"),
        pytest.param(
            {"status": "failed", "n_attempts": 3, "error_code": "timeout"},
            "Ran, 12 ms late, took 400 ms, failed at attempt 3 (timeout).",
            id="failed with a code",
        ),
        pytest.param({"status": "cancelled"}, "Ran, 12 ms late, took 400 ms, and was cancelled.", id="cancelled"),
        pytest.param(
            {"status": "cancelled", "started_at": None},
            "The run was cancelled before it started.",
            id="cancelled early",
        ),
        pytest.param({"status": "running", "finished_at": None}, "Started 12 ms late, and is running.", id="running"),
        pytest.param(
            {"status": "queued", "started_at": None, "n_attempts": 0},
            "The run is queued: no worker has started it yet.",
            id="queued",
        ),
        pytest.param(
            {"status": "queued", "finished_at": None, "n_attempts": 2},
            "The run is queued for another attempt. Attempts so far: 2.",
            id="queued again",
        ),
        pytest.param(
            {"status": "retrying", "finished_at": None, "n_attempts": 2},
            "Started 12 ms late. Attempts so far: 2. The run will be retried.",
            id="retrying",
        ),
        pytest.param({"status": "HIBERNATING"}, "The run is hibernating.", id="a status of another version"),
    ],
)
def test_a_run_is_described_by_its_delay_its_duration_and_its_end(fields: dict[str, Any], text: str) -> None:
    assert words(**fields) == text


def test_a_planned_delay_is_not_counted_as_late() -> None:
    planned_at = NOON + timedelta(seconds=30)
    started_at = planned_at + timedelta(milliseconds=5)
    text = words(planned_at=planned_at, started_at=started_at, finished_at=started_at + timedelta(seconds=2))
    assert text == "Ran, 5 ms late (start planned 30 s after the nominal instant), took 2 s, succeeded."


def test_a_held_run_names_what_it_waits_for_if_that_is_known() -> None:
    entry = Entry(NOON, Decision.STARTED, record(status="held", started_at=None))
    assert sentence(entry, {RUN_ID: "Waits for the rate limit"}) == "The run is held. Waits for the rate limit."
    assert sentence(entry, {uuid4(): "Waits"}) == "The run is held: another run or a limit prevents its start."


@pytest.mark.parametrize("reason", list(Reason))
def test_an_occurrence_that_did_not_start_has_the_sentence_of_its_reason(reason: Reason) -> None:
    text = words(status="skipped", reason=reason.value)
    assert text.startswith(("Skipped because", "Missed because no beat"))
    others = {words(status="skipped", reason=other.value) for other in Reason if other is not reason}
    assert text not in others


def test_a_reason_of_another_version_is_shown_as_words() -> None:
    assert words(status="skipped", reason="moon_too_bright") == "Skipped: moon too bright."


@pytest.mark.parametrize(
    ("n", "tail"), [(1, ""), (2, " This row stands for 2 occurrences."), (1234, "1,234 occurrences.")]
)
def test_a_folded_row_says_how_many_occurrences_it_stands_for(n: int, tail: str) -> None:
    text = words(status="skipped", reason="unknown", n_occurrences=n)
    assert text.startswith("Skipped: unknown.")
    assert text.endswith(tail)
    assert ("stands for" in text) is (n > 1)


def test_an_unexpected_row_says_so_before_what_happened() -> None:
    text = sentence(Entry(NOON, Decision.UNEXPECTED, record()), {})
    assert text == f"{UNEXPECTED_PREFIX}Ran, 12 ms late, took 400 ms, succeeded."


def test_a_row_that_a_backfill_repeated_says_so_after_what_happened() -> None:
    skipped = record(status="skipped", reason="unknown")
    entry = Entry(NOON, Decision.SKIPPED, skipped, made_good_by=record(origin=Origin.BACKFILL))
    assert sentence(entry, {}) == "Skipped: unknown. A backfill has opened a run for this occurrence."


@pytest.mark.parametrize(
    "decision", [Decision.PENDING, Decision.PAUSED, Decision.GAP, Decision.MADE_GOOD, Decision.UPCOMING]
)
def test_every_decision_without_a_row_has_a_sentence_of_its_own(decision: Decision) -> None:
    rest = {Decision.PENDING, Decision.PAUSED, Decision.GAP, Decision.MADE_GOOD, Decision.UPCOMING} - {decision}
    text = sentence(Entry(NOON, decision), {})
    assert text.endswith(".")
    assert text not in {sentence(Entry(NOON, other), {}) for other in rest}


@pytest.mark.parametrize(
    ("decision", "n", "text"),
    [
        (Decision.STARTED, 3, "3 started"),
        (Decision.GAP, 0, "0 gaps"),
        (Decision.GAP, 1, "1 gap"),
        (Decision.GAP, 1200, "1,200 gaps"),
        (Decision.PENDING, 2, "2 due"),
    ],
)
def test_only_gaps_have_a_plural(decision: Decision, n: int, text: str) -> None:
    assert decision_count(decision, n) == text
