"""Every SQL statement of the clock, named, with what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from executions.dispatch import NEXT_DISPATCH, NEXT_EXPIRY, NEXT_FOLLOWUP
from values.database import array, execute, fetch, fetch_planned

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

# tick: jobs whose next instant has come, longest overdue first. Another tick's jobs are passed over.
DUE = """
SELECT job.id, job.scope_id, job.spec_id, job.name, job.mark_at, job.next_run_at, job.resumed_at, job.n_scheduled,
       job.caught_up_at, job.catch_up_begun, job.schedule, spec.policies, spec.target_kind, job.catch_up_from_at,
       job.catch_up_until_at
  FROM schedules_job AS job JOIN executions_runspec AS spec ON spec.id = job.spec_id
 WHERE job.state = 'active' AND job.next_run_at <= %(now)s
 ORDER BY job.next_run_at, job.id LIMIT %(limit)s
   FOR UPDATE OF job SKIP LOCKED
"""

# tick, when a pass has failed: what it was about, to take it apart. It reads nothing that could be the reason.
DUE_NAMES = """
SELECT id, name FROM schedules_job WHERE state = 'active' AND next_run_at <= %(now)s
 ORDER BY next_run_at, id LIMIT %(limit)s
"""
DUE_AMONG = DUE.replace("WHERE", "WHERE job.id = ANY(%(id)s) AND")

# tick.settle: the same for one job, before its definition is changed. Waits for a tick that has it.
ACTIVE = """
SELECT job.id, job.scope_id, job.spec_id, job.name, job.mark_at, job.next_run_at, job.resumed_at, job.n_scheduled,
       job.caught_up_at, job.catch_up_begun, job.schedule, spec.policies, spec.target_kind, job.catch_up_from_at,
       job.catch_up_until_at
  FROM schedules_job AS job JOIN executions_runspec AS spec ON spec.id = job.spec_id
 WHERE job.id = %(id)s AND job.state = 'active'
   FOR UPDATE OF job
"""

# definitions, triggers: the row lock under which a job is changed.
LOCK_JOB = "SELECT id FROM schedules_job WHERE id = %(id)s FOR UPDATE"

# registration: many at a time, or one alone, which no other comes before with one of its keys.
LOCK_REGISTRATION = "SELECT pg_advisory_xact_lock_shared(hashtextextended('schedules_registration', 0))"
LOCK_REGISTRATION_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('schedules_registration', 0))"

# registration: the jobs that are known under these keys, locked in an order that all registrations share.
LOCK_KEYS = """
SELECT id FROM schedules_job WHERE scope_id = %(scope_id)s AND key = ANY(%(key)s) AND key IS NOT NULL
 ORDER BY id FOR UPDATE
"""

# tick: where the clock stands after a pass.
ADVANCE = """
UPDATE schedules_job AS job
   SET mark_at = moved.mark_at, next_run_at = moved.next_run_at, n_scheduled = moved.n_scheduled,
       caught_up_at = moved.caught_up_at, catch_up_begun = moved.catch_up_begun, state = moved.state
  FROM unnest(%(id)s::uuid[], %(mark_at)s::timestamptz[], %(next_run_at)s::timestamptz[], %(n_scheduled)s::int[],
              %(caught_up_at)s::timestamptz[], %(catch_up_begun)s::bool[], %(state)s::text[])
       AS moved (id, mark_at, next_run_at, n_scheduled, caught_up_at, catch_up_begun, state)
 WHERE job.id = moved.id
