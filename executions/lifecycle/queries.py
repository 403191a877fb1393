"""The SQL statements that create, claim, publish, end, cancel and count runs.

Most statements have a comment above them that names the caller. The statements about held runs, limits, start
deadlines and follow-ups are in `held_queries.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.states import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    AttemptStatus,
    CancelReason,
    EventKind,
    Origin,
    QueueReason,
    RunStatus,
    predecessors,
)
from values.database import execute

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTIFY_CHANNEL = "mainspring_due"  # the PostgreSQL channel on which beats LISTEN


def sql_list(statuses: Iterable[RunStatus]) -> str:
    """Return the statuses as SQL literals, for `IN (...)`."""
    return ", ".join(f"'{status.value}'" for status in sorted(statuses))


def insert_followups(changed: str) -> str:
    """Return CTEs that insert a follow-up for each ended run that needs one, and that wake the beats.

    `changed` names a CTE with the columns id, job_id, concurrency_key and status. The statement that changes the status
    must contain these CTEs, so that no follow-up can be lost. It must also select from `woken`, because PostgreSQL does
    not execute a SELECT in a CTE that nothing reads.
    """
    return f"""followups AS (
    INSERT INTO executions_followup (job_id, run_id, concurrency_key, due_at)
    SELECT changed.job_id, changed.id, changed.concurrency_key, %(now)s FROM {changed} AS changed
     WHERE changed.status IN ({sql_list(TERMINAL)})
       AND (changed.concurrency_key <> ''
            OR EXISTS (SELECT FROM executions_watch AS watch WHERE watch.job_id = changed.job_id))
    RETURNING id
), woken AS (SELECT pg_notify('{NOTIFY_CHANNEL}', '') FROM followups LIMIT 1)"""


# Repeats the ids of a join as a constant. From a join alone, the planner cannot know which partitions (days) contain
# the ids. With the constant, it reads only these partitions, by the primary key.
ID_LISTED = "run.id = ANY(%(id)s::uuid[])"


def has_status(statuses: Iterable[RunStatus], run: str = "run") -> str:
    """Return a condition on the status, in a CASE that hides the condition from the planner.

    Until PostgreSQL has analysed the runs of a new day, the planner assumes that each status is rare. With a plain
    `status IN (...)`, the planner would read all runs with the status to find a few runs by id. The planner can still
    use a partial index with the same CASE (`models/run.py`).
    """
    return f"CASE WHEN {run}.status IN ({sql_list(statuses)}) THEN true ELSE false END"


# transitions.open_runs: create a batch of runs with their first events. An occurrence that has a row already is left
# out by the unique key (job, nominal instant, origin): another beat, or an earlier try, created it.
OPEN = f"""
WITH created AS (
    INSERT INTO executions_run (id, scope_id, job_id, spec_id, origin, retry_of, nominal_at, last_nominal_at,
                                n_occurrences, status, reason, created_at, available_at, planned_at, dispatch_at,
                                finished_at, n_published, caused_by, is_buffered, concurrency_key, rate_key, terms,
                                priority, expires_at, backfill_id)
    SELECT id, scope_id, job_id, spec_id, origin, retry_of, nominal_at, last_nominal_at, n_occurrences, status,
           reason, %(now)s, available_at, CASE WHEN available_at > %(now)s THEN available_at END,
           CASE WHEN status = 'queued' AND available_at > %(now)s THEN available_at
                WHEN status = 'queued' THEN %(dispatch_at)s::timestamptz END,
           CASE WHEN status IN ({sql_list(TERMINAL)}) THEN %(now)s::timestamptz END,
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
     WHERE status IN ({sql_list(TRANSITIONS[None])})
    ON CONFLICT DO NOTHING
    RETURNING id, job_id, scope_id, status, reason, available_at, concurrency_key, rate_key
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, reason, actor)
    SELECT id, scope_id, status, %(now)s, reason, %(actor)s FROM created
), followups AS (
    INSERT INTO executions_followup (job_id, concurrency_key, rate_key, due_at)
    SELECT DISTINCT job_id, concurrency_key, rate_key, GREATEST(available_at, %(now)s)
      FROM created WHERE status = 'held'
)
SELECT id FROM created
"""

# transitions.claim: give runs to a worker, if their claim number is still the number in the message. Reads by primary
# key. The start deadline applies to the first attempt only.
CLAIM = f"""
WITH claimed AS (
    UPDATE executions_run AS run
       SET status = 'running', claim_no = run.claim_no + 1, n_attempts = run.n_attempts + 1, attempt_at = %(now)s,
           started_at = COALESCE(run.started_at, %(now)s), lease_expires_at = %(lease_expires_at)s, worker = %(worker)s,
           dispatch_at = NULL, n_published = 0
      FROM unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS wanted (id, claim_no)
     WHERE run.id = wanted.id AND {ID_LISTED} AND run.claim_no = wanted.claim_no
       AND {has_status(predecessors(RunStatus.RUNNING))}
       AND (run.expires_at IS NULL OR run.n_attempts > 0 OR run.expires_at > %(now)s)
    RETURNING run.*
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt)
    SELECT id, scope_id, status, %(now)s, n_attempts FROM claimed
)
SELECT claimed.retry_of, claimed.id, claimed.claim_no, claimed.n_attempts, claimed.n_lost, claimed.nominal_at,
       spec.job_name, spec.target_kind, COALESCE(spec.target_as_given, spec.target::text),
       COALESCE(spec.payload_as_given, spec.payload::text), spec.policies
  FROM claimed JOIN executions_runspec AS spec ON spec.id = claimed.spec_id
