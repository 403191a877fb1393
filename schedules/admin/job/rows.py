"""The job list's own way to its rows, which reads about as many as it shows, however it is filtered and sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from access.admin.lists import UncountedChangeList, cut
from executions.history import latest_runs
from schedules.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest


class JobChangeList(UncountedChangeList):
    """The job list with the latest run of each job on the page: one query more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        latest = latest_runs(Job.objects.filter(pk__in=[job.pk for job in self.result_list]))
        for job in self.result_list:
            job.last_run = latest.get(job.pk)

    def rows(self, start: int, stop: int) -> Iterable[Job]:
        # That a job's definition is the present one is always so, and lets the indexes of these be used.
        jobs = self.queryset.filter(spec__superseded_at=None).defer("spec__payload")
        if jobs.query.order_by[0] in ("next_run_at", "-next_run_at"):
            return _by_next_run(jobs, start, stop)
        return cut(jobs, jobs[:stop], start)


def _by_next_run(jobs: QuerySet[Job], start: int, stop: int) -> list[Job]:
    """Those that are due, by the index that the beats use; after them those that no beat waits for, newest first."""
    is_due = Q(state=JobState.ACTIVE, next_run_at__isnull=False)
    due = jobs.filter(is_due)
    found = list(cut(due, due[:stop], start))
    if len(found) == stop - start:
        return found
    n_due = start + len(found) if found else due[:start].count()
    others = jobs.filter(~Q(state=JobState.ACTIVE) | Q(next_run_at=None)).order_by("-id")
    return found + list(cut(others, others[: stop - n_due], max(start - n_due, 0)))
