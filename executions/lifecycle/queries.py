"""Every SQL statement of the engine's run side, named, with what it is for. No decision is taken here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.states import ACTIVE, LIVE, TERMINAL, TRANSITIONS, RunStatus, before
from values.database import execute

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTIFY_CHANNEL = "mainspring_due"


def among(statuses: Iterable[RunStatus]) -> str:
    """Return a list of statuses as SQL, for `IN (…)`: what may follow on what is said by the table in `states.py`."""
    return ", ".join(f"'{status.value}'" for status in sorted(statuses))


def followed(ended: str) -> str:
    """Return the part of a statement that leaves a follow-up for each run that it ended and that others wait for.

    `ended` has id, job_id, concurrency_key and status. The statement has to read `woken`, so that beats hear of it.
    """
    return f"""followed AS (
    INSERT INTO executions_followup (job_id, run_id, concurrency_key, due_at)
    SELECT ended.job_id, ended.id, ended.concurrency_key, %(now)s FROM {ended} AS ended
     WHERE ended.status IN ({among(TERMINAL)})
       AND (ended.concurrency_key <> ''
            OR EXISTS (SELECT FROM executions_watch AS watch WHERE watch.job_id = ended.job_id))
    RETURNING id
), woken AS (SELECT pg_notify('{NOTIFY_CHANNEL}', '') FROM followed LIMIT 1)"""


# Where another table says which runs are meant: their ids once more, as a constant. By that the planner looks at the
# days of these runs alone, and at these runs in them; what another table holds it does not know.
NAMED = "run.id = ANY(%(id)s::uuid[])"


def is_one_of(statuses: Iterable[RunStatus], run: str = "run") -> str:
    """Return a condition on the status of runs that are named by ids, of which the planner makes no use.

    It takes each status for rare on a day that has just begun, and would read all runs of it to find these few. Some
    indexes have the very same condition, and serve beside it.
    """
    return f"CASE WHEN {run}.status IN ({among(statuses)}) THEN true ELSE false END"


# runs.open_runs: one statement gives birth to a batch and notes it. An occurrence that has its row keeps it.
OPEN = f"""
WITH born AS (
    INSERT INTO executions_run (id, scope_id, job_id, spec_id, origin, retry_of, nominal_at, last_nominal_at,
                                n_occurrences, status, reason, created_at, available_at, planned_at, dispatch_at,
                                finished_at, n_published, caused_by, is_buffered, concurrency_key, rate_key, terms,
                                priority, expires_at, backfill_id)
    SELECT id, scope_id, job_id, spec_id, origin, retry_of, nominal_at, last_nominal_at, n_occurrences, status,
           reason, %(now)s, available_at, CASE WHEN available_at > %(now)s THEN available_at END,
           CASE WHEN status = 'queued' AND available_at > %(now)s THEN available_at
                WHEN status = 'queued' THEN %(dispatch_at)s::timestamptz END,
           CASE WHEN status IN ({among(TERMINAL)}) THEN %(now)s::timestamptz END,
           CASE WHEN available_at <= %(now)s THEN %(n_published)s ELSE 0 END,
           caused_by, is_buffered, concurrency_key, rate_key, terms, priority, expires_at, backfill_id
      FROM unnest(%(id)s::uuid[], %(scope_id)s::bigint[], %(job_id)s::uuid[], %(spec_id)s::bigint[],
                  %(origin)s::text[], %(retry_of)s::uuid[], %(nominal_at)s::timestamptz[],
                  %(last_nominal_at)s::timestamptz[], %(n_occurrences)s::int[], %(status)s::text[], %(reason)s::text[],
                  %(available_at)s::timestamptz[], %(caused_by)s::uuid[], %(is_buffered)s::bool[],
                  %(concurrency_key)s::text[], %(rate_key)s::text[], %(terms)s::text[],
                  %(priority)s::int[], %(expires_at)s::timestamptz[], %(backfill_id)s::uuid[])
        AS new (id, scope_id, job_id, spec_id, origin, retry_of, nominal_at, last_nominal_at, n_occurrences, status,
                reason, available_at, caused_by, is_buffered, concurrency_key, rate_key, terms, priority,
                expires_at, backfill_id)
     WHERE status IN ({among(TRANSITIONS[None])})
    ON CONFLICT DO NOTHING
    RETURNING id, job_id, scope_id, status, reason, available_at, concurrency_key, rate_key
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, reason, actor)
    SELECT id, scope_id, status, %(now)s, reason, %(actor)s FROM born
), held AS (
    INSERT INTO executions_followup (job_id, concurrency_key, rate_key, due_at)
    SELECT DISTINCT job_id, concurrency_key, rate_key, GREATEST(available_at, %(now)s) FROM born WHERE status = 'held'
)
SELECT id FROM born
"""

# transitions.claim: the right to carry out, fenced by the claim number that the message names.
CLAIM = f"""
WITH claimed AS (
    UPDATE executions_run AS run
       SET status = 'running', claim_no = run.claim_no + 1, n_attempts = run.n_attempts + 1, attempt_at = %(now)s,
           started_at = COALESCE(run.started_at, %(now)s), lease_expires_at = %(lease_expires_at)s, worker = %(worker)s,
           dispatch_at = NULL, n_published = 0
      FROM unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS wanted (id, claim_no)
     WHERE run.id = wanted.id AND {NAMED} AND run.claim_no = wanted.claim_no
       AND {is_one_of(before(RunStatus.RUNNING))}
       AND (run.expires_at IS NULL OR run.n_attempts > 0 OR run.expires_at > %(now)s)
    RETURNING run.*
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt)
    SELECT id, scope_id, status, %(now)s, n_attempts FROM claimed
)
SELECT claimed.retry_of, claimed.id, claimed.claim_no, claimed.n_attempts, claimed.n_lost, claimed.nominal_at,
       spec.job_name, spec.target_kind, spec.target, spec.payload, spec.policies
  FROM claimed JOIN executions_runspec AS spec ON spec.id = claimed.spec_id