"""

# transitions.claim: the nominal instants of the runs that manual retries repeat. A retry's own row has the instant of
# the request, which keeps it unique; its target has to get the original instant.
ORIGINALS = f"SELECT id, nominal_at FROM executions_run AS run WHERE {ID_LISTED}"

# transitions.finish: end attempts, each by the claim that started it, and write their rows and events. The claim number
# fences: a worker whose claim the reaper has ended finds no row. A run that has a stop request is not retried. The
# first claim set `started_at` to the time of the claim; the first ending replaces it by the start of the attempt. The
# results are one JSON text: for an array, the driver would escape each backslash and quotation mark in Python.
IS_CANCELLED = "(run.cancel_requested_at IS NOT NULL AND ending.retry_at IS NOT NULL)"
FINISH = f"""
WITH ended AS (
    UPDATE executions_run AS run
       SET status = CASE WHEN {IS_CANCELLED} THEN 'cancelled' ELSE ending.status END,
           started_at = CASE WHEN run.n_attempts = 1 THEN COALESCE(ending.began_at, run.started_at)
                        ELSE run.started_at END,
           finished_at = CASE WHEN {IS_CANCELLED} OR ending.retry_at IS NULL
                              THEN COALESCE(ending.ended_at, %(now)s) END,
           dispatch_at = CASE WHEN NOT {IS_CANCELLED} THEN ending.retry_at END,
           available_at = COALESCE(ending.retry_at, run.available_at),
           error_code = ending.error_code, error = ending.error,
           lease_expires_at = NULL, n_lost = run.n_lost + (ending.attempt_status = '{AttemptStatus.LOST}')::int
      FROM ROWS FROM (unnest(%(id)s::uuid[], %(claim_no)s::int[], %(status)s::text[], %(attempt_status)s::text[],
                             %(error_code)s::text[], %(error)s::text[], %(retry_at)s::timestamptz[],
                             %(began_at)s::timestamptz[], %(ended_at)s::timestamptz[]),
                      jsonb_array_elements(%(results)s::jsonb))
        AS ending (id, claim_no, status, attempt_status, error_code, error, retry_at, began_at, ended_at, result)
     WHERE run.id = ending.id AND {ID_LISTED} AND run.claim_no = ending.claim_no
       AND {has_status({RunStatus.RUNNING})}
       AND ending.status IN ({sql_list(TRANSITIONS[RunStatus.RUNNING])})
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.claim_no, run.n_attempts,
              run.worker,
              COALESCE(ending.began_at, run.attempt_at) AS began_at, COALESCE(ending.ended_at, %(now)s) AS ended_at,
              ending.attempt_status, ending.error_code, ending.error, ending.result, ending.retry_at
), attempts AS (
    INSERT INTO executions_attempt (run_id, scope_id, number, claim_no, status, worker, started_at, finished_at,
                                    error_code, error, result, retry_at)
    SELECT id, scope_id, n_attempts, claim_no, attempt_status, worker, began_at, ended_at, error_code, error,
           NULLIF(result, 'null'), retry_at
      FROM ended
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, reason)
    SELECT id, scope_id, status, ended_at, n_attempts,
           CASE WHEN attempt_status = '{AttemptStatus.LOST}' THEN '{QueueReason.LOST}' ELSE error_code END
      FROM ended
), {insert_followups("ended")}
SELECT id, status FROM ended LEFT JOIN woken ON TRUE
"""

# transitions.return_claims: queue runs again that a worker claimed but did not start. A run that has a stop request is
# cancelled instead. The claim number stays increased, but the attempt is not counted.
RETURN_CLAIMS = f"""
WITH returned AS (
    UPDATE executions_run AS run
       SET status = CASE WHEN run.cancel_requested_at IS NULL THEN 'queued' ELSE 'cancelled' END,
           finished_at = CASE WHEN run.cancel_requested_at IS NOT NULL THEN %(now)s::timestamptz END,
           dispatch_at = CASE WHEN run.cancel_requested_at IS NULL THEN %(now)s::timestamptz END,
           n_attempts = GREATEST(run.n_attempts - 1, 0), lease_expires_at = NULL, attempt_at = NULL, worker = '',
           started_at = CASE WHEN run.n_attempts > 1 THEN run.started_at END
      FROM unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS claim (id, claim_no)
     WHERE run.id = claim.id AND {ID_LISTED} AND run.claim_no = claim.claim_no
       AND {has_status({RunStatus.RUNNING})}
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.n_attempts
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, reason)
    SELECT id, scope_id, status, %(now)s, n_attempts, '{QueueReason.GIVEN_BACK}' FROM returned
), {insert_followups("returned")}
SELECT id FROM returned LEFT JOIN woken ON TRUE
"""

# Statuses of runs that may be published: queued, and retrying when the retry is due. A running run has a claim.
TO_PUBLISH = {RunStatus.QUEUED} | predecessors(RunStatus.QUEUED) & ACTIVE - {RunStatus.RUNNING}

# How long to wait for a claim before a run is published again. The wait doubles with each of the `n` messages sent
# before, so that a backlog of hours is not published over and over.
WAIT = "LEAST(%(republish_after)s * 2 ^ LEAST({n}, 10), %(cap)s)"


# transitions.dispatch: take runs that are due to be published, oldest first, and set when they are published again if
# nobody claims them. Reads the index run_dispatch. The status is checked after the limit: with a condition on the
# status inside `due`, the planner would prefer an index by status.
def _dispatch(which: str) -> str:
    return f"""
