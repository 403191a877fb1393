"""Admission: which held runs may start now. Overlap buffers, concurrency limits and rate limits are decided here alone.

A run under one of these is born held, and whatever may let it start (its birth, the end of another run, an instant)
leaves a follow-up, upon which a beat asks here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.db import transaction

from executions.lifecycle import held_queries, transitions
from executions.policies.limits import LimitAction, admit_at, terms
from executions.policies.run_policies import read_policies
from executions.states import Reason
from values.database import execute, fetch, fetch_planned, is_database_unavailable, one_line, split_on_failure
from values.readable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from executions.lifecycle.transitions import NewRun
    from executions.policies.run_policies import RunPolicies

log = structlog.get_logger(__name__)

MAX_RUNS_PER_GROUP = 100  # runs of one job or key, and of the same terms, that one admission looks at


@dataclass(frozen=True, slots=True)
class Waiter:
    """A held run, and what it waits for."""

    run_id: UUID
    job_id: UUID
    is_buffered: bool
    concurrency_key: str
    rate_key: str
    terms: str
    policies: RunPolicies

    @property
    def locks(self) -> frozenset[str]:
        """What no other admission may look at meanwhile."""
        own = f"buffer:{self.job_id}" if self.is_buffered else ""
        return frozenset({self.concurrency_key, self.rate_key, own} - {""})

    @property
    def groups(self) -> frozenset[UUID | str]:
        """The job and the keys in whose turn it is looked at."""
        groups: set[UUID | str] = {self.job_id, self.concurrency_key, self.rate_key}
        return frozenset(groups - {""})


@dataclass(frozen=True, slots=True)
class Later:
    """What is to be looked at again at an instant."""

    job_id: UUID
    concurrency_key: str
    rate_key: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Admitted:
    """How many runs were decided upon, what waits for an instant, and the jobs and keys of which more may start now."""

    n_decided: int = 0
    later: list[Later] = field(default_factory=list)
    more_of: frozenset[UUID | str] = frozenset()


@dataclass(slots=True)
class Judged:
    """What becomes of each held run that is decided upon, of what waits for an instant, and of the rates.

    `left` are those whose turn the next pass decides.
    """

    verdicts: dict[UUID, Reason | None] = field(default_factory=dict)
    later: dict[str, Later] = field(default_factory=dict)
    arrives_at: dict[str, datetime] = field(default_factory=dict)
    left: Sequence[Waiter] = ()


@dataclass(slots=True)
class Room:
    """What goes on just now, and where the rates stand; kept up to date while runs are admitted."""

    of_job: Counter[UUID] = field(default_factory=Counter)
    of_key: Counter[str] = field(default_factory=Counter)
    arrives_at: dict[str, datetime] = field(default_factory=dict)

    def judge(self, waiter: Waiter, now: datetime) -> Reason | bool | datetime:
        """Say what becomes of a run: it starts (True), waits (False), may start at an instant, or never does."""
        concurrency, rate = waiter.policies.concurrency, waiter.policies.rate_limit
        if waiter.is_buffered and self.of_job[waiter.job_id]:
            return False
        if concurrency and self.of_key[waiter.concurrency_key] >= concurrency.limit:
            return Reason.OVER_LIMIT if concurrency.beyond is LimitAction.SKIP else False
        if rate:
            may_at, arrives_at = admit_at(rate, self.arrives_at.get(waiter.rate_key), now)
            if may_at > now:
                return Reason.RATE_LIMITED if rate.beyond is LimitAction.SKIP else may_at
            self.arrives_at[waiter.rate_key] = arrives_at
        self.of_job[waiter.job_id] += 1
        self.of_key[waiter.concurrency_key] += 1
        return True


def apply_policies(new: NewRun, policies: RunPolicies) -> NewRun:
    """Return a run that is to be born with what its policies say: limits, priority, start deadline."""
    concurrency, rate = policies.concurrency, policies.rate_limit
    if not (concurrency or rate or policies.start_deadline) and policies.priority is new.priority:
        return new  # most are, and a herd is thousands
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
    """The same for a run of which everybody knows that it is late."""
    return replace(apply_policies(new, policies), expires_at=None)


def admit(
    job_ids: Collection[UUID], concurrency_keys: Collection[str], rate_keys: Collection[str], now: datetime
) -> Admitted:
    """Let held runs of these jobs and keys start as far as there is room, each group's first ones first.

    Inside a transaction. Higher priority comes first, then the earlier nominal instant.
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
    # Only now is it certain what others have let start. Who came meanwhile has a follow-up of its own.
    waiters = [waiter for waiter in _held(wanted) if waiter.locks <= locked]
    judged = _let_start(waiters, now)
    _set_rates(judged.arrives_at)
    return Admitted(len(judged.verdicts), list(judged.later.values()), _more_of(waiters, judged))


