"""Admission decides which held runs may start. Only this module applies overlap buffers, concurrency and rate limits.

A run that is buffered or has a limit is created as held, together with a follow-up. Further follow-ups are created
when another run of its job or concurrency key ends, and for the instant at which a rate limit allows a start. A beat
calls `admit` with the jobs and the keys of the follow-ups that are due.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, assert_never
from uuid import UUID

import structlog
from django.db import transaction

from executions.lifecycle import held_queries, transitions
from executions.policies.limits import ConcurrencyLimit, LimitAction, RateLimit, admit_at, terms
from executions.policies.run_policies import read_policies
from executions.states import Reason
from values.database import execute, fetch, fetch_planned, is_database_unavailable, one_line, split_on_failure
from values.readable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from executions.lifecycle.types import NewRun
    from executions.policies.run_policies import RunPolicies

log = structlog.get_logger(__name__)

# Maximum number of held runs that one admission reads for one group (a job or key) and the same limits. If more runs
# may start, the follow-up is processed again. So this number limits a transaction, not the number of runs that start.
MAX_RUNS_PER_GROUP = 100


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A held run, with its policies and the keys of its limits."""

    run_id: UUID
    job_id: UUID
    is_buffered: bool
    concurrency_key: str
    rate_key: str
    terms: str
    policies: RunPolicies

    @property
    def locks(self) -> frozenset[str]:
        """The keys that an admission of this run locks.

        The locks keep other admissions from using the same limits or the same overlap buffer at the same time.
        """
        own = f"buffer:{self.job_id}" if self.is_buffered else ""
        return frozenset({self.concurrency_key, self.rate_key, own} - {""})

    @property
    def groups(self) -> frozenset[UUID | str]:
        """The run's job id and keys: `admit` finds the run by each of them."""
        groups: set[UUID | str] = {self.job_id, self.concurrency_key, self.rate_key}
        return frozenset(groups - {""})


@dataclass(frozen=True, slots=True)
class LaterFollowup:
    """A follow-up to create: the rate limit with the key `rate_key` allows a held run to start at `due_at`."""

    job_id: UUID
    concurrency_key: str
    rate_key: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Admitted:
    """The result of `admit`. `n_decided`: number of runs that were queued or skipped. `later`: follow-ups to create.

    `more_of`: jobs and keys with which to call `admit` again.
    """

    n_decided: int = 0
    later: list[LaterFollowup] = field(default_factory=list)
    more_of: frozenset[UUID | str] = frozenset()


@dataclass(slots=True)
class Decisions:
    """The decisions of one admission. `verdicts`: by run id, the reason to skip the run, or None to queue the run.

    `later`: by rate key, the follow-up to create. `arrives_at`: by rate key, the new theoretical arrival time. `left`:
    runs on which the next admission must decide.
    """

    verdicts: dict[UUID, Reason | None] = field(default_factory=dict)
    later: dict[str, LaterFollowup] = field(default_factory=dict)
    arrives_at: dict[str, datetime] = field(default_factory=dict)
    left: Sequence[HeldRun] = ()


@dataclass(frozen=True, slots=True)
class BufferHold:
    """Why a buffered run is held: its job has `n_active` active runs."""

    n_active: int


@dataclass(frozen=True, slots=True)
class ConcurrencyHold:
    """Why a run is held: the number of active runs, `n_active`, has reached the concurrency limit."""

    n_active: int
    limit: ConcurrencyLimit


@dataclass(frozen=True, slots=True)
class RateHold:
    """Why a run is held: the rate limit allows no start before `may_at`."""

    may_at: datetime
    limit: RateLimit


Hold = BufferHold | ConcurrencyHold | RateHold


@dataclass(slots=True)
class Usage:
    """Numbers of active runs by job and by concurrency key, and theoretical arrival times (`admit_at`) by rate key.

    `start` updates the numbers and the times.
    """

    n_by_job: Counter[UUID] = field(default_factory=Counter)
    n_by_key: Counter[str] = field(default_factory=Counter)
    arrives_at: dict[str, datetime] = field(default_factory=dict)

    def hold_of(self, held: HeldRun, now: datetime) -> Hold | None:
        """Return why the run must stay held, or None if the run may start."""
        concurrency, rate = held.policies.concurrency, held.policies.rate_limit
        if held.is_buffered and (n_active := self.n_by_job[held.job_id]):
            return BufferHold(n_active)
        if concurrency and (n_active := self.n_by_key[held.concurrency_key]) >= concurrency.limit:
            return ConcurrencyHold(n_active, concurrency)
        if rate and (may_at := admit_at(rate, self.arrives_at.get(held.rate_key), now)[0]) > now:
            return RateHold(may_at, rate)
        return None

    def start(self, held: HeldRun, now: datetime) -> None:
        """Count the run `held` as active, and count its start for its rate limit."""
        if rate := held.policies.rate_limit:
            _, self.arrives_at[held.rate_key] = admit_at(rate, self.arrives_at.get(held.rate_key), now)
        self.n_by_job[held.job_id] += 1
        self.n_by_key[held.concurrency_key] += 1


