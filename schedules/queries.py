"""The SQL statements of jobs, their clocks and the beat, each with its purpose, its callers and the index it needs.

The statements of pauses and backfills are in the `queries.py` of their folders; only their `NEXT_` statements are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from executions.dispatch import NEXT_DISPATCH, NEXT_EXPIRY, NEXT_FOLLOWUP
from values.database import array, execute, fetch, fetch_planned

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

# The columns of a DueJob, in the order of its fields.
DUE_COLUMNS = """job.id, job.scope_id, job.spec_id, job.name, job.mark_at, job.next_run_at, job.resumed_at,
       job.n_scheduled, job.caught_up_at, job.catch_up_begun, job.schedule, spec.policies, spec.target_kind,
       spec.target::text, job.catch_up_from_at, job.catch_up_until_at, job.zone_data, job.holds,
       (SELECT version FROM schedules_zonedatainforce)"""

# tick: lock the jobs that are due, earliest first. SKIP LOCKED, so that several beats share the jobs and never
# wait for each other. Index job_due: the cost depends on the number of due jobs, not on the number of all jobs.
DUE = f"""
SELECT {DUE_COLUMNS}
  FROM schedules_job AS job JOIN executions_runspec AS spec ON spec.id = job.spec_id
 WHERE job.state = 'active' AND job.next_run_at <= %(now)s
 ORDER BY job.next_run_at, job.id LIMIT %(limit)s
   FOR UPDATE OF job SKIP LOCKED
"""

# tick, after a pass has failed: the jobs of that pass. Reads no column whose value may have made the pass fail.
DUE_NAMES = """
SELECT id, name FROM schedules_job WHERE state = 'active' AND next_run_at <= %(now)s
 ORDER BY next_run_at, id LIMIT %(limit)s
"""
# tick, after a pass has failed: the same as DUE, for some of the jobs of that pass.
DUE_AMONG = DUE.replace("WHERE", "WHERE job.id = ANY(%(id)s) AND")

# tick.settle: one active job, due or not, before the job is changed. Waits for a tick that has locked it.
ACTIVE = f"""
SELECT {DUE_COLUMNS}
  FROM schedules_job AS job JOIN executions_runspec AS spec ON spec.id = job.spec_id
 WHERE job.id = %(id)s AND job.state = 'active'
   FOR UPDATE OF job
"""

# definitions, triggers, backfills: the row lock under which a job is changed. Waits for a tick that has locked the job.
LOCK_JOB = "SELECT id FROM schedules_job WHERE id = %(id)s FOR UPDATE"

# registration: take the shared lock, so that many callers can register at the same time; or the exclusive lock, so that
# no other registration can create a job under one of the same keys first.
LOCK_REGISTRATION = "SELECT pg_advisory_xact_lock_shared(hashtextextended('schedules_registration', 0))"
LOCK_REGISTRATION_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('schedules_registration', 0))"

# registration: lock the jobs that have these keys, in the order of their ids. All registrations use this order, so that
# they cannot deadlock.
# `key IS NOT NULL` lets PostgreSQL use the partial unique index job_key.
LOCK_KEYS = """
SELECT id FROM schedules_job WHERE scope_id = %(scope_id)s AND key = ANY(%(key)s) AND key IS NOT NULL
 ORDER BY id FOR UPDATE
"""

# tick, delays: move the clocks of all jobs of a pass, in one statement. The jobs are locked: by DUE, ACTIVE or
# LOCK_FREE_JOBS.
ADVANCE = """
UPDATE schedules_job AS job
   SET mark_at = moved.mark_at, next_run_at = moved.next_run_at, n_scheduled = moved.n_scheduled,
       caught_up_at = moved.caught_up_at, catch_up_begun = moved.catch_up_begun, state = moved.state,
       zone_data = moved.zone_data
  FROM unnest(%(id)s::uuid[], %(mark_at)s::timestamptz[], %(next_run_at)s::timestamptz[], %(n_scheduled)s::int[],
              %(caught_up_at)s::timestamptz[], %(catch_up_begun)s::bool[], %(state)s::text[], %(zone_data)s::text[])
       AS moved (id, mark_at, next_run_at, n_scheduled, caught_up_at, catch_up_begun, state, zone_data)
 WHERE job.id = moved.id
