"""Decides which due occurrences of a job start. Checks, in this order: pause, catch-up, flag, `max_runs`, overlap.

Reads no database. The input is a locked job with its policies, its live runs, the time, and the names of the flags that
are off. The result is new runs, live runs to stop, and the job's new clock, such as its mark and its next instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import TYPE_CHECKING

from django.conf import settings

from executions import runs
from executions.dispatch import Route, route_of, share_of
from executions.policies import Decision, LiveRuns, Overlap, OverlapPass, Stop
from executions.runs import NewRun
from executions.states import Reason
from schedules import queries
from schedules.clock.due import next_due
from schedules.clock.occurrences import occurrences
from schedules.clock.policies.catch_up import CatchUp, CatchUpLimits, OtherPasses, Verdict, decide_catch_up
from schedules.clock.policies.start_times import Pacing, delayed_starts, jittered
from schedules.clock.rule_change import find_rules
from schedules.clock.spec import Kind, starts_left
from schedules.models import JobState
from schedules.stored import read_clock, read_schedule
from values.durations import MICROSECOND
from values.readable import value_or_raise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from schedules.clock.rule_change import Changed, Rules
    from schedules.clock.spec import ScheduleSpec
    from schedules.policies import JobPolicies
    from schedules.queries import DueJob
    from values.readable import Unreadable

REASONS = {Verdict.MISSED: Reason.MISSED, Verdict.COALESCED: Reason.COALESCED}


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions of one pass on one job: the runs to open, the job's new clock, and the live runs to stop.

    `share`: identifies the resource that the runs use, for their messages.
    `changed`: set if the job changes to another version of the time zone data.
    """

    job: DueJob
    route: Route
    share: str
    new_runs: list[NewRun]
    move: queries.Advance
    stops: Stop | None = None
    changed: Changed | None = None


def plan(
    job: DueJob, policies: JobPolicies | Unreadable, now: datetime, live_runs: LiveRuns, off: Collection[str] = ()
) -> Plan:
    """Decide which of a job's occurrences in (mark, now] start, and compute the job's new mark and next instant.

    Decides at most the first `chunk_size` occurrences; the next pass decides the later ones. `policies`: the job's
    policies. `off`: the names of feature flags that are off. Raises CannotRead.
    """
    policies = value_or_raise(policies)
    rules = rules_at(job, now)
    spec, size = rules.spec, settings.MAINSPRING.chunk_size
    if rules.changed:  # decide at once on all occurrences that are owed: the next pass no longer knows which these are
        size += sum(1 for _ in rules.due(job.next_run_at, job.mark_at))
    due = list(islice(rules.due(job.next_run_at, now), size + 1))
    more = len(due) > size
    due = due[:size]
    n_left = starts_left(spec, job.n_scheduled)
    overlap_pass = OverlapPass(policies.overlap, live_runs)
    with_reasons = list(_with_reasons(job, spec, policies, due, now, more=more))
    for instant, reason_so_far in with_reasons:
        reason = reason_so_far or (Reason.FEATURE_OFF if policies.feature_flag in off else None)
        if reason is None and n_left is not None and overlap_pass.n_started >= n_left:
            break
        overlap_pass.add(reason, _overlap(job, policies, instant))
    # Not strict: once max_runs is reached, there are fewer decisions than instants.
    decided = list(zip(due, overlap_pass.decisions, strict=False))
    n_started = overlap_pass.n_started
    n_left = None if n_left is None else n_left - n_started
    n_scheduled = job.n_scheduled + n_started
    # The mark never moves back, even if the clock was set back, because each instant up to the mark has its row.
    mark_at = due[-1] if more else max(now, job.mark_at)
    waits = spec.kind is Kind.DELAY and n_started > 0 and n_left != 0  # the end of the run sets the next instant
    next_run_at = None if n_left == 0 or waits else next_due(spec, mark_at)
    state = JobState.ACTIVE if next_run_at or waits else JobState.ENDED
    starts, caught_up_at = _starts(job, spec, policies, [at for at, made in decided if not made.reason], now)
    begun = more and _is_begun(job, with_reasons, now)
    # If more is due, fold all skipped instants of this part. Only the last skipped instants of the whole sequence get
    # rows of their own.
    new_runs = list(_rows(job, policies, decided, starts, keep=0 if more else settings.MAINSPRING.fold_after))
    route = route_of(job.target_kind, policies)
    move = queries.Advance(job.id, mark_at, next_run_at, n_scheduled, caught_up_at, begun, state.value, rules.version)
    share = share_of(job.target_kind, job.target)
    return Plan(job, route, share, new_runs, move, overlap_pass.stops, rules.changed)