WITH due AS (
    SELECT id, status FROM executions_run
     WHERE {which}
     ORDER BY dispatch_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE executions_run AS run
       SET status = 'queued', n_published = run.n_published + 1,
           dispatch_at = %(now)s::timestamptz + {WAIT.format(n="run.n_published")}
      FROM due WHERE run.id = due.id AND due.status IN ({sql_list(TO_PUBLISH)})
    RETURNING run.id, run.scope_id, run.claim_no, run.n_attempts, run.spec_id, due.status AS was
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt)
    SELECT id, scope_id, 'queued', %(now)s, n_attempts FROM moved WHERE was = 'retrying'
)
SELECT moved.id, moved.claim_no, spec.job_name, spec.target_kind, spec.target::text, spec.policies
  FROM moved JOIN executions_runspec AS spec ON spec.id = moved.spec_id
"""


DISPATCH = _dispatch("dispatch_at <= %(now)s")
# dispatch.dispatch_once, when a pass has failed: the ids of the due runs, and the statement for some of these ids.
# DUE_IDS reads only the index run_dispatch, so a row that cannot be read or written does not make it fail.
DUE_IDS = "SELECT id FROM executions_run WHERE dispatch_at <= %(now)s ORDER BY dispatch_at, id LIMIT %(limit)s"
DISPATCH_BY_ID = _dispatch("id = ANY(%(id)s::uuid[]) AND dispatch_at <= %(now)s")

# transitions.push_back_publishing: postpone the publishing of runs that could not be published.
PUSH_BACK_PUBLISHING = """
UPDATE executions_run SET dispatch_at = %(until)s WHERE id = ANY(%(id)s::uuid[]) AND dispatch_at <= %(now)s
"""

# transitions.republish_at: the broker did not accept the runs, or the worker could not start them. Publish them again
# at the given instant instead of after the usual wait, and do not count the message.
REPUBLISH_AT = f"""
UPDATE executions_run AS run SET dispatch_at = %(until)s, n_published = GREATEST(run.n_published - 1, 0)
  FROM unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS sent (id, claim_no)
 WHERE run.id = sent.id AND {ID_LISTED} AND run.claim_no = sent.claim_no
   AND {has_status({RunStatus.QUEUED})}