def apply_policies(new: NewRun, policies: RunPolicies) -> NewRun:
    """Return `new` with the limits, the priority and the start deadline of the job's policies."""
    concurrency, rate = policies.concurrency, policies.rate_limit
    if not (concurrency or rate or policies.start_deadline) and policies.priority is new.priority:
        return new  # most jobs have none of these, and a pass may create thousands of runs
    from_at = new.available_at or new.nominal_at
    concurrency_key = _key(concurrency.key, new.job_id) if concurrency else ""
    rate_key = _key(rate.key, new.job_id) if rate else ""
    return replace(
        new,
        concurrency_key=concurrency_key,
        rate_key=rate_key,
        terms=terms((concurrency_key, concurrency) if concurrency else None, (rate_key, rate) if rate else None),
        priority=policies.priority,
        expires_at=from_at + policies.start_deadline if policies.start_deadline else None,
    )


def apply_policies_without_deadline(new: NewRun, policies: RunPolicies) -> NewRun:
    """Like `apply_policies`, but without a start deadline: for runs of past instants, which are late on purpose."""
    return replace(apply_policies(new, policies), expires_at=None)


def admit(
    job_ids: Collection[UUID], concurrency_keys: Collection[str], rate_keys: Collection[str], now: datetime
) -> Admitted:
    """Queue the held runs of these jobs and keys, as far as overlap buffers and limits allow.

    A run beyond a limit with `LimitAction.SKIP` is skipped. Runs with a higher priority start first, then runs with an
    earlier nominal instant. One call reads up to MAX_RUNS_PER_GROUP runs of a job or key with the same limits. If more
    runs may start, `more_of` in the result names their jobs and keys. Call inside a transaction.
    """
    wanted = {
        "job_id": list(job_ids),
        "concurrency_key": list(concurrency_keys),
        "rate_key": list(rate_keys),
        "now": now,
        "limit": MAX_RUNS_PER_GROUP,
    }
    locked = _lock(_held(wanted))
    if not locked:
        return Admitted()
    # Read again under the locks: another admission may have started some of these runs while this one waited. A run
    # that appeared meanwhile and needs another lock is left out; it has a follow-up of its own.
    held = [each for each in _held(wanted) if each.locks <= locked]
    decisions = _release(held, now)
    _set_rates(decisions.arrives_at)
    return Admitted(len(decisions.verdicts), list(decisions.later.values()), _more_of(held, decisions))


def _more_of(held: Sequence[HeldRun], decisions: Decisions) -> frozenset[UUID | str]:
    """Return the groups (jobs and keys) to process again, because more of their held runs may start.

    These are the groups of the runs in `decisions.left`, and each full group with a decision. A group is full if
    MAX_RUNS_PER_GROUP of its runs with the same `terms` were read. It has a decision if one of these runs is queued or
    skipped. A full group without a decision must wait until a run ends or a rate limit allows a start.
    """
    n_seen: Counter[tuple[UUID | str, str]] = Counter()
    moved: set[tuple[UUID | str, str]] = set()
    for each in held:
        kinds = [(group, each.terms) for group in each.groups]
        n_seen.update(kinds)
        if each.run_id in decisions.verdicts:
            moved.update(kinds)
    full = {group for (group, terms), n in n_seen.items() if n >= MAX_RUNS_PER_GROUP and (group, terms) in moved}
    return frozenset(full).union(*(each.groups for each in decisions.left))


def _release(held: Sequence[HeldRun], now: datetime) -> Decisions:
    """Decide on these runs and write the verdicts.

    If the verdict on a run cannot be written, decide again without this run.
    """
    decisions = _decide(held, now)
    while failed := _write(decisions.verdicts, now):
        for run_id, error in failed.items():
            log.error("cannot_admit", action="admit", run=str(run_id), error=one_line(error))
        held = [each for each in held if each.run_id not in failed]
        decisions = _decide(held, now)
    return decisions