"""

# tick: postpone jobs that cannot be processed, and record a stoppage of each job for the watchdog. The marks stay, so
# no occurrence is lost. SKIP LOCKED: whoever has locked a job since then may have repaired it. A stoppage that is still
# open stays as it is (ON CONFLICT). LEAST: a mark of infinity may be why a job fails, and Python cannot represent it.
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

# stoppages: lock a job to repair it, unless somebody else has locked it: the watchdog tries again in a minute.
LOCK_JOB_IF_FREE = "SELECT id FROM schedules_job WHERE id = %(id)s FOR UPDATE SKIP LOCKED"

# stoppages: lock a stoppage that no run event reports yet, so that two passes do not both write the event.
LOCK_UNNOTED = "SELECT id FROM schedules_stoppage WHERE id = %(id)s AND NOT is_noted FOR UPDATE"

# watchdog: delete spans and stoppages that ended before the history begins. Indexes span_over and stoppage_over. There
# are few such rows: one batch a minute is enough.
PRUNE_SPANS = """
DELETE FROM schedules_schedulespan WHERE id IN (
    SELECT id FROM schedules_schedulespan WHERE until_at < %(before)s ORDER BY until_at, id LIMIT %(limit)s)
"""
PRUNE_STOPPAGES = """
DELETE FROM schedules_stoppage WHERE id IN (
    SELECT id FROM schedules_stoppage WHERE over_at < %(before)s ORDER BY over_at, id LIMIT %(limit)s)
"""

# tick.settle: make a job due that could not be settled, so that the next tick tries again under its new definition.
MAKE_DUE = """
UPDATE schedules_job SET next_run_at = %(now)s WHERE id = %(id)s AND state = 'active' AND next_run_at > %(now)s
"""

# ended_runs: lock the jobs that nobody else has locked, in the order of their ids. SKIP LOCKED: a pass that waited here
# would keep all its other follow-ups locked meanwhile.
LOCK_FREE_JOBS = "SELECT id FROM schedules_job WHERE id = ANY(%(id)s) ORDER BY id FOR UPDATE SKIP LOCKED"

# chains: one transaction at a time changes chains, so that no two changes together close a cycle.
LOCK_CHAINS = "SELECT pg_advisory_xact_lock(hashtextextended('schedules_chain', 0))"
# chains: every chain that leads to one of these jobs, directly or through other jobs, as pairs of a source and the job
# that starts after it. UNION, not UNION ALL: the query ends even if there is a cycle. Index: the unique constraint
# chain_once.
CHAINS_ABOVE = """
WITH RECURSIVE above (source_id, job_id) AS (
    SELECT source_id, job_id FROM schedules_chain WHERE job_id = ANY(%(id)s)
    UNION
    SELECT chain.source_id, chain.job_id FROM schedules_chain AS chain JOIN above ON chain.job_id = above.source_id
)
SELECT source_id, job_id FROM above
"""

# beat: PostgreSQL's clock, and the earliest due time of each kind of work, in one round trip. Each part reads one entry
# of a partial index. 'infinity' is left out, and '-infinity' is raised to 'epoch': Python cannot represent these
# values, which only manual SQL can have stored.
NEXT_DUE = "SELECT min(next_run_at) FROM schedules_job WHERE state = 'active' AND next_run_at < 'infinity'"
# Indexes job_pause_end, backfill_due and pause_set_due.
NEXT_PAUSE_END = "SELECT min(paused_until_at) FROM schedules_job WHERE state = 'paused' AND paused_until_at IS NOT NULL"
NEXT_BACKFILL = "SELECT min(due_at) FROM schedules_backfill WHERE due_at IS NOT NULL"
NEXT_PAUSE_SET = "SELECT min(due_at) FROM schedules_pauseset WHERE due_at IS NOT NULL"
# The table has at most one row.
NEXT_RECOMPUTATION = "SELECT due_at FROM schedules_zonedatainforce"
ZONE_DATA_IN_FORCE = "SELECT version FROM schedules_zonedatainforce"
NEXT = f"""
SELECT ({ZONE_DATA_IN_FORCE}), clock_timestamp(), CASE WHEN due.at < 'epoch' THEN 'epoch' ELSE due.at END,
       ({NEXT_DISPATCH}), ({NEXT_FOLLOWUP}), ({NEXT_EXPIRY}),
       LEAST(({NEXT_PAUSE_END}), ({NEXT_BACKFILL}), ({NEXT_PAUSE_SET}), ({NEXT_RECOMPUTATION}))
  FROM ({NEXT_DUE}) AS due (at)