"""

# tick: a job that cannot be processed is looked at again later, with its mark where it was, and the watchdog hears of it.
PUSH_BACK = """
WITH free AS (
    SELECT id FROM schedules_job WHERE id = ANY(%(id)s) AND next_run_at <= %(now)s FOR UPDATE SKIP LOCKED
), pushed AS (
    UPDATE schedules_job SET next_run_at = %(until)s WHERE id IN (SELECT id FROM free) RETURNING id, mark_at
)
INSERT INTO schedules_stoppage (job_id, why, found_at, stood_at)
SELECT id, 'pushed_back', %(now)s, LEAST(mark_at, '9999-01-01') FROM pushed
ON CONFLICT DO NOTHING
"""

# watchdog: mend a job, unless somebody else works on it just now.
LOCK_JOB_IF_FREE = "SELECT id FROM schedules_job WHERE id = %(id)s FOR UPDATE SKIP LOCKED"

# watchdog: what no run tells of yet.
LOCK_UNNOTED = "SELECT id FROM schedules_stoppage WHERE id = %(id)s AND NOT is_noted FOR UPDATE"

# watchdog: what is over and older than the history. Spans and stoppages are few: one batch a minute keeps up.
PRUNE_SPANS = """
DELETE FROM schedules_schedulespan WHERE id IN (
    SELECT id FROM schedules_schedulespan WHERE until_at < %(before)s ORDER BY until_at, id LIMIT %(limit)s)
"""
PRUNE_STOPPAGES = """
DELETE FROM schedules_stoppage WHERE id IN (
    SELECT id FROM schedules_stoppage WHERE over_at < %(before)s ORDER BY over_at, id LIMIT %(limit)s)
"""

# tick.settle: one that could not be brought up to the present is looked at again at once.
LOOK_AGAIN = """
UPDATE schedules_job SET next_run_at = %(now)s WHERE id = %(id)s AND state = 'active' AND next_run_at > %(now)s
"""

# follow_ups: those of these jobs that nobody else has locked.
LOCK_FREE_JOBS = "SELECT id FROM schedules_job WHERE id = ANY(%(id)s) ORDER BY id FOR UPDATE SKIP LOCKED"

# chains: one at a time changes them, so that no two changes close a circle.
LOCK_CHAINS = "SELECT pg_advisory_xact_lock(hashtextextended('schedules_chain', 0))"
# chains: all that these jobs go back to, as pairs of a job and one after which it starts.
CHAINS_ABOVE = """
WITH RECURSIVE above (source_id, job_id) AS (
    SELECT source_id, job_id FROM schedules_chain WHERE job_id = ANY(%(id)s)
    UNION SELECT chain.source_id, chain.job_id FROM schedules_chain AS chain JOIN above ON chain.job_id = above.source_id
)
SELECT source_id, job_id FROM above
"""

# beat: when the next job is due, and the next run is due to be published, followed up, or over its start deadline.
# No datetime holds an infinite instant, which nothing but SQL by hand can have stored.
NEXT_DUE = "SELECT min(next_run_at) FROM schedules_job WHERE state = 'active' AND next_run_at < 'infinity'"
# timed: when the next of them is due.
NEXT_PAUSE_END = "SELECT min(paused_until_at) FROM schedules_job WHERE state = 'paused' AND paused_until_at IS NOT NULL"
NEXT_BACKFILL = "SELECT min(due_at) FROM schedules_backfill WHERE due_at IS NOT NULL"
NEXT_PAUSE_SET = "SELECT min(due_at) FROM schedules_pauseset WHERE due_at IS NOT NULL"
NEXT = f"""
SELECT CASE WHEN due.at < 'epoch' THEN 'epoch' ELSE due.at END, ({NEXT_DISPATCH}), ({NEXT_FOLLOWUP}), ({NEXT_EXPIRY}),
       LEAST(({NEXT_PAUSE_END}), ({NEXT_BACKFILL}), ({NEXT_PAUSE_SET}))
  FROM ({NEXT_DUE}) AS due (at)
