"""The run list. It reads runs by indexes, and never sorts or counts all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef

from access.admin.lists import UncountedChangeList, cut
from access.search import has_part
from access.top_rows import slice_keys
from access.visibility import caller_of, visible
from executions.admin.filters import OriginFilter, StatusFilter
from executions.history import waiting_reasons
from executions.models import BY_INSTANT, INDEXED_ORIGINS, Run, RunSpec
from executions.states import RunStatus
from values.ids import read_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest

MAX_JOBS = 200  # if more jobs match, a scan of the latest runs of all jobs soon finds enough runs for a page


class RunChangeList(UncountedChangeList):
    """Reads one page of runs by an index, even for several statuses or for a search that finds up to MAX_JOBS jobs."""

    jobs: Sequence[UUID] = ()  # up to MAX_JOBS jobs that the search found by part of their name

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str | None] | None = None) -> QuerySet[Run]:
        """Return the runs that match the filters and the search term: a run id, a job id or part of a job's name."""
        rows: QuerySet[Run] = super().get_queryset(request, exclude_parameters)
        term, self.caller = self.query.strip(), caller_of(request)
        if not term:
            return rows
        if wanted := read_id(term):
            if visible(Run, self.caller).filter(pk=wanted).exists():
                return rows.filter(pk=wanted)
            return rows.filter(job_id=wanted).order_by(*BY_INSTANT)
        versions = (
            visible(RunSpec, self.caller).filter(has_part("job_name", term)).order_by("job_id").distinct("job_id")
        )
        jobs = list(versions.values_list("job_id", flat=True)[: MAX_JOBS + 1])
        if len(jobs) > MAX_JOBS:
            return rows.filter(has_part("spec__job_name", term))
        self.jobs = jobs
        return rows.filter(job_id__in=jobs)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        waits = waiting_reasons(self.result_list, self.now)
        for run in self.result_list:
            run.waits = waits.get(run.pk, "")

    def rows(self, start: int, stop: int) -> QuerySet[Run]:
        if self.jobs:
            return cut(self.queryset, self._of_jobs(stop), start)
        found: QuerySet[Run] = self.queryset.filter(
            pk__in=slice_keys(self.queryset, start, stop, "status", self._statuses())
        )
        return found

    def _statuses(self) -> list[str] | None:
        """Return the statuses to query one by one, or None for one query over all statuses.

        The index `run_origin` can be used only for one status at a time.
        """
        chosen = [status for one in self.filter_specs if isinstance(one, StatusFilter) for status in one.chosen()]
        origins = {one.value() for one in self.filter_specs if isinstance(one, OriginFilter)}
        if not chosen and origins & INDEXED_ORIGINS and not self.params.get("job"):
            return list(RunStatus)
        return chosen or None

    def _of_jobs(self, stop: int) -> QuerySet[Run]:
        """Return the latest runs of `self.jobs` that match the filters: up to `stop` runs.

        The query reads up to `stop` runs of each job.
        """
        # Ordered by the instant alone, like the index of a job's runs. With another order, PostgreSQL would sort all
        # runs of each job.
        newest = self.queryset.filter(job_id=OuterRef("job_id")).order_by("-nominal_at").values("pk")[:stop]
        of_each = visible(RunSpec, self.caller).filter(job_id__in=self.jobs).order_by("job_id").distinct("job_id")
        found = of_each.values(found=Func(ArraySubquery(newest), function="unnest"))
        rows: QuerySet[Run] = self.queryset.filter(pk__in=found)
        return rows[:stop]
