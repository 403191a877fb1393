"""What follows when runs end, or are held: one pass over what was left to be followed up.

The end of a run and the note that something may follow are one statement, and what follows and the note's removal one
transaction: so it follows once, whatever is killed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from executions import runs
from executions.database import is_away, is_of_no_key, one_line, take_apart
from executions.lifecycle import admission
from executions.policies.overlap import GoingOn, Together
from executions.states import Origin, Reason, RunStatus
from schedules import flags, queries, triggers
from schedules.backfills import backfill
from schedules.backfills import queries as backfills_queries
from schedules.clock.delay import next_after_run
from schedules.clock.spec import Kind
from schedules.exceptions import JobConflict
from schedules.jobs import chains
from schedules.models import Job, JobState
from schedules.tick import PUSHED_BACK_FOR, RUNS_A_PASS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

BUSY = timedelta(milliseconds=50)  # a job is in somebody's hands: look again then


@dataclass(frozen=True, slots=True)
class Followed:
    """Counts of one pass: what was looked at, held runs decided upon, runs opened, and whether there may be more.

    `n_broken`: what failed alone.
    """

    n_followups: int = 0
    n_decided: int = 0
    n_opened: int = 0
    more: bool = False
    n_broken: int = 0

    def __add__(self, other: Followed) -> Followed:
        return Followed(
            self.n_followups + other.n_followups,
            self.n_decided + other.n_decided,
            self.n_opened + other.n_opened,
            self.more or other.more,
            self.n_broken + other.n_broken,
        )


@dataclass(frozen=True, slots=True)
class Chained:
    """A job that starts after a run has ended."""

    job: Job
    run_id: UUID
    ended_at: datetime


@dataclass(slots=True)
class Ends:
    """What becomes of the follow-ups of runs that have ended: those in none of the sets are done with."""

    busy: set[runs.Followup] = field(default_factory=set)  # a job is locked by somebody else
    broken: set[runs.Followup] = field(default_factory=set)  # a job that cannot be read
    left: set[runs.Followup] = field(default_factory=set)  # for the next pass: this one has enough to do
    chained: list[Chained] = field(default_factory=list)

    @property
    def again(self) -> set[runs.Followup]:
        return self.busy | self.broken | self.left


def follow_once(now: datetime, limit: int) -> Followed:
    """Follow up to `limit` notes: what the end of a run leads to, then what is held and may start.

    1. Lock what is due to be followed up and nobody else has, and the jobs that it is about.
    2. Of each run that has ended: pause its job after so many failures, and start the jobs of its chains.
    3. Let held runs start as far as there is room now.
    4. Drop the notes that are done with. All of it commits together, or not at all.
    5. If it does not, find the notes that are to blame, and follow the others.
    """
    try:
        with transaction.atomic():
            found = runs.take_followups(now, limit)
            followed = _follow(found, now)
            return replace(followed, more=followed.more or len(found) == limit)
    except Exception as error:
        if is_away():
            raise
        log.warning("pass_taken_apart", action="follow", error=one_line(error))
        return _follow_apart(runs.due_followups(now, limit), now)


def _follow_apart(ids: Sequence[int], now: datetime) -> Followed:
    """Follow notes in ever smaller parts; one that fails alone is looked at again later."""
    parts, faults = take_apart(lambda some: _follow(runs.take_followups_among(some, now), now), ids)
    if is_of_no_key(parts, faults):
        log.error("pass_failed", action="follow", n_followups=len(faults), error=one_line(next(iter(faults.values()))))
        return Followed(n_broken=len(faults))
    for followup_id, error in faults.items():
        log.error("followup_pushed_back", action="push_back", followup=followup_id, exc_info=error)
    take_apart(lambda some: runs.postpone_followups(some, now + PUSHED_BACK_FOR), list(faults))
    return sum(parts, Followed(len(faults), n_broken=len(faults)))


def _follow(found: Sequence[runs.Followup], now: datetime) -> Followed:
    if not found:
        return Followed()
    ends = _after_ends({followup.run_id: followup for followup in found if followup.run_id}, now)
    n_opened = _open_chained(ends.chained, now)
    ready = [followup for followup in found if followup not in ends.again]
    admitted = admission.admit(
        {followup.job_id for followup in ready},
        {followup.concurrency_key for followup in ready if followup.concurrency_key},
        {followup.rate_key for followup in ready if followup.rate_key},
        now,
    )
    runs.postpone_followups([followup.id for followup in ends.busy], now + BUSY)
    runs.postpone_followups([followup.id for followup in ends.broken], now + PUSHED_BACK_FOR)
    kept = {followup.about: followup for followup in ready if not admitted.more_of.isdisjoint(followup.about)}
    runs.drop_followups({*ready} - {*kept.values()})
    if kept:
        runs.keep_followups(kept.values(), now)
    runs.follow_up(admitted.later)
    return Followed(len(found), admitted.n_decided, n_opened, bool(kept or n_opened or ends.left))


def _after_ends(ended: Mapping[UUID, runs.Followup], now: datetime) -> Ends:
    """Do what follows for the jobs of runs that have ended, and find which jobs start after them."""
    ends = Ends()
    if not ended:
        return ends
    started_by = chains.started_by({followup.job_id for followup in ended.values()})
    wanted = {followup.job_id for followup in ended.values()}
    wanted |= {job_id for followers in started_by.values() for job_id, _ in followers}
    locked = set(queries.lock_free_jobs(wanted))
    jobs = Job.objects.select_related("spec").in_bulk(wanted)
    backfills: set[UUID] = set()
    for run in runs.Run.objects.filter(pk__in=ended).order_by("finished_at", "pk"):
        followers = [
            jobs[job_id]
            for job_id, on in started_by.get(run.job_id, ())
            if run.status in on.statuses and not run.backfill_id and job_id in jobs
        ]
        about = [jobs[run.job_id], *followers] if run.job_id in jobs else followers
        if any(job.pk not in locked for job in about):
            ends.busy.add(ended[run.pk])
        elif not all(map(_is_readable, about)):
            ends.broken.add(ended[run.pk])
        elif len(ends.chained) >= RUNS_A_PASS:
            ends.left.add(ended[run.pk])
        else:
            if run.job_id in jobs:
                _set_next(jobs[run.job_id], run)
                _pause_if_failing(jobs[run.job_id], run, now)
            ends.chained += [Chained(job, run.pk, run.finished_at or now) for job in followers]
            if run.backfill_id:
                backfills.add(run.backfill_id)
    if backfills:
        backfills_queries.wake_backfills(backfills, now, backfill.LOW)
    return ends


def _open_chained(chained: Sequence[Chained], now: datetime) -> int:
    """Open a run of each job that starts after a run, under its policies; returns how many there are."""
    policies = {one.job.pk: one.job.policies for one in chained}
    going_on = runs.going_on(list(policies))
    off = flags.off({each.feature_flag for each in policies.values() if each.feature_flag})
    together = {job_id: Together(each.overlap, going_on.get(job_id, GoingOn())) for job_id, each in policies.items()}
    for one in chained:
        is_off = policies[one.job.pk].feature_flag in off
        reason = Reason.PAUSED if _was_paused(one) else Reason.FEATURE_OFF if is_off else None
        together[one.job.pk].add(reason)
    runs.stop_others({job_id: each.stops for job_id, each in together.items() if each.stops}, now)
    decisions = {job_id: iter(each.decisions) for job_id, each in together.items()}
    taken: set[tuple[UUID, datetime]] = set()
    new = []
    for one in chained:
        job, nominal_at = one.job, one.ended_at
        decision = next(decisions[job.pk])
        while (job.pk, nominal_at) in taken:
            nominal_at += runs.MICROSECOND
        taken.add((job.pk, nominal_at))
        run = runs.NewRun(
            scope_id=job.scope_id,
            job_id=job.pk,
            spec_id=job.spec_id,
            nominal_at=nominal_at,
            origin=Origin.CHAIN,
            reason=decision.reason,
            caused_by=one.run_id,
            is_buffered=decision.is_held,
        )
        new.append(run if decision.reason else runs.under(run, policies[job.pk]))
    return len(runs.open_all(new, now))


def _was_paused(one: Chained) -> bool:
    """Whether its job was paused as the run ended, or has been resumed since, which leaves behind what came before."""
    job = one.job
    if job.state == JobState.PAUSED:
        return job.paused_at is not None and job.paused_at < one.ended_at
    return job.resumed_at is not None and one.ended_at <= job.resumed_at


def _is_readable(job: Job) -> bool:
    if not job.is_readable:  # it waits for a version that can read it, and keeps nobody waiting
        log.error("job_pushed_back", action="push_back", job=str(job.pk), name=job.name, error=job.unreadable)
    return job.is_readable


def _set_next(job: Job, run: runs.Run) -> None:
    """Of a delay, the end of its run says when the next occurrence is."""
    spec = job.schedule_spec
    waits = spec.kind is Kind.DELAY and job.next_run_at is None and job.state != JobState.ENDED
    if not waits or run.origin != Origin.SCHEDULE or run.finished_at is None:
        return
    if runs.has_scheduled(job.pk):
        return  # this one is of before the schedule was changed
    job.next_run_at = next_after_run(spec, run.finished_at, job.mark_at)
    if job.next_run_at is None:
        job.state = JobState.ENDED
    job.save(update_fields=["next_run_at", "state"])
    runs.wake_beat()


def _pause_if_failing(job: Job, run: runs.Run, now: datetime) -> None:
    most = job.policies.pause_after_failures
    if most is None or run.status != RunStatus.FAILED or job.state == JobState.PAUSED:
        return
    latest = runs.Run.objects.filter(job_id=job.pk, status__in=(RunStatus.SUCCEEDED, RunStatus.FAILED)).order_by(
        "-nominal_at"
    )
    if job.resumed_at:
        latest = latest.filter(nominal_at__gt=job.resumed_at)
    statuses = list(latest.values_list("status", flat=True)[:most])
    if len(statuses) == most and set(statuses) == {RunStatus.FAILED}:
        text = "Its last run failed." if most == 1 else f"Its last {most} runs failed."
        with suppress(JobConflict):  # its schedule has ended meanwhile, and it starts after no other
            triggers.pause(job.pk, now, actor="", reason=text)
            log.warning("job_paused_after_failures", action="pause", job=str(job.pk), name=job.name, n_failures=most)
        job.refresh_from_db(from_queryset=Job.objects.select_related("spec"))  # for what else has ended in this pass