"""

# beat: a lock that somebody holds is not waited for, and those of a beat that was frozen in a pass come free.
LIMIT_WAITING = """
SELECT set_config('lock_timeout', '1s', false), set_config('idle_in_transaction_session_timeout', '4s', false)
"""

# beat: a PeriodicTask row is fired by who read it as it still is. One that is being changed is left alone for now.
MARK_FIRED = """
UPDATE django_celery_beat_periodictask SET last_run_at = %(now)s, total_run_count = %(n_fired)s
 WHERE id = (SELECT id FROM django_celery_beat_periodictask
              WHERE id = %(id)s AND enabled AND last_run_at IS NOT DISTINCT FROM %(stored_at)s::timestamptz
                FOR UPDATE SKIP LOCKED)
"""

# beat: the lease under which one beat at a time fires the PeriodicTask rows. One that would hold for longer than any
# beat asks for is left from before the clock was set back.
TAKE_LEASE = """
INSERT INTO schedules_beatlease AS lease (name, holder, expires_at) VALUES (%(name)s, %(holder)s, %(expires_at)s)
ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
 WHERE lease.holder = EXCLUDED.holder OR lease.expires_at < %(now)s
    OR lease.expires_at > %(now)s::timestamptz + interval '10 minutes'
"""
GIVE_LEASE_BACK = "DELETE FROM schedules_beatlease WHERE name = %(name)s AND holder = %(holder)s"


@dataclass(frozen=True, slots=True)
class DueJob:
    """What one pass needs of a job, under its row lock."""

    id: UUID
    scope_id: int
    spec_id: int
    name: str
    mark_at: datetime
    next_run_at: datetime
    resumed_at: datetime | None
    n_scheduled: int
    caught_up_at: datetime | None
    catch_up_begun: bool
    schedule: str  # JSON, as stored
    policies: str  # JSON, as stored
    target_kind: str
    catch_up_from_at: datetime | None
    catch_up_until_at: datetime | None

    def was_paused_at(self, instant: datetime) -> bool:
        """Whether an occurrence that is due now fell into a pause."""
        return self.resumed_at is not None and instant <= self.resumed_at

    def is_chosen(self, instant: datetime) -> bool:
        """Whether it starts all the same, as who ended the pause wanted it."""
        if self.catch_up_from_at is None or self.catch_up_until_at is None:
            return False
        return self.was_paused_at(instant) and self.catch_up_from_at <= instant <= self.catch_up_until_at


@dataclass(frozen=True, slots=True)
class Advance:
    """Where the clock stands with a job after a pass."""

    id: UUID
    mark_at: datetime
    next_run_at: datetime | None
    n_scheduled: int
    caught_up_at: datetime | None
    catch_up_begun: bool
    state: str


def due_jobs(now: datetime, limit: int) -> list[DueJob]:
    """Lock and return up to `limit` jobs that are due."""
    return [DueJob(*row) for row in fetch(DUE, {"now": now, "limit": limit})]


def due_names(now: datetime, limit: int) -> dict[UUID, str]:
    """Return the names of up to `limit` jobs that are due, by id, locked by somebody or not."""
    return dict(fetch(DUE_NAMES, {"now": now, "limit": limit}))


def due_among(job_ids: Sequence[UUID], now: datetime) -> list[DueJob]:
    """Lock and return those of these jobs that are due."""
    return [DueJob(*row) for row in fetch(DUE_AMONG, {"id": list(job_ids), "now": now, "limit": len(job_ids)})]


def active_job(job_id: UUID) -> DueJob | None:
    """Lock and return one job if it is active, due or not."""
    rows = fetch(ACTIVE, {"id": job_id})
    return DueJob(*rows[0]) if rows else None


def lock_job(job_id: UUID) -> bool:
    """Lock a job's row until the transaction ends; False when there is no such job."""
    return bool(fetch(LOCK_JOB, {"id": job_id}))


def lock_job_if_free(job_id: UUID) -> bool:
    """Lock a job's row until the transaction ends; False when there is no such job, or another has locked it."""
    return bool(fetch(LOCK_JOB_IF_FREE, {"id": job_id}))


