"""The query parameters that filter a list of runs, and the function that returns one page of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from django.db.models import Q
from pydantic import BeforeValidator, Field

from access.api.paging import paginate
from access.api.parameters import Instant, PageParameters, split_at_commas
from access.visibility import caller_of, hidden, visible
from executions.api.shapes import JobRunPage, RunPage, pruned_of, run_of
from executions.history import latest_pruned
from executions.models import DEFINITIONS, INDEXED_ORIGINS, Run, newest_first, nominal_within
from executions.states import Origin, Reason, RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.request import Request

    from access.visibility import Caller


class JobRunFilters(PageParameters):
    """Filters for the runs of one job."""

    status: Annotated[tuple[RunStatus, ...], Field(min_length=1), BeforeValidator(split_at_commas)] | None = Field(
        None, description="Only runs with this status. Separate several statuses with commas."
    )
    origin: Origin | None = None
    reason: Reason | None = Field(None, description="Only runs that were skipped for this reason.")
    nominal_after: Instant | None = Field(None, description="Only runs whose nominal instant is this instant or later.")
    nominal_before: Instant | None = Field(
        None, description="Only runs whose nominal instant is earlier than this instant."
    )


class RunFilters(JobRunFilters):
    """Filters for the runs of all jobs."""

    job: UUID | None = Field(None, description="Only runs of the job with this id, even if the job was deleted.")


def page_of_runs(request: Request, filters: JobRunFilters, job_id: UUID | None) -> RunPage:
    """Return a page of runs, the latest nominal instant first. With `job_id`, return only runs of this job."""
    caller = caller_of(request)
    rows = visible(Run, caller).select_related("spec").defer(*DEFINITIONS, "spec__policies")
    narrowed = bool(job_id or filters.status or filters.reason)
    order = newest_first(origin=filters.origin, narrowed=narrowed)
    statuses = filters.status
    if statuses is None and job_id is None and filters.origin in INDEXED_ORIGINS:
        statuses = tuple(RunStatus)  # the index of origins is ordered by (origin, status, nominal instant)
    page = paginate(request, rows.filter(_wanted(filters, job_id, order)), filters, order, ("status", statuses))
    results = [run_of(row) for row in without_hidden_causes(page.rows, caller)]
    return RunPage(next=page.next, previous=page.previous, results=results)


def page_of_job_runs(request: Request, filters: JobRunFilters, job_id: UUID) -> JobRunPage:
    """Return a page of the runs of a job, and what is left of its last run if retention has deleted this run."""
    page = page_of_runs(request, filters, job_id)
    pruned = latest_pruned([job_id], caller_of(request)).get(job_id)
    return JobRunPage(**dict(page), last_pruned=pruned_of(pruned) if pruned else None)


def without_hidden_causes(rows: Sequence[Run], caller: Caller) -> Sequence[Run]:
    """Set `caused_by` to None in the rows whose causing run is hidden from the caller. Return all rows."""
    unseen = hidden(Run, caller, {row.caused_by for row in rows if row.caused_by})
    for row in rows:
        row.caused_by = None if row.caused_by in unseen else row.caused_by
    return rows


def _wanted(filters: JobRunFilters, job_id: UUID | None, order: Sequence[str]) -> Q:
    wanted = Q() if job_id is None else Q(job_id=job_id)
    if filters.origin:
        wanted &= Q(origin=filters.origin)
    if filters.reason:
        # Only skipped runs have a reason. The index of one job's runs needs the status, the index of all runs does not.
        wanted &= Q(reason=filters.reason) if job_id is None else Q(status=RunStatus.SKIPPED, reason=filters.reason)
    return wanted & nominal_within(filters.nominal_after, filters.nominal_before, order)