"""

# waiting.postpone: these runs wait in a worker for a place of their share (`worker/shares.py`). Publish them again
# after the time that they have waited already, in case the worker dies. No message is in the broker meanwhile, so they
# are not stranded: `n_published` is 0. Rows that another transaction has locked are being claimed or published.
POSTPONE = f"""
WITH waiting AS (
    SELECT run.id FROM executions_run AS run
      JOIN unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS sent (id, claim_no) ON run.id = sent.id
     WHERE {ID_LISTED} AND run.claim_no = sent.claim_no AND {has_status({RunStatus.QUEUED})}
       FOR UPDATE OF run SKIP LOCKED
)
UPDATE executions_run AS run
   SET dispatch_at = %(now)s::timestamptz
                     + LEAST(GREATEST(%(now)s::timestamptz - run.available_at, %(min_wait)s), %(max_wait)s),
       n_published = 0
  FROM waiting WHERE run.id = waiting.id AND {ID_LISTED}
"""

# dispatch.republish_stranded: publish runs again whose messages were sent some time ago to broker queues that are empty
# now. The instant of the last message is not stored: it is `dispatch_at` minus the wait. A run that `republish_at`
# postponed may match too. This is harmless: it causes one more message, but no second claim.
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

# schedules.queries, for the beat: the next instant at which a run is due to be published. Until then, the beat may
# sleep. Reads the first entry of the index run_dispatch.
NEXT_DISPATCH = "SELECT min(dispatch_at) FROM executions_run WHERE dispatch_at IS NOT NULL"

# transitions.renew: extend the leases of a worker's claims. A claim that is not returned is lost.
RENEW = f"""
UPDATE executions_run AS run SET lease_expires_at = %(lease_expires_at)s
  FROM unnest(%(id)s::uuid[], %(claim_no)s::int[]) AS held (id, claim_no)
 WHERE run.id = held.id AND {ID_LISTED} AND run.claim_no = held.claim_no
   AND {has_status({RunStatus.RUNNING})}
RETURNING run.id, run.claim_no, run.cancel_requested_at IS NOT NULL
"""

# reaper.reap_once: lock running runs whose lease has expired, oldest first. Reads the index run_lease.
EXPIRED_LEASES = """
SELECT run.id, run.claim_no, run.n_attempts, run.n_lost, run.attempt_at, run.lease_expires_at,
       spec.target_kind, spec.policies
  FROM executions_run AS run JOIN executions_runspec AS spec ON spec.id = run.spec_id
 WHERE run.status = 'running' AND run.lease_expires_at < %(now)s
 ORDER BY run.lease_expires_at, run.id LIMIT %(limit)s FOR UPDATE OF run SKIP LOCKED
"""


# transitions.cancel, cancel_not_running, cancel_backfill_runs, cancel_others: a run that is not running is cancelled
# immediately. A running run gets a stop request, which the heartbeat of its worker finds. A run that has a stop request
# already is left unchanged and gets no second event.
def _cancel(which: str) -> str:
    return f"""
