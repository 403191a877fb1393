"""Finds the ended runs that a pass can handle, and locks the jobs that reactions to these runs may change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from executions import runs
from schedules import queries
from schedules.jobs import chains
from schedules.models import Job
from schedules.tick import MAX_RUNS_PER_PASS
from schedules.zone_data import versions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that has ended; its job, or None if the job was deleted; and the jobs that start because the run ended."""

    run: runs.Run
    job: Job | None
    chained_jobs: tuple[Job, ...] = ()

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every job that a reaction to this run may change."""
        return (self.job, *self.chained_jobs) if self.job else self.chained_jobs


@dataclass(slots=True)
class EndedRuns:
    """The ended runs that this pass handles, in the order in which they ended, and the follow-ups that it postpones."""

    ready: list[EndedRun] = field(default_factory=list)
    busy: set[runs.Followup] = field(default_factory=set)  # somebody else has locked one of the jobs
    broken: set[runs.Followup] = field(default_factory=set)  # this version cannot read one of the jobs
    left: set[runs.Followup] = field(default_factory=set)  # for the next pass: this pass opens enough runs already

    @property
    def postponed(self) -> set[runs.Followup]:
        return self.busy | self.broken | self.left


def lock_ended_runs(followups: Mapping[UUID, runs.Followup]) -> EndedRuns:
    """Lock the jobs that a reaction may change, and find the ended runs that this pass can handle.

    `followups`: the follow-ups, by id of the ended run. If somebody else has locked a job of a follow-up, this pass
    postpones the follow-up. Ended runs of the same job share one `Job` object, so a reaction sees the changes of
    earlier reactions.
    """
    found = EndedRuns()
    if not followups:
        return found
    job_ids = {followup.job_id for followup in followups.values()}
    chained_ids = chains.started_by(job_ids)
    wanted = job_ids | {chained_id for links in chained_ids.values() for chained_id, _ in links}
    # Lock before reading: locked rows cannot change until this transaction ends.
    locked = set(queries.lock_free_jobs(wanted))
    jobs = Job.objects.select_related("spec").in_bulk(wanted)
    versions.load({job.zone_data for job in jobs.values()})  # their time zones may be in these versions only
    n_chained = 0
    for run in runs.Run.objects.filter(pk__in=followups).order_by("finished_at", "pk"):
        starts = [
            jobs[chained_id]
            for chained_id, on in chained_ids.get(run.job_id, ())
            # Runs of a backfill start no other job: a backfill repeats the past of one job only.
            if run.status in on.statuses and not run.backfill_id and chained_id in jobs
        ]
        ended = EndedRun(run, jobs.get(run.job_id), tuple(starts))
        if any(job.pk not in locked for job in ended.jobs):
            found.busy.add(followups[run.pk])
        elif not all(map(_is_readable, ended.jobs)):
            found.broken.add(followups[run.pk])
        elif n_chained >= MAX_RUNS_PER_PASS:
            found.left.add(followups[run.pk])
        else:
            found.ready.append(ended)
            n_chained += len(starts)
    return found


def _is_readable(job: Job) -> bool:
    # Log, do not raise: the follow-up is retried until a version can read the job, and delays no other follow-up.
    if not job.is_readable:
        log.error("job_pushed_back", action="push_back", job=str(job.pk), name=job.name, error=job.unreadable)
    return job.is_readable
