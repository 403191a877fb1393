"""Backfills as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.urls import reverse
from pydantic import Field

from access.api.parameters import Instant, PageParameters
from access.api.schema import Shape
from executions import history
from executions.api import JOB_ID, JobName
from executions.policies import Overlap
from executions.states import RunStatus
from schedules.backfills import backfill
from schedules.models import Backfill, BackfillMode, BackfillState
from values.duration_field import Duration

BACKFILL_ID = "019a9f93-1100-7a52-8d11-3f0b5c6d7e8f"


class BackfillRequest(Shape):
    """A range of a job's past: the instants later than `after`, up to and with `until`."""

    after: Instant
    until: Instant = Field(description="Not in the future.")
    mode: BackfillMode = Field(
        BackfillMode.ALL,
        description="`all`: each instant. `failed`: those whose latest run failed or was cancelled. `missing`: those of "
        "which nothing started. `gaps`: those without any record. What no beat has decided yet, as the job is paused, is "
        "neither.",
    )
    pace: Duration | None = Field(None, description="Time between two starts; null: as many as may.")
    overlap: Overlap | None = Field(
        None,
        description="In place of the job's: `skip`, `buffer_one`, `buffer_all` or `allow`. Null: `buffer_all`, one "
        "after the other.",
    )
    max_runs: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = Field(
        None, description="So many runs are opened at the most, the earliest ones."
    )
    dry_run: Annotated[bool, Field(strict=True)] = Field(False, description="Open nothing: say what would be opened.")

    def wanted(self) -> backfill.BackfillRequest:
        """Return what the clock side makes of it."""
        overlap = self.overlap or Overlap.BUFFER_ALL
        return backfill.BackfillRequest(self.after, self.until, self.mode, self.pace, overlap, self.max_runs)


class BackfillForesight(Shape):
    """What a backfill would open."""

    dry_run: Literal[True]
    n_instants: int = Field(
        description="Instants of the range, counted up to 100,000 (fewer with many specs), or until `max_runs` is reached."
    )
    is_more: bool = Field(description="Whether the range holds more than those.")
    n_would_start: int
    n_passed_over: int = Field(description="Instants that the mode does not ask for.")
    first_at: datetime | None = Field(description="The first of those that would start.")
    last_at: datetime | None


class BackfillLinks(Shape):
    job: str


class BackfillShape(Shape):
    """A backfill, and how far it has come."""

    id: UUID
    job: JobName
    actor: str
    after: datetime
    until: datetime
    mode: BackfillMode
    pace: Duration | None
    overlap: Overlap
    max_runs: int | None
    state: BackfillState = Field(description="`done`: every instant was looked at; its last runs may still go on.")
    n_instants: int = Field(description="Instants of the range, counted up to 100,000 (fewer with many specs).")
    n_opened: int = Field(description="Runs opened so far.")
    n_passed_over: int = Field(description="Instants so far that the mode does not ask for.")
    cursor_at: datetime = Field(description="Every instant up to this one has been looked at.")
    created_at: datetime
    finished_at: datetime | None
    links: BackfillLinks


class BackfillDetail(BackfillShape):
    """A backfill, whole."""

    runs: dict[RunStatus, int] = Field(description="How many of its runs have which status.")


class BackfillPage(Shape):
    next: str | None
    previous: str | None
    results: list[BackfillShape]


class BackfillFilters(PageParameters):
    """What backfills can be filtered by."""


ASKED: dict[str, Any] = {
    "What would start": {"after": "2026-01-01T00:00:00Z", "until": "2026-01-08T00:00:00Z", "dry_run": True},
    "A week, one each 10 seconds": {
        "after": "2026-01-01T00:00:00Z",
        "until": "2026-01-08T00:00:00Z",
        "pace": "10s",
    },
}
EXAMPLE: dict[str, Any] = {
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
DETAIL: dict[str, Any] = {**EXAMPLE, "runs": {"running": 1}}
FORESIGHT: dict[str, Any] = {
    "dry_run": True,
    "n_instants": 7,
    "is_more": False,
    "n_would_start": 2,
    "n_passed_over": 5,
    "first_at": "2026-01-03T07:30:00Z",
    "last_at": "2026-01-06T07:30:00Z",
}


def foresight_of(found: backfill.BackfillPreview) -> BackfillForesight:
    """Return what a backfill would open as the API shows it."""
    return BackfillForesight(
        dry_run=True,
        n_instants=found.n_instants,
        is_more=found.is_more,
        n_would_start=found.n_would_start,
        n_passed_over=found.n_passed_over,
        first_at=found.first_at,
        last_at=found.last_at,
    )


def detail_of(row: Backfill) -> BackfillDetail:
    """Return a backfill whole; counts its runs."""
    return BackfillDetail(**_fields(row), runs=history.count_by_status(row.pk))


def backfill_of(row: Backfill) -> BackfillShape:
    """Return a backfill as a list shows it."""
    return BackfillShape(**_fields(row))


def _fields(row: Backfill) -> dict[str, Any]:
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
