"""Proves how the columns of a run, its attempts and its events become the members of the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from executions import runs
from executions.api.shapes import detail_of, log_line_of, run_of
from executions.models import LogLine, Run, RunSpec
from executions.states import Origin, Reason
from executions.targets.base import Failed
from tests.factories import NOW, claim, end, make_job, make_run, make_skipped

SECOND = timedelta(seconds=1)
SPEC = RunSpec(job_name="nightly report", version=3, target_kind="command", target={}, policies={})


def shown(**columns: Any) -> dict[str, Any]:
    """Return the members of a run that is not stored."""
    values = {"origin": "schedule", "status": "queued", "priority": 1, "nominal_at": NOW, "available_at": NOW}
    values |= dict.fromkeys(("reason", "worker", "error_code", "error"), "")
    run = Run(
        id="01935b7e-0000-7000-8000-000000000001",
        job_id="01935b7e-0000-7000-8000-000000000002",
        spec=SPEC,
        **{"created_at": NOW, "n_occurrences": 1, "n_attempts": 0, **values, **columns},
    )
    return run_of(run).json_body()


def test_a_run_names_its_job_as_it_was_called_then() -> None:
    found = shown()

    assert found["job"] == {"id": "01935b7e-0000-7000-8000-000000000002", "name": "nightly report"}
    assert found["job_version"] == 3


@pytest.mark.parametrize(("rank", "priority"), [(0, "low"), (1, "medium"), (2, "high"), (3, "critical")])
def test_a_priority_is_shown_by_its_name(rank: int, priority: str) -> None:
    assert shown(priority=rank)["priority"] == priority


@pytest.mark.parametrize("member", ["reason", "worker", "error_code", "error"])
def test_an_empty_text_is_null(member: str) -> None:
    assert shown(**{member: ""})[member] is None


@pytest.mark.parametrize(
    ("columns", "duration", "delay", "after_plan"),
    [
        ({}, None, None, None),
        ({"started_at": NOW + 3 * SECOND}, None, 3000, None),
        ({"started_at": NOW + 3 * SECOND, "finished_at": NOW + 3.2506 * SECOND}, 251, 3000, None),
        ({"started_at": NOW + 3 * SECOND, "planned_at": NOW + 2 * SECOND}, None, 3000, 1000),
        ({"started_at": NOW, "finished_at": NOW}, 0, 0, None),
        ({"finished_at": NOW}, None, None, None),
    ],
    ids=["waits", "runs", "ended, rounded", "planned", "no time at all", "never started"],
)
def test_lengths_are_whole_milliseconds(
    columns: dict[str, Any], duration: int | None, delay: int | None, after_plan: int | None
) -> None:
    found = shown(**columns)

    assert (found["duration_ms"], found["lateness_ms"], found["behind_plan_ms"]) == (duration, delay, after_plan)


@pytest.mark.parametrize("origin", Origin)
def test_each_origin_is_shown_by_its_word(origin: Origin) -> None:
    assert shown(origin=origin.value)["origin"] == origin.value


def test_a_line_of_a_log_is_shown_whole() -> None:
    line = log_line_of(LogLine(attempt=2, at=NOW, level="error", message="It broke."))

    assert line.json_body() == {
        "attempt": 2,
        "at": "2026-11-20T12:00:00Z",
        "level": "error",
        "message": "It broke.",
    }


def detail(run: Run) -> dict[str, Any]:
    found = Run.objects.select_related("spec").get(pk=run.pk)
    return detail_of(found, NOW).json_body()


@pytest.mark.django_db
def test_the_present_attempt_has_no_end_and_comes_last() -> None:
    run = make_run(make_job(policies={"retry": {"delay": "1s", "jitter": False}}))
    end(run, Failed("exception", "It broke."))
    Run.objects.filter(pk=run.pk).update(status="queued")
    claim(run, NOW + 5 * SECOND)

    first, second = detail(run)["attempts"]
    assert (first["number"], first["status"], first["error"], first["duration_ms"]) == (1, "failed", "It broke.", 250)
    assert first["retry_at"] is not None
    assert (second["number"], second["status"], second["finished_at"]) == (2, "running", None)
    assert (second["duration_ms"], second["worker"]) == (None, "worker@tests:1")


@pytest.mark.django_db
def test_events_are_in_their_order_with_whoever_caused_them() -> None:
    run = make_run()
    claim(run)
    runs.cancel(run, NOW + SECOND, actor="ann")

    events = detail(run)["events"]
    assert [event["kind"] for event in events] == ["queued", "running", "cancel_requested"]
    assert [event["actor"] for event in events] == [None, None, "ann"]
    assert [event["attempt"] for event in events][:2] == [0, 1]


@pytest.mark.django_db
def test_a_definition_that_cannot_be_read_is_null_with_the_reason() -> None:
    run = make_run()
    RunSpec.objects.update(target={"kind": "from the future", "token": "secret"}, policies={"priority": "urgent"})

    found = detail(run)

    assert found["target"] is found["policies"] is None
    assert set(found["unreadable"]) == {"target", "policies"}
    assert "secret" not in str(found)


@pytest.mark.django_db
def test_a_readable_definition_is_shown_with_masked_headers() -> None:
    target = {"kind": "http", "url": "https://example.org/", "headers": {"Authorization": "Bearer secret"}}

    found = detail(make_run(make_job(target=target)))

    assert found["unreadable"] == {}
    assert found["target"]["url"] == "https://example.org/"
    assert "secret" not in str(found)


@pytest.mark.django_db
def test_only_a_held_run_says_what_it_waits_for() -> None:
    job = make_job(policies={"concurrency": {"limit": 1}})
    make_run(job, concurrency_key=f"job:{job.pk}")
    skipped = make_skipped(make_job("other"), reason=Reason.PAUSED)

    held = Run.objects.get(status="held")
    assert detail(held)["waits_for"] is not None
    assert (detail(skipped)["waits_for"], detail(skipped)["reason"]) == (None, "paused")
