"""Lists of runs: what they can be filtered by, and one page of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from django.db.models import Q
from pydantic import BeforeValidator, Field

from access.api.paging import paginate
from access.api.parameters import Instant, PageParameters, split_at_commas
from access.visibility import caller_of, hidden, visible
from executions.api.shapes import RunPage, run_of
from executions.models import INDEXED_ORIGINS, Run, newest_first, nominal_within
from executions.states import Origin, Reason, RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.request import Request

    from access.visibility import Caller


class JobRunFilters(PageParameters):
    """What the runs of one job can be filtered by."""

    status: Annotated[tuple[RunStatus, ...], BeforeValidator(split_at_commas)] | None = Field(
        None, description="One status, or several with commas between them."
    )
    origin: Origin | None = None
    reason: Reason | None = Field(None, description="Why an occurrence did not start.")
    nominal_after: Instant | None = Field(None, description="Nominal instants from this one on.")
    nominal_before: Instant | None = Field(None, description="Nominal instants before this one.")


class RunFilters(JobRunFilters):
    """What all runs can be filtered by."""

    job: UUID | None = Field(None, description="Runs of the job with this id, also of one that was deleted.")


def page_of_runs(request: Request, filters: JobRunFilters, job_id: UUID | None) -> RunPage:
    """Return a page of runs, the latest nominal instant first; of one job when `job_id` is given."""
    caller = caller_of(request)
    rows = visible(Run, caller).select_related("spec").defer("spec__target", "spec__payload", "spec__policies")
    narrowed = bool(job_id or filters.status or filters.reason)
    order = newest_first(origin=filters.origin, narrowed=narrowed)
    statuses = filters.status
    if statuses is None and job_id is None and filters.origin in INDEXED_ORIGINS:
        statuses = tuple(RunStatus)  # the index of origins has the status before the id
    page = paginate(request, rows.filter(_wanted(filters, job_id, order)), filters, order, ("status", statuses))
    results = [run_of(row) for row in without_hidden_causes(page.rows, caller)]
    return RunPage(next=page.next, previous=page.previous, results=results)


def without_hidden_causes(rows: Sequence[Run], caller: Caller) -> Sequence[Run]:
    """Return the runs without the ids of those other jobs' runs that started them and that the caller may not see."""
    unseen = hidden(Run, caller, {row.caused_by for row in rows if row.caused_by})
    for row in rows:
        row.caused_by = None if row.caused_by in unseen else row.caused_by
    return rows


def _wanted(filters: JobRunFilters, job_id: UUID | None, order: Sequence[str]) -> Q:
    wanted = Q() if job_id is None else Q(job_id=job_id)
    if filters.origin:
        wanted &= Q(origin=filters.origin)
    if filters.reason:
        # A reason says as much alone; of one job, the index goes by the status.
        wanted &= Q(reason=filters.reason) if job_id is None else Q(status=RunStatus.SKIPPED, reason=filters.reason)
    return wanted & nominal_within(filters.nominal_after, filters.nominal_before, order)