"""

# beat, once for each connection: no statement waits longer than a second for a lock, and PostgreSQL ends a transaction
# in which a suspended beat has done nothing for four seconds, which frees its locks for other beats.
LIMIT_LOCK_WAITS = """
SELECT set_config('lock_timeout', '1s', false), set_config('idle_in_transaction_session_timeout', '4s', false)
"""

# periodic: record that a PeriodicTask row fires, unless the row has fired or was disabled since this beat read it. A
# beat that was suspended therefore does not fire a row twice. SKIP LOCKED: a row that an admin is changing is checked
# again a second later.
MARK_FIRED = """
UPDATE django_celery_beat_periodictask SET last_run_at = %(now)s, total_run_count = %(n_fired)s
 WHERE id = (SELECT id FROM django_celery_beat_periodictask
              WHERE id = %(id)s AND enabled AND last_run_at IS NOT DISTINCT FROM %(stored_at)s::timestamptz
                FOR UPDATE SKIP LOCKED)
"""

# periodic: take or renew the lease, so that one beat at a time fires the PeriodicTask rows. A lease lasts two seconds.
# A lease that expires more than 10 minutes from now was taken before the clock was set back: ignore it.
TAKE_LEASE = """
INSERT INTO schedules_beatlease AS lease (name, holder, expires_at) VALUES (%(name)s, %(holder)s, %(expires_at)s)
ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
 WHERE lease.holder = EXCLUDED.holder OR lease.expires_at < %(now)s
    OR lease.expires_at > %(now)s::timestamptz + interval '10 minutes'
"""
# periodic, when the beat stops: other beats then do not wait until the lease expires.
GIVE_LEASE_BACK = "DELETE FROM schedules_beatlease WHERE name = %(name)s AND holder = %(holder)s"


@dataclass(frozen=True, slots=True)
class DueJob:
    """The columns that a pass reads from a job's row and from its RunSpec. The pass has locked the job's row."""

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
    target: str  # JSON, as stored
    catch_up_from_at: datetime | None
    catch_up_until_at: datetime | None
    zone_data: str
    holds: str | None  # JSON, as stored
    zone_data_in_force: str | None

    def was_paused_at(self, instant: datetime) -> bool:
        """Whether the job was paused at this due instant."""
        return self.resumed_at is not None and instant <= self.resumed_at

    def is_chosen(self, instant: datetime) -> bool:
        """Whether the occurrence at `instant` was during the last pause, and was chosen to start after the pause."""
        if self.catch_up_from_at is None or self.catch_up_until_at is None:
            return False
        return self.was_paused_at(instant) and self.catch_up_from_at <= instant <= self.catch_up_until_at


@dataclass(frozen=True, slots=True)
class Advance:
    """The state of a job's clock after a pass: the columns that `ADVANCE` writes."""

    id: UUID
    mark_at: datetime
    next_run_at: datetime | None
    n_scheduled: int
    caught_up_at: datetime | None
    catch_up_begun: bool
    state: str
    zone_data: str


def due_jobs(now: datetime, limit: int) -> list[DueJob]:
    """Lock and return up to `limit` due jobs that nobody else has locked, in the order in which they became due."""
    return [DueJob(*row) for row in fetch(DUE, {"now": now, "limit": limit})]


def due_names(now: datetime, limit: int) -> dict[UUID, str]:
    """Map the ids of up to `limit` due jobs to their names. Locked jobs are included."""
    return dict(fetch(DUE_NAMES, {"now": now, "limit": limit}))


def due_among(job_ids: Sequence[UUID], now: datetime) -> list[DueJob]:
    """Lock and return the jobs among `job_ids` that are due and that nobody else has locked."""
    return [DueJob(*row) for row in fetch(DUE_AMONG, {"id": list(job_ids), "now": now, "limit": len(job_ids)})]


def active_job(job_id: UUID) -> DueJob | None:
    """Lock and return a job, due or not; None if it is not active or does not exist. Waits for the lock."""
    rows = fetch(ACTIVE, {"id": job_id})
    return DueJob(*rows[0]) if rows else None


def lock_job(job_id: UUID) -> bool:
    """Lock a job's row until the transaction ends. Waits for the lock. Return False if there is no such job."""
    return bool(fetch(LOCK_JOB, {"id": job_id}))


def lock_job_if_free(job_id: UUID) -> bool:
    """Lock a job's row until the transaction ends; False if there is no such job or somebody else has locked it."""
    return bool(fetch(LOCK_JOB_IF_FREE, {"id": job_id}))