"""

# transitions.claim: a retry has a nominal instant of its own, for its key; what its target is told is that of the run
# which it carries out again.
ORIGINALS = f"SELECT id, nominal_at FROM executions_run AS run WHERE {NAMED}"

# transitions.finish: the end of an attempt, by the claim that began it; writes the attempt and the event with it.
# A run that was asked to stop is not tried again.
STOPPED = "(run.cancel_requested_at IS NOT NULL AND ending.retry_at IS NOT NULL)"
FINISH = f"""
WITH ended AS (
    UPDATE executions_run AS run
       SET status = CASE WHEN {STOPPED} THEN 'cancelled' ELSE ending.status END,
           started_at = CASE WHEN run.n_attempts = 1 THEN COALESCE(ending.began_at, run.started_at)
                        ELSE run.started_at END,
           finished_at = CASE WHEN {STOPPED} OR ending.retry_at IS NULL THEN COALESCE(ending.ended_at, %(now)s) END,
           dispatch_at = CASE WHEN NOT {STOPPED} THEN ending.retry_at END,
           available_at = COALESCE(ending.retry_at, run.available_at),
           error_code = ending.error_code, error = ending.error,
           lease_expires_at = NULL, n_lost = run.n_lost + (ending.attempt_status = 'lost')::int
      FROM unnest(%(id)s::uuid[], %(claim_no)s::int[], %(status)s::text[], %(attempt_status)s::text[],
                  %(error_code)s::text[], %(error)s::text[], %(result)s::jsonb[], %(retry_at)s::timestamptz[],
                  %(began_at)s::timestamptz[], %(ended_at)s::timestamptz[])
        AS ending (id, claim_no, status, attempt_status, error_code, error, result, retry_at, began_at, ended_at)
     WHERE run.id = ending.id AND {NAMED} AND run.claim_no = ending.claim_no
       AND {is_one_of({RunStatus.RUNNING})}
       AND ending.status IN ({among(TRANSITIONS[RunStatus.RUNNING])})
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.claim_no, run.n_attempts,
              run.worker,
              COALESCE(ending.began_at, run.attempt_at) AS began_at, COALESCE(ending.ended_at, %(now)s) AS ended_at,
              ending.attempt_status, ending.error_code, ending.error, ending.result, ending.retry_at
), tried AS (
    INSERT INTO executions_attempt (run_id, scope_id, number, claim_no, status, worker, started_at, finished_at,
                                    error_code, error, result, retry_at)
    SELECT id, scope_id, n_attempts, claim_no, attempt_status, worker, began_at, ended_at, error_code, error, result,
           retry_at
      FROM ended
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, reason)
    SELECT id, scope_id, status, ended_at, n_attempts,
           CASE WHEN attempt_status = 'lost' THEN 'lost' ELSE error_code END
      FROM ended
), {followed("ended")}
SELECT id, status FROM ended LEFT JOIN woken ON TRUE
"""

# transitions.return_claims: a worker claimed these, and has not begun them. The claim is spent; it was no attempt.
RETURN_CLAIMS = f"""
WITH given AS (
    UPDATE executions_run AS run
       SET status = CASE WHEN run.cancel_requested_at IS NULL THEN 'queued' ELSE 'cancelled' END,
           finished_at = CASE WHEN run.cancel_requested_at IS NOT NULL THEN %(now)s::timestamptz END,
           dispatch_at = CASE WHEN run.cancel_requested_at IS NULL THEN %(now)s::timestamptz END,
           n_attempts = GREATEST(run.n_attempts - 1, 0), lease_expires_at = NULL, attempt_at = NULL, worker = '',
           started_at = CASE WHEN run.n_attempts > 1 THEN run.started_at END
      FROM unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS held (id, claim_no)
     WHERE run.id = held.id AND {NAMED} AND run.claim_no = held.claim_no
       AND {is_one_of({RunStatus.RUNNING})}
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.n_attempts
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, reason)
    SELECT id, scope_id, status, %(now)s, n_attempts, 'given_back' FROM given
), {followed("given")}
SELECT id FROM given LEFT JOIN woken ON TRUE
"""

# What is not under way may be published: as it is queued already, or as it becomes so.
TO_PUBLISH = {RunStatus.QUEUED} | before(RunStatus.QUEUED) & ACTIVE - {RunStatus.RUNNING}

# How long a message is waited for, by the number of those that were sent before it.
WAIT = "LEAST(%(republish_after)s * 2 ^ LEAST({n}, 10), %(cap)s)"

# transitions.dispatch: what is due to be published, oldest first, with the date of its next publication.
# Whether it may be is asked after the limit: asked before, it would lead the planner to another index.
DISPATCH = f"""
WITH due AS (
    SELECT id, status FROM executions_run
     WHERE dispatch_at <= %(now)s
     ORDER BY dispatch_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE executions_run AS run
       SET status = 'queued', n_published = run.n_published + 1,
           dispatch_at = %(now)s::timestamptz + {WAIT.format(n="run.n_published")}
      FROM due WHERE run.id = due.id AND due.status IN ({among(TO_PUBLISH)})
    RETURNING run.id, run.scope_id, run.claim_no, run.n_attempts, run.spec_id, due.status AS was
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt)
    SELECT id, scope_id, 'queued', %(now)s, n_attempts FROM moved WHERE was = 'retrying'
)
SELECT moved.id, moved.claim_no, spec.job_name, spec.target_kind, spec.policies
  FROM moved JOIN executions_runspec AS spec ON spec.id = moved.spec_id