def _write(verdicts: Mapping[UUID, Reason | None], now: datetime) -> Mapping[UUID, Exception]:
    """Write all verdicts together. If this fails, write none, and return the errors of verdicts that also fail alone.

    Raises if the database is unavailable, or if no verdict fails alone.
    """
    try:
        with transaction.atomic():
            transitions.release(verdicts, now)
    except Exception as error:
        if is_database_unavailable(error) or not (failed := _find_failing(verdicts, now)):
            raise
        return failed
    return {}


def _find_failing(verdicts: Mapping[UUID, Reason | None], now: datetime) -> Mapping[UUID, Exception]:
    """Return the error of each run whose verdict also fails when it is written alone. Rolls back every write."""
    with transaction.atomic():
        _, faults = split_on_failure(
            lambda ids: transitions.release({id: verdicts[id] for id in ids}, now), list(verdicts)
        )
        transaction.set_rollback(True)
    return faults


def _decide(held: Sequence[HeldRun], now: datetime) -> Decisions:
    usage, decisions = usage_of(held), Decisions()
    n_started: Counter[str] = Counter()
    arrived_at = dict(usage.arrives_at)
    for place, each in enumerate(held):
        match usage.hold_of(each, now):
            case ConcurrencyHold(limit=limit) if limit.beyond is LimitAction.SKIP:
                decisions.verdicts[each.run_id] = Reason.OVER_LIMIT
            case RateHold(limit=limit) if limit.beyond is LimitAction.SKIP:
                decisions.verdicts[each.run_id] = Reason.RATE_LIMITED
            case RateHold(may_at):
                later = LaterFollowup(each.job_id, each.concurrency_key, each.rate_key, may_at)
                earliest = decisions.later.setdefault(each.rate_key, later)
                decisions.later[each.rate_key] = min(earliest, later, key=attrgetter("due_at"))
            case BufferHold() | ConcurrencyHold():
                pass
            case None:
                usage.start(each, now)
                decisions.verdicts[each.run_id] = None
                n_started[each.terms] += 1
                if n_started[each.terms] >= MAX_RUNS_PER_GROUP:
                    # Some runs with these limits were not read, and may have a higher priority than the runs that are
                    # left in `held`. The next admission reads all of these runs in order.
                    decisions.left = held[place + 1 :]
                    break
            case _ as never:
                assert_never(never)
    decisions.arrives_at |= {key: at for key, at in usage.arrives_at.items() if arrived_at.get(key) != at}
    return decisions


def _key(given: str | None, job_id: UUID) -> str:
    return f"key:{given}" if given else f"job:{job_id}"


def _held(wanted: Mapping[str, object]) -> list[HeldRun]:
    held = []
    for run_id, job_id, is_buffered, concurrency_key, rate_key, limits, policies in fetch_planned(
        held_queries.HELD, wanted
    ):
        read = read_policies(policies)
        if isinstance(read, Unreadable):
            # Another version of the code wrote the policies. The run stays held for that version. Other runs may start.
            log.error("cannot_admit", action="admit", run=str(run_id), error=str(read))
        else:
            held.append(HeldRun(run_id, job_id, is_buffered, concurrency_key, rate_key, limits, read))
    return held


def _lock(held: Iterable[HeldRun]) -> frozenset[str]:
    """Lock the keys of these runs until the transaction ends. Returns the keys. Waits for locks of other admissions."""
    keys: frozenset[str] = frozenset().union(*(each.locks for each in held))
    if keys:
        fetch(held_queries.LOCK_LIMIT_KEYS, {"key": sorted(keys)})
    return keys


def usage_of(held: Sequence[HeldRun]) -> Usage:
    """Return the present usage of the limits of these runs. At most three queries."""
    jobs = list({each.job_id for each in held if each.is_buffered})
    keys = list({each.concurrency_key for each in held if each.concurrency_key})
    rates = list({each.rate_key for each in held if each.rate_key})
    return Usage(
        Counter(dict(fetch_planned(held_queries.COUNT_ACTIVE, {"job_id": jobs}) if jobs else [])),
        Counter(dict(fetch_planned(held_queries.COUNT_OF_KEYS, {"key": keys}) if keys else [])),
        dict(fetch(held_queries.RATES, {"key": rates}) if rates else []),
    )


def _set_rates(arrives_at: dict[str, datetime]) -> None:
    if arrives_at:
        execute(held_queries.SET_RATES, {"key": list(arrives_at), "arrives_at": list(arrives_at.values())})