def advance(moves: Sequence[Advance]) -> None:
    """Store the new clock of each job in `moves`. The caller has locked the jobs."""
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
            "zone_data": array(move.zone_data for move in moves),
        },
    )


def push_back(job_ids: Sequence[UUID], now: datetime, until: datetime) -> None:
    """Postpone each of these jobs to `until`, and record a stoppage of the job for the watchdog.

    A job that is not due at `now`, or that somebody else has locked, stays unchanged.
    """
    execute(PUSH_BACK, {"id": list(job_ids), "now": now, "until": until})


def prune(before: datetime, limit: int) -> int:
    """Delete spans and stoppages that ended earlier than `before`, at most `limit` of each.

    Return the number of deleted rows.
    """
    values = {"before": before, "limit": limit}
    return execute(PRUNE_SPANS, values) + execute(PRUNE_STOPPAGES, values)


def make_due(job_id: UUID, now: datetime) -> None:
    """Make an active job due now, so that the next tick handles it. A job without a next instant stays unchanged."""
    execute(MAKE_DUE, {"id": job_id, "now": now})


NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NextAt:
    """PostgreSQL's clock, and when each kind of work is due next; `NEVER` if there is none.

    `tick`: jobs. `dispatch`: runs to publish. `follow`: follow-ups. `expire`: runs past their start deadline.
    `timed`: ends of pauses, steps of backfills and of pause sets. `zone_data`: the version of the time zone data in
    force; None: none yet.
    """

    zone_data: str | None
    database_at: datetime
    tick: datetime
    dispatch: datetime
    follow: datetime
    expire: datetime
    timed: datetime


def next_at() -> NextAt:
    """Return PostgreSQL's clock and when each kind of work is due next. One query, whose plan PostgreSQL caches."""
    zone_data, *times = fetch_planned(NEXT, {})[0]
    return NextAt(zone_data, *(at or NEVER for at in times))


def lock_registration(*, alone: bool) -> None:
    """Take the lock of registrations until the transaction ends: exclusive if `alone`, otherwise shared."""
    fetch(LOCK_REGISTRATION_ALONE if alone else LOCK_REGISTRATION, {})


def lock_keys(scope_id: int, keys: Collection[str]) -> list[UUID]:
    """Lock the jobs of a scope that have these keys, and return their ids. Waits for the locks."""
    return [job_id for (job_id,) in fetch(LOCK_KEYS, {"scope_id": scope_id, "key": list(keys)})]


def lock_free_jobs(job_ids: Collection[UUID]) -> list[UUID]:
    """Lock the jobs among `job_ids` that nobody else has locked, and return their ids."""
    return [job_id for (job_id,) in fetch(LOCK_FREE_JOBS, {"id": list(job_ids)})]


def limit_lock_waits() -> None:
    """Limit how long this connection waits for a lock, and how long its idle transactions keep their locks."""
    fetch(LIMIT_LOCK_WAITS, {})


def lock_unnoted(stoppage_id: int) -> bool:
    """Lock a stoppage until the transaction ends; False if a run event reports it already."""
    return bool(fetch(LOCK_UNNOTED, {"id": stoppage_id}))


def lock_chains() -> None:
    """Take the lock of chains until the transaction ends. Waits until no other transaction has the lock."""
    fetch(LOCK_CHAINS, {})


def chains_above(job_ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Return every chain that leads to these jobs, directly or through other jobs.

    Each chain is a pair of the source and the job that starts after it.
    """
    return [(source_id, job_id) for source_id, job_id in fetch(CHAINS_ABOVE, {"id": list(job_ids)})]


def take_lease(name: str, holder: str, now: datetime, expires_at: datetime) -> bool:
    """Take or renew a lease until `expires_at`. Return False if another holder has the lease."""
    return bool(execute(TAKE_LEASE, {"name": name, "holder": holder, "now": now, "expires_at": expires_at}))


def give_lease_back(name: str, holder: str) -> None:
    """End a lease before it expires, if this holder still has it."""
    execute(GIVE_LEASE_BACK, {"name": name, "holder": holder})


def mark_fired(row_id: int, stored_at: datetime | None, now: datetime, n_fired: int) -> bool:
    """Record that a PeriodicTask row fires.

    Return False if the row has fired since `stored_at`, is disabled, or is locked by another transaction.
    """
    return bool(execute(MARK_FIRED, {"id": row_id, "stored_at": stored_at, "now": now, "n_fired": n_fired}))
