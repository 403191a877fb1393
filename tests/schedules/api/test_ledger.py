"""Proves that the ledger's API returns each occurrence with its decision, pages long windows, refuses invalid ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.models import Run
from schedules.ledger.watchdog import watch_once
from schedules.models import Job
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.documented import DocumentedClient, documented_client, fields_of, problem_of
from tests.factories import end, make_job
from tests.staff import staff_member

pytestmark = pytest.mark.django_db

START = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def iso(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


@pytest.fixture
def job() -> Job:
    """A job that is due every minute: one run, three skipped by overlap, and no beat since then."""
    job = make_job(now=START)
    for minute in range(1, 5):
        tick(at(minute), 10)
    end(Run.objects.get(status="queued"))
    return job


def test_lengths_are_those_of_the_run_to_the_millisecond(api: DocumentedClient, job: Job) -> None:
    run = Run.objects.get(status="succeeded")
    began_at = run.nominal_at + timedelta(microseconds=8_700)
    length = timedelta(microseconds=250_600)
    Run.objects.filter(pk=run.pk).update(
        planned_at=run.nominal_at + timedelta(milliseconds=5), started_at=began_at, finished_at=began_at + length
    )
    names = ("lateness_ms", "behind_plan_ms", "duration_ms")
    entry = explain(api, job, after=iso(START), until=iso(at(1))).json()["entries"][0]["run"]
    body = api.get(f"/api/v1/runs/{run.pk}").json()
    assert [entry[name] for name in names] == [body[name] for name in names] == [9, 4, 251]


def explain(api: DocumentedClient, job: Job, **query: Any) -> Any:
    return api.get(f"/api/v1/jobs/{job.pk}/explain", query)


def test_each_occurrence_has_its_decision_reason_and_run(api: DocumentedClient, job: Job) -> None:
    Run.objects.filter(nominal_at=at(3)).delete()

    body = explain(api, job, after=iso(START), until=iso(at(6))).json()

    entries = [(e["nominal_at"], e["decision"], e["reason"]) for e in body["entries"]]
    assert entries == [
        (iso(at(1)), "started", None),
        (iso(at(2)), "skipped", "overlap"),
        (iso(at(3)), "gap", None),
        (iso(at(4)), "skipped", "overlap"),
        (iso(at(5)), "pending", None),
        (iso(at(6)), "pending", None),
    ]
    assert body["counts"] == {"started": 1, "skipped": 2, "gap": 1, "pending": 2}
    first = body["entries"][0]
    assert first["text"] == "Ran, 8 ms late, took 250 ms, succeeded."
    assert (first["run"]["lateness_ms"], first["run"]["duration_ms"]) == (8, 250)
    assert api.get(first["run"]["link"]).json()["id"] == first["run"]["id"]
    assert body["next"] is None


def test_by_default_the_window_is_the_last_24_hours(api: DocumentedClient, job: Job) -> None:
    body = explain(api, job).json()
    assert len(body["entries"]) >= 10
    until = datetime.fromisoformat(body["until"])  # as datetimes: one of the texts has a fraction of a second
    assert all(datetime.fromisoformat(entry["nominal_at"]) <= until for entry in body["entries"])
    assert {e["decision"] for e in body["entries"]} == {"started", "skipped", "pending"}


def test_a_window_in_the_future_has_upcoming_occurrences(api: DocumentedClient, job: Job) -> None:
    body = explain(api, job, after=iso(at(60)), until=iso(at(62))).json()
    assert [e["decision"] for e in body["entries"]] == ["upcoming", "upcoming"]


def test_gaps_alone_are_paged(api: DocumentedClient, job: Job) -> None:
    Run.objects.filter(nominal_at__in=[at(2), at(3)]).delete()
    body = explain(api, job, only="gaps", limit=1).json()
    seen = [e["nominal_at"] for e in body["entries"]]
    while body["next"]:
        body = api.get(body["next"]).json()
        seen += [e["nominal_at"] for e in body["entries"]]
    assert seen == [iso(at(2)), iso(at(3))]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"after": "yesterday"}, "after"),
        ({"after": "2026-01-01T00:00:00"}, "after"),
        ({"until": "9999-01-01T00:00:00Z"}, "until"),
        ({"until": "1970-01-01T00:00:00Z"}, "after"),
        ({"after": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "after"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"only": "skips"}, "only"),
        ({"since": "now"}, "since"),
        ({"after": "0"}, "after"),
    ],
)
def test_an_invalid_window_is_refused_at_its_parameter(
    api: DocumentedClient, job: Job, query: dict[str, str], field: str
) -> None:
    assert fields_of(explain(api, job, **query)) == [field]


def test_the_ledger_of_a_deleted_job_is_a_404(api: DocumentedClient, job: Job) -> None:
    api.delete(f"/api/v1/jobs/{job.pk}")
    problem_of(explain(api, job), 404)


def test_the_ledger_needs_the_permission_to_view_runs(job: Job) -> None:
    problem_of(explain(documented_client(staff_member("ann", "view_job")), job), 403)
    assert explain(documented_client(staff_member("bob", "view_run")), job).status_code == 200


def test_a_window_of_a_century_is_paged_and_has_no_counts(api: DocumentedClient) -> None:
    job = make_job(schedule={"every": "1s"}, now=START)
    body = explain(api, job, after="1970-01-01T00:00:00Z", until="2099-01-01T00:00:00Z").json()
    assert len(body["entries"]) == 200 and body["counts"] is None and body["next"]


def test_the_ledger_contains_the_stoppages_that_the_watchdog_found(api: DocumentedClient, job: Job) -> None:
    Run.objects.filter(nominal_at=at(3)).delete()
    watch_once(datetime.now(UTC), 10)
    (incident,) = explain(api, job).json()["incidents"]
    assert (incident["why"], incident["over_at"]) == ("gaps", None)
    latest = api.get(f"/api/v1/jobs/{job.pk}/runs").json()["results"][0]["id"]
    events = api.get(f"/api/v1/runs/{latest}").json()["events"]
    assert [(e["kind"], e["reason"]) for e in events][-1] == ("schedule_stopped", "gaps")


def test_a_held_run_and_its_ledger_entry_say_what_it_waits_for(api: DocumentedClient) -> None:
    limits = {"overlap": "allow", "concurrency": {"limit": 1, "key": "printer"}}
    job = make_job(now=START, policies=limits)
    for minute in range(1, 4):
        tick(at(minute), 10)
        follow_once(at(minute), 100)
    held = Run.objects.filter(status="held").order_by("nominal_at")
    assert len(held) == 2
    words = "Concurrency limit reached: 1 active run with the key “printer”, at most 1 allowed"
    assert api.get(f"/api/v1/runs/{held[0].pk}").json()["waits_for"] == words
    assert api.get(f"/api/v1/runs/{Run.objects.get(status='queued').pk}").json()["waits_for"] is None
    with CaptureQueriesContext(connection) as found:
        body = explain(api, job, after=iso(START), until=iso(at(3))).json()
    assert [entry["text"] for entry in body["entries"]][1:] == [f"The run is held. {words}."] * 2
    # Of a statement with parameters on the server, the test knows no text.
    assert sum("executions_runspec" in (query["sql"] or "") for query in found) == 1


def test_a_job_without_a_schedule_says_what_the_ledger_does_not_cover(api: DocumentedClient, job: Job) -> None:
    chained = make_job("chained", {"kind": "none"}, start_after=[{"job": str(job.pk)}])
    body = explain(api, chained).json()
    assert "starts after runs of other jobs" in body["not_covered"]
    assert body["runs"] == f"/api/v1/jobs/{chained.pk}/runs"
    assert explain(api, job).json()["not_covered"] is None


def test_lateness_counts_from_the_planned_start(api: DocumentedClient, job: Job) -> None:
    run = Run.objects.get(status="succeeded")
    Run.objects.filter(pk=run.pk).update(planned_at=run.nominal_at + timedelta(milliseconds=5))
    entry = explain(api, job, after=iso(START), until=iso(at(1))).json()["entries"][0]
    assert entry["text"].startswith("Ran, 3 ms late (start planned 5 ms after the nominal instant), took")
    assert (entry["run"]["lateness_ms"], entry["run"]["behind_plan_ms"]) == (8, 3)
    assert entry["run"]["planned_at"] == iso(run.nominal_at + timedelta(milliseconds=5))