WITH cancelled AS (
    UPDATE executions_run AS run
       SET status = CASE WHEN run.status = 'running' THEN run.status ELSE 'cancelled' END,
           finished_at = CASE WHEN run.status = 'running' THEN NULL ELSE %(now)s::timestamptz END,
           dispatch_at = NULL, cancel_requested_at = %(now)s
     WHERE run.status IN ({sql_list(predecessors(RunStatus.CANCELLED))}) AND run.cancel_requested_at IS NULL
       AND {which}
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.n_attempts
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, actor, reason)
    SELECT id, scope_id, CASE WHEN status = 'running' THEN '{EventKind.CANCEL_REQUESTED}' ELSE status END, %(now)s,
    n_attempts, %(actor)s, %(reason)s FROM cancelled
), {insert_followups("cancelled")}
SELECT id, status FROM cancelled LEFT JOIN woken ON TRUE
"""


CANCEL_RUN = _cancel("run.id = %(id)s")
CANCEL_NOT_RUNNING_OF_BACKFILL = _cancel("run.backfill_id = %(id)s AND run.status <> 'running'")
CANCEL_NOT_RUNNING_OF_JOB = _cancel("run.job_id = %(id)s AND run.status <> 'running'")
CANCEL_OF_JOBS = _cancel("run.job_id = ANY(%(id)s)")  # overlap policy `cancel_other`

# transitions.terminate_others, for the overlap policy `terminate_other`: cancel live runs immediately. A worker that
# still executes such a run cannot write its ending, because the run is no longer `running`. `was` has the status before
# the update.
TERMINATE_OF_JOBS = f"""
WITH ended AS (
    UPDATE executions_run AS run
       SET status = 'cancelled', finished_at = %(now)s, dispatch_at = NULL, lease_expires_at = NULL,
           cancel_requested_at = COALESCE(run.cancel_requested_at, %(now)s), error_code = '{CancelReason.TERMINATED}',
           error = %(error)s
      FROM executions_run AS was
     WHERE was.id = run.id AND run.job_id = ANY(%(id)s)
       AND run.status IN ({sql_list(predecessors(RunStatus.CANCELLED))})
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.claim_no, run.n_attempts,
              run.worker, run.attempt_at, was.status AS was
), attempts AS (
    INSERT INTO executions_attempt (run_id, scope_id, number, claim_no, status, worker, started_at, finished_at,
                                    error_code, error)
    SELECT id, scope_id, n_attempts, claim_no, 'cancelled', worker, attempt_at, %(now)s, '{CancelReason.TERMINATED}',
    %(error)s FROM ended WHERE was = 'running'
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, reason)
    SELECT id, scope_id, status, %(now)s, n_attempts, '{CancelReason.TERMINATED}' FROM ended
), {insert_followups("ended")}
SELECT id FROM ended LEFT JOIN woken ON TRUE
"""

# runs.live_runs, in each tick: count the active and the held runs of these jobs. Two branches, because each has its own
# partial index: run_active and run_held.
COUNT_LIVE = f"""
SELECT job_id, count(*) FILTER (WHERE is_active), count(*) FILTER (WHERE NOT is_active) FROM (
    SELECT job_id, true AS is_active FROM executions_run AS run
     WHERE job_id = ANY(%(job_id)s) AND {has_status(ACTIVE)}
    UNION ALL
    SELECT job_id, false FROM executions_run AS run WHERE job_id = ANY(%(job_id)s) AND {has_status({RunStatus.HELD})}
) AS live GROUP BY job_id
"""

# runs.jobs_with_live_scheduled_run: which of these jobs have a live run that their schedule started. Reads the same two
# partial indexes as COUNT_LIVE.
LIVE_SCHEDULED = f"""
SELECT job_id FROM executions_run AS run
 WHERE job_id = ANY(%(job_id)s) AND origin = '{Origin.SCHEDULE}' AND {has_status(ACTIVE)}
UNION
SELECT job_id FROM executions_run AS run
 WHERE job_id = ANY(%(job_id)s) AND origin = '{Origin.SCHEDULE}' AND {has_status({RunStatus.HELD})}
"""


def wake_beat() -> None:
    """Wake the beats when this transaction commits: work may be due before their sleep ends."""
    execute("SELECT pg_notify(%(channel)s, '')", {"channel": NOTIFY_CHANNEL})
