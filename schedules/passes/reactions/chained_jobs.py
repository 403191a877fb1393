"""After the end of a run: opens a run of each chained job, under the policies of the chained job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from executions import runs
from executions.policies import LiveRuns, OverlapPass
from executions.states import Origin, Reason
from schedules import flags
from schedules.models import Job, JobState
from values.durations import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from executions.policies import Decision
    from schedules.passes.ended_runs import EndedRun
    from schedules.policies import JobPolicies


@dataclass(frozen=True, slots=True)
class _Start:
    """A job that starts because the run `run_id` of another job has ended."""

    job: Job
    run_id: UUID
    ended_at: datetime


def start_chained_jobs(ended: Sequence[EndedRun], now: datetime) -> int:
    """For each entry of `ended`, open a run of each job in its `chained_jobs`.

    Return the number of opened runs. Skipped runs count too.
    """
    starts = [_Start(job, each.run.pk, each.run.finished_at or now) for each in ended for job in each.chained_jobs]
    jobs = {start.job.pk: start.job for start in starts}
    policies = {job_id: job.policies for job_id, job in jobs.items()}
    decisions = _decide(starts, policies, now)
    return len(runs.open_all(_new_runs(starts, policies, decisions), now))


def _decide(starts: Sequence[_Start], policies: Mapping[UUID, JobPolicies], now: datetime) -> list[Decision]:
    """Return a decision for each start, and stop the live runs that new runs replace.

    A decision depends on the pause, the feature flag and the overlap policy of the job.
    """
    live = runs.live_runs(list(policies))
    off = flags.find_off({each.feature_flag for each in policies.values() if each.feature_flag})
    together = {job_id: OverlapPass(each.overlap, live.get(job_id, LiveRuns())) for job_id, each in policies.items()}
    for start in starts:
        is_off = policies[start.job.pk].feature_flag in off
        reason = Reason.PAUSED if _was_paused(start) else Reason.FEATURE_OFF if is_off else None
        together[start.job.pk].add(reason)
    runs.stop_live_runs({job_id: each.stops for job_id, each in together.items() if each.stops}, now)
    # Read the decisions only now: with cancel_other or terminate_other, a later start of a job replaces an earlier
    # start of the same pass.
    decisions = {job_id: iter(each.decisions) for job_id, each in together.items()}
    return [next(decisions[start.job.pk]) for start in starts]


def _new_runs(
    starts: Sequence[_Start], policies: Mapping[UUID, JobPolicies], decisions: Sequence[Decision]
) -> list[runs.NewRun]:
    taken: set[tuple[UUID, datetime]] = set()
    new = []
    for start, decision in zip(starts, decisions, strict=True):
        job, nominal_at = start.job, start.ended_at
        # Runs are unique by job and instant. If two runs ended together, the second start gets the next microsecond.
        while (job.pk, nominal_at) in taken:
            nominal_at += MICROSECOND
        taken.add((job.pk, nominal_at))
        run = runs.NewRun(
            scope_id=job.scope_id,
            job_id=job.pk,
            spec_id=job.spec_id,
            nominal_at=nominal_at,
            origin=Origin.CHAIN,
            reason=decision.reason,
            caused_by=start.run_id,
            is_buffered=decision.is_held,
        )
        new.append(run if decision.reason else runs.apply_policies(run, policies[job.pk]))
    return new


def _was_paused(start: _Start) -> bool:
    """Whether the other job's run ended during the latest pause of this job. If so, the start is skipped.

    The follow-up may be late: since the end of the run, the job may have been paused, resumed, or both.
    """
    job, ended_at = start.job, start.ended_at
    if job.paused_at is not None and ended_at <= job.paused_at:
        return False
    if job.state == JobState.PAUSED:
        return job.paused_until_at is None or ended_at <= job.paused_until_at
    return job.resumed_at is not None and ended_at <= job.resumed_at