def _with_reasons(
    job: DueJob, spec: ScheduleSpec, policies: JobPolicies, due: Sequence[datetime], now: datetime, *, more: bool
) -> Iterator[tuple[datetime, Reason | None]]:
    """Yield each due instant with the reason why it does not start.

    The reason is None if the pause and the catch-up policy allow the start. `more`: whether `due` is only the first
    part of all due instants.
    """
    n_paused = sum(job.was_paused_at(instant) for instant in due)
    yield from ((instant, None if job.is_chosen(instant) else Reason.PAUSED) for instant in due[:n_paused])
    open_to_run = due[n_paused:]
    catch_up, grace = policies.catch_up, settings.MAINSPRING.misfire_grace
    n_missed = 0
    if more and catch_up.mode is CatchUp.ALL:
        # Only the latest `max_runs` missed instants run. Count the missed instants that are later than this part.
        missed = occurrences(spec, due[-1], now - grace - MICROSECOND)
        n_missed = sum(1 for _ in islice(missed, catch_up.max_runs))
    limits = CatchUpLimits(grace, catch_up.max_age, catch_up.max_runs)
    others = OtherPasses(more, n_missed, has_begun=job.catch_up_begun)
    verdicts = decide_catch_up(catch_up.mode, open_to_run, now, limits, others)
    yield from ((instant, REASONS.get(verdict)) for instant, verdict in zip(open_to_run, verdicts, strict=True))


def _overlap(job: DueJob, policies: JobPolicies, instant: datetime) -> Overlap:
    """Return `overlap_after_pause` if a pause has delayed the occurrence at `instant`, otherwise `overlap`."""
    return policies.overlap_after_pause if job.is_chosen(instant) else policies.overlap


def _is_begun(job: DueJob, with_reasons: Sequence[tuple[datetime, Reason | None]], now: datetime) -> bool:
    """Whether the last instant in `with_reasons` was missed, and catch-up has selected a run for the same outage.

    This pass or an earlier pass may have selected the run. Runs for instants of a pause do not count.
    """
    missed_before = now - settings.MAINSPRING.misfire_grace
    if with_reasons[-1][0] >= missed_before:
        return False
    return job.catch_up_begun or any(
        reason is None and not job.was_paused_at(instant) for instant, reason in with_reasons
    )


def _starts(
    job: DueJob, spec: ScheduleSpec, policies: JobPolicies, started: Sequence[datetime], now: datetime
) -> tuple[dict[datetime, datetime], datetime | None]:
    """Return the planned start of each instant in `started` that was missed, or that jitter delays beyond `now`.

    Also returns the latest planned start of a missed instant; `job.caught_up_at` if no instant was missed.
    """
    grace, jitter = settings.MAINSPRING.misfire_grace, policies.jitter
    pairs = ((at, jittered(spec, job.id, at, jitter) if jitter else at) for at in started)
    starts = delayed_starts(pairs, now, Pacing(grace, policies.catch_up.between_starts, job.caught_up_at))
    missed = [start_at for at, start_at in starts.items() if at < now - grace]
    return starts, max(missed) if missed else job.caught_up_at


def _rows(
    job: DueJob,
    policies: JobPolicies,
    decided: Sequence[tuple[datetime, Decision]],
    starts: Mapping[datetime, datetime],
    keep: int,
) -> Iterator[NewRun]:
    """Yield one row per occurrence. But many consecutive occurrences that are skipped for the same reason share a row.

    The last `keep` of these consecutive occurrences do not share the row: each has its own row.
    """
    for (reason, is_held), group in groupby(decided, key=lambda pair: (pair[1].reason, pair[1].is_held)):
        instants = [instant for instant, _ in group]
        n_folded = len(instants) - keep if reason and len(instants) > keep + 1 else 0
        if n_folded:
            yield NewRun(
                scope_id=job.scope_id,
                job_id=job.id,
                spec_id=job.spec_id,
                nominal_at=instants[0],
                reason=reason,
                last_nominal_at=instants[n_folded - 1],
                n_occurrences=n_folded,
            )
        for instant in instants[n_folded:]:
            new = NewRun(
                scope_id=job.scope_id,
                job_id=job.id,
                spec_id=job.spec_id,
                nominal_at=instant,
                reason=reason,
                is_buffered=is_held,
                available_at=starts.get(instant),
            )
            # No start deadline for an instant that was chosen to start after a pause: it is late on purpose.
            with_policies = runs.apply_policies_without_deadline if job.is_chosen(instant) else runs.apply_policies
            yield new if reason else with_policies(new, policies)


def rules_at(job: DueJob, now: datetime) -> Rules:
    """Return the rules by which a pass at `now` computes a job's instants. Raises CannotRead."""
    spec, clock = value_or_raise(read_schedule(job.schedule)), read_clock(job.zone_data, job.holds)
    return find_rules(spec, clock, job.zone_data_in_force, job.mark_at, now)
