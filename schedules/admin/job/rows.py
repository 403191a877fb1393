"""Reads one page of the job list: the rows of the page, and only the keys of the rows before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from access.admin.lists import UncountedChangeList, cut
from access.visibility import Action, caller_of, may, visible
from executions.history import latest_pruned, latest_runs
from executions.runs import Run
from schedules.models import HAS_PRESENT_SPEC, Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest


class JobChangeList(UncountedChangeList):
    """The job list, with the latest run of each job on the page. The runs cost one or two additional queries."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        caller = caller_of(request)
        listed = visible(Job, caller).filter(pk__in=[job.pk for job in self.result_list])
        latest = latest_runs(listed, caller) if may(caller, Action.VIEW, Run) else {}
        without = [job.pk for job in self.result_list if job.pk not in latest]
        pruned = latest_pruned(without, caller) if without and may(caller, Action.VIEW, Run) else {}
        for job in self.result_list:
            job.last_run = latest.get(job.pk) or pruned.get(job.pk)

    def rows(self, start: int, stop: int) -> Iterable[Job]:
        jobs = self.queryset.filter(HAS_PRESENT_SPEC).defer("spec__payload", "spec__payload_as_given")
        if jobs.query.order_by[0] in ("next_run_at", "-next_run_at"):
            return _by_next_run(jobs, start, stop)
        return cut(jobs, jobs[:stop], start)


def _by_next_run(jobs: QuerySet[Job], start: int, stop: int) -> list[Job]:
    """Return the rows `[start:stop]`.

    First come the active jobs that have a next run, in the order of `jobs`; then all other jobs, the newest first. The
    query for the first group uses the index job_due.
    """
    is_due = Q(state=JobState.ACTIVE, next_run_at__isnull=False)
    due = jobs.filter(is_due)
    found = list(cut(due, due[:stop], start))
    if len(found) == stop - start:
        return found
    n_due = start + len(found) if found else due[:start].count()
    others = jobs.filter(~Q(state=JobState.ACTIVE) | Q(next_run_at=None)).order_by("-id")
    return found + list(cut(others, others[: stop - n_due], max(start - n_due, 0)))