"""
# dispatch, when a pass has failed: what it was about, to take it apart. It reads nothing that could be the reason.
DUE_IDS = "SELECT id FROM executions_run WHERE dispatch_at <= %(now)s ORDER BY dispatch_at, id LIMIT %(limit)s"
DISPATCH_BY_ID = DISPATCH.replace("WHERE", "WHERE id = ANY(%(id)s::uuid[]) AND", 1)

# dispatch.postpone: the broker did not take these; they are due again at once, not after the usual wait.
REPUBLISH_AT = f"""
UPDATE executions_run AS run SET dispatch_at = %(until)s, n_published = GREATEST(run.n_published - 1, 0)
  FROM unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS sent (id, claim_no)
 WHERE run.id = sent.id AND {NAMED} AND run.claim_no = sent.claim_no
   AND {is_one_of({RunStatus.QUEUED})}
"""

# dispatch.republish_stranded: published a while ago, for a queue of the broker that is empty. When that was follows from
# when it is due again. What the broker did not take (`postpone`) may be among it, which does no harm.
REPUBLISH_STRANDED = f"""
WITH stranded AS (
    SELECT run.id FROM executions_run AS run JOIN executions_runspec AS spec ON spec.id = run.spec_id
     WHERE run.dispatch_at > %(now)s AND run.status = 'queued' AND run.n_published > 0
       AND run.dispatch_at - {WAIT.format(n="run.n_published - 1")} <= %(published_before)s
       AND spec.target_kind = ANY(%(kinds)s)
     ORDER BY run.id LIMIT %(limit)s FOR UPDATE OF run SKIP LOCKED
)
UPDATE executions_run AS run SET dispatch_at = %(now)s FROM stranded WHERE run.id = stranded.id
"""

NEXT_DISPATCH = "SELECT min(dispatch_at) FROM executions_run WHERE dispatch_at IS NOT NULL"

# transitions.renew: the heartbeat of a worker's claims; a claim that is not returned has been lost.
RENEW = f"""
UPDATE executions_run AS run SET lease_expires_at = %(lease_expires_at)s
  FROM unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS held (id, claim_no)
 WHERE run.id = held.id AND {NAMED} AND run.claim_no = held.claim_no
   AND {is_one_of({RunStatus.RUNNING})}