def _more_of(waiters: Sequence[Waiter], judged: Judged) -> frozenset[UUID | str]:
    """The groups of which there may be more than was looked at, and something moves; and those that were left."""
    n_seen: Counter[tuple[UUID | str, str]] = Counter()
    moved: set[tuple[UUID | str, str]] = set()
    for waiter in waiters:
        kinds = [(group, waiter.terms) for group in waiter.groups]
        n_seen.update(kinds)
        if waiter.run_id in judged.verdicts:
            moved.update(kinds)
    full = {group for (group, terms), n in n_seen.items() if n >= MAX_RUNS_PER_GROUP and (group, terms) in moved}
    return frozenset(full).union(*(waiter.groups for waiter in judged.left))


def _let_start(waiters: Sequence[Waiter], now: datetime) -> Judged:
    """Judge these, and write it. A run that the database does not let start takes no place from the others."""
    judged = _judge(waiters, now)
    while refused := _write(judged.verdicts, now):
        for run_id, error in refused.items():
            log.error("cannot_admit", action="admit", run=str(run_id), error=one_line(error))
        waiters = [waiter for waiter in waiters if waiter.run_id not in refused]
        judged = _judge(waiters, now)
    return judged


def _write(verdicts: Mapping[UUID, Reason | None], now: datetime) -> Mapping[UUID, Exception]:
    """Write all of them, or return those that cannot be written even alone; then none is."""
    try:
        with transaction.atomic():
            transitions.release(verdicts, now)
    except Exception:
        if is_database_unavailable() or not (refused := _refused(verdicts, now)):
            raise
        return refused
    return {}


def _refused(verdicts: Mapping[UUID, Reason | None], now: datetime) -> Mapping[UUID, Exception]:
    """Find the runs that cannot be written even alone. None of them is."""
    with transaction.atomic():
        _, faults = split_on_failure(
            lambda ids: transitions.release({id: verdicts[id] for id in ids}, now), list(verdicts)
        )
        transaction.set_rollback(True)
    return faults


def _judge(waiters: Sequence[Waiter], now: datetime) -> Judged:
    room, judged = _room(waiters), Judged()
    started: Counter[str] = Counter()
    stood_at = dict(room.arrives_at)
    for place, waiter in enumerate(waiters):
        match room.judge(waiter, now):
            case datetime() as may_at:
                later = Later(waiter.job_id, waiter.concurrency_key, waiter.rate_key, may_at)
                known = judged.later.setdefault(waiter.rate_key, later)
                judged.later[waiter.rate_key] = min(known, later, key=attrgetter("due_at"))
            case Reason() as reason:
                judged.verdicts[waiter.run_id] = reason
            case True:
                judged.verdicts[waiter.run_id] = None
                started[waiter.terms] += 1
                if started[waiter.terms] >= MAX_RUNS_PER_GROUP:  # of these, the next pass sees who comes next in turn
                    judged.left = waiters[place + 1 :]
                    break
    judged.arrives_at |= {key: at for key, at in room.arrives_at.items() if stood_at.get(key) != at}
    return judged


def _key(given: str | None, job_id: UUID) -> str:
    return f"key:{given}" if given else f"job:{job_id}"


def _held(wanted: Mapping[str, object]) -> list[Waiter]:
    waiters = []
    for run_id, job_id, is_buffered, concurrency_key, rate_key, limits, policies in fetch_planned(
        held_queries.HELD, wanted
    ):
        read = read_policies(policies)
        if isinstance(read, Unreadable):
            # It waits for a version that can, and keeps nobody waiting.
            log.error("cannot_admit", action="admit", run=str(run_id), error=str(read))
        else:
            waiters.append(Waiter(run_id, job_id, is_buffered, concurrency_key, rate_key, limits, read))
    return waiters


def _lock(waiters: Iterable[Waiter]) -> frozenset[str]:
    """Wait for other admissions that look at the same; returns what is locked until the transaction ends."""
    keys: frozenset[str] = frozenset().union(*(waiter.locks for waiter in waiters))
    if keys:
        fetch(held_queries.LOCK_KEYS, {"key": sorted(keys)})
    return keys


def _room(waiters: Sequence[Waiter]) -> Room:
    jobs = list({waiter.job_id for waiter in waiters if waiter.is_buffered})
    keys = list({waiter.concurrency_key for waiter in waiters})
    rates = list({waiter.rate_key for waiter in waiters if waiter.rate_key})
    return Room(
        Counter(dict(fetch_planned(held_queries.COUNT_ACTIVE, {"job_id": jobs}) if jobs else [])),
        Counter(dict(fetch_planned(held_queries.COUNT_OF_KEYS, {"key": keys}))),
        dict(fetch(held_queries.RATES, {"key": rates}) if rates else []),
    )


def _set_rates(arrives_at: dict[str, datetime]) -> None:
    if arrives_at:
        execute(held_queries.SET_RATES, {"key": list(arrives_at), "arrives_at": list(arrives_at.values())})