def advance(moves: Sequence[Advance]) -> None:
    """Store where the clock stands with these jobs."""
    execute(
        ADVANCE,
        {
            "id": array(move.id for move in moves),
            "mark_at": array(move.mark_at for move in moves),
            "next_run_at": array(move.next_run_at for move in moves),
            "n_scheduled": array(move.n_scheduled for move in moves),
            "caught_up_at": array(move.caught_up_at for move in moves),
            "catch_up_begun": array(move.catch_up_begun for move in moves),
            "state": array(move.state for move in moves),
        },
    )


def push_back(job_ids: Sequence[UUID], now: datetime, until: datetime) -> None:
    """Look at those of these jobs that are due again at `until`, and note for the watchdog that they were pushed back."""
    execute(PUSH_BACK, {"id": list(job_ids), "now": now, "until": until})


def prune(before: datetime, limit: int) -> int:
    """Delete up to `limit` spans and as many stoppages that were over before this instant; returns how many."""
    values = {"before": before, "limit": limit}
    return execute(PRUNE_SPANS, values) + execute(PRUNE_STOPPAGES, values)


def make_due(job_id: UUID, now: datetime) -> None:
    """Let an active job count as due, so that what it may owe is looked at."""
    execute(LOOK_AGAIN, {"id": job_id, "now": now})


NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NextAt:
    """When there is something to do for each pass; `NEVER` when there is nothing."""

    tick: datetime
    dispatch: datetime
    follow: datetime
    expire: datetime
    timed: datetime


def next_at() -> NextAt:
    """Return when there is something to do."""
    return NextAt(*(at or NEVER for at in fetch_planned(NEXT, {})[0]))


def lock_registration(*, alone: bool) -> None:
    """Register until the transaction ends: beside others, or `alone`, when all others are done."""
    fetch(LOCK_REGISTRATION_ALONE if alone else LOCK_REGISTRATION, {})


def lock_keys(scope_id: int, keys: Collection[str]) -> list[UUID]:
    """Lock the jobs that are known under these keys, and return their ids."""
    return [job_id for (job_id,) in fetch(LOCK_KEYS, {"scope_id": scope_id, "key": list(keys)})]


def lock_free_jobs(job_ids: Collection[UUID]) -> list[UUID]:
    """Lock those of these jobs that nobody else has locked, and return their ids."""
    return [job_id for (job_id,) in fetch(LOCK_FREE_JOBS, {"id": list(job_ids)})]


def limit_waiting() -> None:
    """Let no statement of this connection wait long for a lock, and no transaction of it hold one when nothing is done."""
    fetch(LIMIT_WAITING, {})


def lock_unnoted(stoppage_id: int) -> bool:
    """Lock a stoppage until the transaction ends; False: a run tells of it by now."""
    return bool(fetch(LOCK_UNNOTED, {"id": stoppage_id}))


def lock_chains() -> None:
    """Wait until nobody else changes chains, and keep others from it until the transaction ends."""
    fetch(LOCK_CHAINS, {})


def chains_above(job_ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Return all that these jobs go back to: pairs of a source and a job that starts after it."""
    return [(source_id, job_id) for source_id, job_id in fetch(CHAINS_ABOVE, {"id": list(job_ids)})]


def take_lease(name: str, holder: str, now: datetime, expires_at: datetime) -> bool:
    """Take or renew a lease; False while another holds it."""
    return bool(execute(TAKE_LEASE, {"name": name, "holder": holder, "now": now, "expires_at": expires_at}))


def give_lease_back(name: str, holder: str) -> None:
    """End a lease before its time."""
    execute(GIVE_LEASE_BACK, {"name": name, "holder": holder})


def mark_fired(row_id: int, stored_at: datetime | None, now: datetime, n_fired: int) -> bool:
    """Note that a PeriodicTask row is fired; False when it has been, has changed, or is in somebody's hands."""
    return bool(execute(MARK_FIRED, {"id": row_id, "stored_at": stored_at, "now": now, "n_fired": n_fired}))
