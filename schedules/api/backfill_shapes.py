"""Request and response bodies of backfills."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.urls import reverse
from pydantic import Field

from access.api.parameters import Instant
from access.api.schema import PageShape, Shape
from executions import history
from executions.api import JOB_ID, JobName
from executions.policies import Overlap
from executions.states import RunStatus
from schedules import models
from schedules.backfills import backfill, requests
from schedules.models import BackfillMode, BackfillState
from values.duration_field import Duration

COUNTED_UP_TO = (
    f"counted up to {backfill.MAX_INSTANTS_COUNTED:,} (up to a lower limit if the schedule has several `specs` or its "
    "instants are hard to compute)"
)
BACKFILL_ID = "019a9f93-1100-7a52-8d11-3f0b5c6d7e8f"


class BackfillRequest(Shape):
    """The request for a backfill: a range of past instants of a job, and how their runs start."""

    after: Instant = Field(description="Start of the range, excluded.")
    until: Instant = Field(description="End of the range, included. It must not be in the future.")
    mode: BackfillMode = Field(
        BackfillMode.ALL,
        description="Which instants of the range get a run. `all`: every instant. `failed`: instants whose latest run "
        "failed or was cancelled. `missing`: instants whose latest run was skipped, and instants without a record. "
        "`gaps`: instants without a record. No mode selects an instant with a live run. `missing` and `gaps` ignore "
        "instants before the creation of the job, and instants during a pause that has not ended. Only `all` allows a "
        "range that starts before the retention period.",
    )
    pace: Duration | None = Field(
        None,
        description="Minimum time between the creation of two runs. A created run may be held and start later. Null: "
        "runs start as soon as `overlap` and the limits allow.",
    )
    overlap: Overlap | None = Field(
        None,
        description="Overlap policy of the backfill's runs, used instead of the job's policy: `skip`, `buffer_one`, "
        "`buffer_all` or `allow`. Null: `buffer_all`, which starts one run after the other.",
    )
    max_runs: Annotated[int, Field(strict=True, ge=1, le=requests.MAX_RUNS)] | None = Field(
        None, description="Maximum number of runs. The earliest instants come first. Null: no limit."
    )
    dry_run: Annotated[bool, Field(strict=True)] = Field(
        False, description="If true, change nothing and return a preview."
    )

    def to_request(self) -> requests.BackfillRequest:
        """Convert this body for the package `schedules.backfills`. If `overlap` is null, it becomes `buffer_all`."""
        overlap = self.overlap or Overlap.BUFFER_ALL
        return requests.BackfillRequest(self.after, self.until, self.mode, self.pace, overlap, self.max_runs)


class BackfillPreview(Shape):
    """The preview of a backfill."""

    dry_run: Literal[True]
    n_instants: int = Field(
        description=f"Number of instants in the range, {COUNTED_UP_TO}. The count also stops after the instant of the "
        "last run that `max_runs` allows."
    )
    is_more: bool = Field(description="Whether the range has more instants than were counted.")
    n_would_start: int = Field(
        description="Number of runs that would be created for the counted instants. The policy `overlap` may skip some "
        "of these runs."
    )
    n_passed_over: int = Field(description="Number of counted instants that the mode does not select.")
    first_at: datetime | None = Field(
        description="The first counted instant for which a run would be created, or null."
    )
    last_at: datetime | None = Field(description="The last counted instant for which a run would be created, or null.")


class BackfillLinks(Shape):
    job: str = Field(description="URL of the job.")


class Backfill(Shape):
    """A backfill and its progress."""

    id: UUID
    job: JobName
    actor: str = Field(description="Who started the backfill.")
    after: datetime = Field(description="Start of the range, excluded.")
    until: datetime = Field(description="End of the range, included.")
    mode: BackfillMode = Field(description="Which instants of the range get a run.")
    pace: Duration | None = Field(description="Minimum time between the creation of two runs; null for no minimum.")
    overlap: Overlap = Field(description="Overlap policy of the backfill's runs.")
    max_runs: int | None = Field(description="Maximum number of runs; null for no limit.")
    state: BackfillState = Field(
        description="`open`: the backfill still creates runs. `done`: every instant has been handled, or `max_runs` "
        "runs were created; the last runs may still be live. `cancelled`: the backfill creates no more runs."
    )
    n_instants: int = Field(description=f"Number of instants in the range, {COUNTED_UP_TO}.")
    n_opened: int = Field(description="Number of runs created so far.")
    n_passed_over: int = Field(description="Number of handled instants that the mode does not select.")
    cursor_at: datetime = Field(description="All instants up to and including this one have been handled.")
    created_at: datetime
    finished_at: datetime | None = Field(description="When the backfill became `done` or `cancelled`; null before.")
    links: BackfillLinks


class BackfillDetail(Backfill):
    """A backfill, its progress, and the number of its runs by status."""

    runs: dict[RunStatus, int] = Field(description="Number of the backfill's runs by status.")


class BackfillPage(PageShape):
    results: list[Backfill]


BACKFILL_REQUESTS: dict[str, Any] = {
    "Preview": {"after": "2026-01-01T00:00:00Z", "until": "2026-01-08T00:00:00Z", "dry_run": True},
    "A week, paced": {
        "after": "2026-01-01T00:00:00Z",
        "until": "2026-01-08T00:00:00Z",
        "pace": "10s",
    },
}
BACKFILL_EXAMPLE: dict[str, Any] = {
    "id": BACKFILL_ID,
    "job": {"id": JOB_ID, "name": "nightly report"},
    "actor": "ann",
    "after": "2026-01-01T00:00:00Z",
    "until": "2026-01-08T00:00:00Z",
    "mode": "failed",
    "pace": "10s",
    "overlap": "buffer_all",
    "max_runs": None,
    "state": "open",
    "n_instants": 7,
    "n_opened": 1,
    "n_passed_over": 2,
    "cursor_at": "2026-01-03T07:30:00Z",
    "created_at": "2026-11-20T12:00:00Z",
    "finished_at": None,
    "links": {"job": f"/api/v1/jobs/{JOB_ID}"},
}
BACKFILL_DETAIL: dict[str, Any] = {**BACKFILL_EXAMPLE, "runs": {"running": 1}}
BACKFILL_PREVIEW: dict[str, Any] = {
    "dry_run": True,
    "n_instants": 7,
    "is_more": False,
    "n_would_start": 2,
    "n_passed_over": 5,
    "first_at": "2026-01-03T07:30:00Z",
    "last_at": "2026-01-06T07:30:00Z",
}


def preview_of(preview: backfill.BackfillPreview) -> BackfillPreview:
    """Return the response for a preview of a backfill."""
    return BackfillPreview(
        dry_run=True,
        n_instants=preview.n_instants,
        is_more=preview.is_more,
        n_would_start=preview.n_would_start,
        n_passed_over=preview.n_passed_over,
        first_at=preview.first_at,
        last_at=preview.last_at,
    )


def detail_of(row: models.Backfill) -> BackfillDetail:
    """Return the response for one backfill. One query counts its runs."""
    return BackfillDetail(**_fields(row), runs=history.count_by_status([row.pk])[row.pk])


def backfill_of(row: models.Backfill) -> Backfill:
    """Return a backfill as an entry of a list."""
    return Backfill(**_fields(row))


def _fields(row: models.Backfill) -> dict[str, Any]:
    return {
        "id": row.pk,
        "job": JobName(id=row.job_id, name=row.job_name),
        "actor": row.actor,
        "after": row.after_at,
        "until": row.until_at,
        "mode": row.mode,
        "pace": row.pace,
        "overlap": row.overlap,
        "max_runs": row.max_runs,
        "state": row.state,
        "n_instants": row.n_instants,
        "n_opened": row.n_opened,
        "n_passed_over": row.n_passed_over,
        "cursor_at": row.cursor_at,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "links": BackfillLinks(job=reverse("job", args=[row.job_id])),
    }
