"""Lists of runs: what they can be filtered by, and one page of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from django.db.models import Q
from pydantic import BeforeValidator, Field

from access.api.paging import page_of
from access.api.parameters import Instant, PageParameters, split_at_commas
from executions.api.shapes import RunPage, run_of
from executions.ids import EPOCH, MILLISECOND
from executions.models import Run
from executions.states import Origin, Reason, RunStatus

if TYPE_CHECKING:
    from datetime import datetime

    from rest_framework.request import Request


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
    rows = Run.objects.select_related("spec").defer("spec__target", "spec__payload", "spec__policies")
    # A job's runs have an index by nominal instant; all runs together are sorted by the same instant in their ids.
    order = ("-id",) if job_id is None else ("-nominal_at", "-id")
    page = page_of(request, rows.filter(_wanted(filters, job_id)), filters, order)
    return RunPage(next=page.next, previous=page.previous, results=[run_of(row) for row in page.rows])


def _wanted(filters: JobRunFilters, job_id: UUID | None) -> Q:
    wanted = Q() if job_id is None else Q(job_id=job_id)
    if filters.status:
        wanted &= Q(status__in=filters.status)
    if filters.origin:
        wanted &= Q(origin=filters.origin)
    if filters.reason:
        wanted &= Q(reason=filters.reason)
    if filters.nominal_after:
        wanted &= Q(nominal_at__gte=filters.nominal_after, id__gte=_first_id(filters.nominal_after))
    if filters.nominal_before:
        # Ids are cut to the millisecond, so those of the last one begun count as well.
        end = _first_id(filters.nominal_before + MILLISECOND)
        wanted &= Q(nominal_at__lt=filters.nominal_before, id__lt=end)
    return wanted


def _first_id(at: datetime) -> UUID:
    """The lowest id that a run of this instant's millisecond can have."""
    return UUID(int=max((at - EPOCH) // MILLISECOND, 0) << 80)