RETURNING run.id, run.claim_no, run.cancel_requested_at IS NOT NULL
"""

# reaper: running, and not renewed in time.
EXPIRED_LEASES = """
SELECT run.id, run.claim_no, run.n_attempts, run.n_lost, run.attempt_at, run.lease_expires_at,
       spec.target_kind, spec.policies
  FROM executions_run AS run JOIN executions_runspec AS spec ON spec.id = run.spec_id
 WHERE run.status = 'running' AND run.lease_expires_at < %(now)s
 ORDER BY run.lease_expires_at, run.id LIMIT %(limit)s FOR UPDATE OF run SKIP LOCKED
"""


# transitions.cancel: what has not begun ends at once; what is running is asked to stop.
def _cancel(which: str) -> str:
    return f"""
WITH asked AS (
    UPDATE executions_run AS run
       SET status = CASE WHEN run.status = 'running' THEN run.status ELSE 'cancelled' END,
           finished_at = CASE WHEN run.status = 'running' THEN NULL ELSE %(now)s::timestamptz END,
           dispatch_at = NULL, cancel_requested_at = COALESCE(run.cancel_requested_at, %(now)s)
     WHERE run.status IN ({among(before(RunStatus.CANCELLED))}) AND {which}
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.n_attempts
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, actor, reason)
    SELECT id, scope_id, CASE WHEN status = 'running' THEN 'cancel_requested' ELSE status END, %(now)s, n_attempts,
           %(actor)s, %(reason)s
      FROM asked
), {followed("asked")}
SELECT id, status FROM asked LEFT JOIN woken ON TRUE
"""


CANCEL_RUN = _cancel("run.id = %(id)s")
CANCEL_NOT_RUNNING_OF_BACKFILL = _cancel("run.backfill_id = %(id)s AND run.status <> 'running'")
CANCEL_NOT_RUNNING_OF_JOB = _cancel("run.job_id = %(id)s AND run.status <> 'running'")
# of overlap `cancel_other`: whoever was asked before is not asked again
CANCEL_OF_JOBS = _cancel("run.job_id = ANY(%(id)s) AND run.cancel_requested_at IS NULL")

# transitions.terminate: of overlap `terminate_other`. The claim is spent, so whatever the worker says later is void.
TERMINATE_OF_JOBS = f"""
WITH ended AS (
    UPDATE executions_run AS run
       SET status = 'cancelled', finished_at = %(now)s, dispatch_at = NULL, lease_expires_at = NULL,
           cancel_requested_at = COALESCE(run.cancel_requested_at, %(now)s), error_code = 'terminated',
           error = %(error)s
      FROM executions_run AS was
     WHERE was.id = run.id AND run.job_id = ANY(%(id)s) AND run.status IN ({among(before(RunStatus.CANCELLED))})
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.claim_no, run.n_attempts,
              run.worker, run.attempt_at, was.status AS was
), tried AS (
    INSERT INTO executions_attempt (run_id, scope_id, number, claim_no, status, worker, started_at, finished_at,
                                    error_code, error)
    SELECT id, scope_id, n_attempts, claim_no, 'cancelled', worker, attempt_at, %(now)s, 'terminated', %(error)s
      FROM ended WHERE was = 'running'
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, reason)
    SELECT id, scope_id, status, %(now)s, n_attempts, 'terminated' FROM ended
), {followed("ended")}
SELECT id FROM ended LEFT JOIN woken ON TRUE
"""

# tick: how many runs of these jobs are not over, and how many of them are held.
COUNT_LIVE = f"""
SELECT job_id, count(*) FILTER (WHERE is_active), count(*) FILTER (WHERE NOT is_active) FROM (
    SELECT job_id, true AS is_active FROM executions_run AS run
     WHERE job_id = ANY(%(job_id)s) AND {is_one_of(ACTIVE)}
    UNION ALL
    SELECT job_id, false FROM executions_run AS run WHERE job_id = ANY(%(job_id)s) AND {is_one_of({RunStatus.HELD})}
) AS live GROUP BY job_id
"""


# history: how many runs of a backfill are not over, and how many have which status.
COUNT_LIVE_OF_BACKFILL = f"""
SELECT count(*) FROM executions_run WHERE backfill_id = %(id)s AND status IN ({among(LIVE)})
"""
COUNT_OF_BACKFILL = """
SELECT status, count(*) FROM executions_run WHERE backfill_id = %(id)s GROUP BY status
"""

# retention: ended runs with all that hangs on them, oldest first.
PRUNE = """
WITH old AS (
    SELECT id FROM {runs} WHERE finished_at < %(before)s ORDER BY finished_at, id LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
), attempts AS (DELETE FROM executions_attempt WHERE run_id IN (SELECT id FROM old)),
   events AS (DELETE FROM executions_runevent WHERE run_id IN (SELECT id FROM old)),
   lines AS (DELETE FROM executions_logline WHERE run_id IN (SELECT id FROM old))
DELETE FROM executions_run WHERE id IN (SELECT id FROM old)
"""

# retention: superseded definitions of which no run is left.
PRUNE_SPECS = """
DELETE FROM executions_runspec AS spec
 WHERE spec.id IN (
    SELECT old.id FROM executions_runspec AS old
     WHERE old.superseded_at < %(before)s
       AND NOT EXISTS (SELECT FROM executions_run AS run WHERE run.job_id = old.job_id AND run.spec_id = old.id)
     ORDER BY old.superseded_at, old.id LIMIT %(limit)s)
"""

# retention: where the rates of keys stand that nobody has used for longer than any period.
PRUNE_RATES = """
DELETE FROM executions_ratestate WHERE key IN (
    SELECT key FROM executions_ratestate WHERE arrives_at < %(before)s LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""


def wake_beat() -> None:
    """Tell the beats, when this transaction commits, that something may be due sooner than they think."""
    execute("SELECT pg_notify(%(channel)s, '')", {"channel": NOTIFY_CHANNEL})
