"""Proves that the API previews, starts, lists and cancels backfills, and which requests it refuses."""

from __future__ import annotations

from uuid import uuid4

import pytest

from executions.models import Run
from schedules.backfills.backfill import step_once
from schedules.models import Backfill, Job
from tests.documented import DocumentedClient, fields_of, problem_of
from tests.factories import make_job

RANGE = {"after": "2026-11-20T08:00:00Z", "until": "2026-11-20T11:00:00Z"}


@pytest.fixture
def job() -> Job:
    """A job that runs every hour."""
    return make_job("report", {"every": "1h", "anchor_at": "2026-01-01T00:00:00Z"})


def test_a_backfill_is_previewed_started_read_and_cancelled(api: DocumentedClient, job: Job) -> None:
    at = f"/api/v1/jobs/{job.pk}/backfill"
    preview = api.send("POST", at, {**RANGE, "dry_run": True}).json()
    assert (preview["n_instants"], preview["n_would_start"], preview["is_more"]) == (3, 3, False)
    assert not Backfill.objects.exists()

    response = api.send("POST", at, {**RANGE, "pace": "10s"})
    assert (response.status_code, response.json()["state"], response.json()["actor"]) == (
        202,
        "open",
        "admin (key tests)",
    )
    started = Backfill.objects.get()
    assert started.due_at is not None
    step_once(started.due_at)
    shown = api.get(response["Location"]).json()
    assert (shown["n_opened"], shown["cursor_at"], shown["runs"]) == (1, "2026-11-20T09:00:00Z", {"held": 1})
    run = api.get(f"/api/v1/runs/{Run.objects.get(origin='backfill').pk}").json()
    assert (run["backfill_id"], run["origin"], run["nominal_at"]) == (shown["id"], "backfill", "2026-11-20T09:00:00Z")
    assert [each["id"] for each in api.get(f"{at}s").json()["results"]] == [shown["id"]]

    cancelled = api.post(f"{response['Location']}/cancel").json()
    assert (cancelled["state"], cancelled["runs"]) == ("cancelled", {"cancelled": 1})
    problem_of(api.post(f"{response['Location']}/cancel"), 409)


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"until": "2999-01-01T00:00:00Z"}, "until"),
        ({"after": "2026-11-20T11:00:00Z"}, "after"),
        ({"after": "2026-11-20T08:00:00"}, "after"),
        ({"after": 0}, "after"),
        ({"after": 1.5}, "after"),
        ({"after": "0"}, "after"),
        ({"after": True}, "after"),
        ({"until": 1763712000}, "until"),
        ({"mode": "some"}, "mode"),
        ({"mode": "gaps", "after": "2020-01-01T00:00:00Z"}, "after"),
        ({"pace": "5d"}, "pace"),
        ({"overlap": "cancel_other"}, "overlap"),
        ({"max_runs": 0}, "max_runs"),
        ({"modes": "all"}, "modes"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_an_invalid_backfill_is_refused_at_its_field(
    api: DocumentedClient, job: Job, change: dict[str, object], field: str, dry_run: bool
) -> None:
    answer = api.send("POST", f"/api/v1/jobs/{job.pk}/backfill", {**RANGE, **change, "dry_run": dry_run})
    assert fields_of(answer) == [field]
    assert not Backfill.objects.exists()


def test_a_job_without_a_schedule_or_an_unknown_job_cannot_be_backfilled(api: DocumentedClient) -> None:
    by_hand = make_job(schedule={"kind": "none"})
    problem_of(api.send("POST", f"/api/v1/jobs/{by_hand.pk}/backfill", RANGE), 409)
    for path in (f"jobs/{uuid4()}/backfill", f"backfills/{uuid4()}/cancel"):
        problem_of(api.send("POST", f"/api/v1/{path}", RANGE if "jobs" in path else {}), 404)
    for path in (f"jobs/{uuid4()}/backfills", f"backfills/{uuid4()}"):
        problem_of(api.get(f"/api/v1/{path}"), 404)
