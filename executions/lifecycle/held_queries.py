"""The SQL statements about held runs, start deadlines and follow-ups.

The comment above a statement names its caller.
"""

from __future__ import annotations

from executions.lifecycle.queries import ID_LISTED, has_status, insert_followups, sql_list
from executions.states import ACTIVE, TRANSITIONS, RunStatus, predecessors


# admission.admit, once for each group column (job, concurrency key, rate key): the first `limit` held runs of each
# group that are available now, except buffered runs whose job has an active run. Each value of `terms` (a hash of a
# run's limits) has its own `limit`, because a limit may hold the first run of a group but not a later run.
#
# `kind` finds the distinct terms by a loose index scan (a recursive CTE: the next terms above the last one), so its
# cost does not grow with the number of runs. Indexes: run_held, run_held_key, run_held_rate. Whether a job has an
# active run is looked up once per job: OFFSET 0 keeps the planner from moving that subquery into the condition on each
# run.
def _first_held(column: str, kind: str) -> str:
    held = f"executions_run AS held WHERE {has_status({RunStatus.HELD}, 'held')} AND held.{column} = given.value"
    if column == "job_id":
        busy = f"CROSS JOIN LATERAL (SELECT {_has_active_run('given.value')} AS has_active_run OFFSET 0) AS busy"
        waits = "busy.has_active_run"
    else:
        held += f" AND held.{column} <> ''"
        busy, waits = "", _has_active_run("held.job_id")
    return f"""SELECT first.* FROM unnest(%({column})s::{kind}[]) AS given (value) {busy} CROSS JOIN LATERAL (
        WITH RECURSIVE kind (terms) AS (
            (SELECT terms FROM {held} ORDER BY terms LIMIT 1)
            UNION ALL
            SELECT (SELECT terms FROM {held} AND terms > kind.terms ORDER BY terms LIMIT 1)
              FROM kind WHERE kind.terms IS NOT NULL
        ) SELECT terms FROM kind WHERE terms IS NOT NULL) AS kind CROSS JOIN LATERAL (
        SELECT held.id, held.job_id, held.is_buffered, held.concurrency_key, held.rate_key, held.terms, held.spec_id,
               held.priority, held.nominal_at
          FROM {held} AND held.terms = kind.terms
           AND held.available_at <= %(now)s AND NOT (held.is_buffered AND {waits})
         ORDER BY held.priority DESC, held.nominal_at, held.id LIMIT %(limit)s) AS first"""


def _has_active_run(job: str) -> str:
    return f"""EXISTS (SELECT FROM executions_run AS other
                     WHERE other.job_id = {job} AND {has_status(ACTIVE, "other")})"""


# admission.admit: all held runs that it considers, in the order in which they may start.
HELD = f"""
SELECT run.id, run.job_id, run.is_buffered, run.concurrency_key, run.rate_key, run.terms, spec.policies
  FROM ({_first_held("job_id", "uuid")}
        UNION {_first_held("concurrency_key", "text")}
        UNION {_first_held("rate_key", "text")}) AS run
  JOIN executions_runspec AS spec ON spec.id = run.spec_id
 ORDER BY run.priority DESC, run.nominal_at, run.id
"""
# admission and the admin's texts on held runs: active runs by job, index run_active.
COUNT_ACTIVE = f"""
SELECT job_id, count(*) FROM executions_run AS run
 WHERE job_id = ANY(%(job_id)s) AND {has_status(ACTIVE)} GROUP BY job_id
"""
# admission and the admin's texts on held runs: active runs by concurrency key, index run_active_key.
COUNT_OF_KEYS = f"""
SELECT concurrency_key, count(*) FROM executions_run AS run
 WHERE concurrency_key = ANY(%(key)s) AND concurrency_key <> '' AND {has_status(ACTIVE)} GROUP BY concurrency_key
"""
# admission.admit: one admission at a time for each key, until the transaction ends. Always locked in ascending order,
# so that two admissions cannot deadlock. A hash collision only makes an admission wait.
LOCK_LIMIT_KEYS = """
SELECT pg_advisory_xact_lock(number) FROM (
    SELECT DISTINCT hashtextextended(key, 0) AS number FROM unnest(%(key)s::text[]) AS given (key) ORDER BY number
) AS numbers
"""
# admission, and the admin's texts: the theoretical arrival times of rate limits (`limits.admit_at`).
RATES = "SELECT key, arrives_at FROM executions_ratestate WHERE key = ANY(%(key)s)"
SET_RATES = """
INSERT INTO executions_ratestate (key, arrives_at)
SELECT * FROM unnest(%(key)s::text[], %(arrives_at)s::timestamptz[])
ON CONFLICT (key) DO UPDATE SET arrives_at = EXCLUDED.arrives_at
"""

# transitions.release: queue held runs that may start, or skip held runs that a limit refuses. Reads by primary key.
# `available_at` becomes the present: the time for which a run was held does not mean that workers are late.
RELEASE = f"""
WITH released AS (
    UPDATE executions_run AS run
       SET status = wanted.status, reason = wanted.reason,
           available_at = CASE WHEN wanted.status = 'queued' THEN %(now)s ELSE run.available_at END,
           dispatch_at = CASE WHEN wanted.status = 'queued' THEN %(now)s::timestamptz END,
           finished_at = CASE WHEN wanted.status <> 'queued' THEN %(now)s::timestamptz END
      FROM unnest(%(id)s::uuid[], %(status)s::text[], %(reason)s::text[]) AS wanted (id, status, reason)
     WHERE run.id = wanted.id AND {ID_LISTED} AND {has_status({RunStatus.HELD})}
       AND wanted.status IN ({sql_list(TRANSITIONS[RunStatus.HELD])})
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.reason
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, reason)
    SELECT id, scope_id, status, %(now)s, reason FROM released
), {insert_followups("released")}
SELECT id FROM released LEFT JOIN woken ON TRUE
"""

# transitions.expire: skip runs that did not start before their start deadline. Reads the index run_expires, which has
# this condition.
NOT_STARTED = "run.status IN ('held', 'queued') AND run.n_attempts = 0 AND run.expires_at IS NOT NULL"
TOO_LATE = f"{NOT_STARTED} AND run.expires_at <= %(now)s"


def _expire(which: str) -> str:
    return f"""
WITH late AS (
    SELECT id FROM executions_run AS run WHERE {which}
     ORDER BY run.expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE executions_run AS run
       SET status = 'skipped', reason = 'expired', finished_at = %(now)s, dispatch_at = NULL
      FROM late WHERE run.id = late.id AND run.status IN ({sql_list(predecessors(RunStatus.SKIPPED))})
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.reason
), events AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, reason)
    SELECT id, scope_id, status, %(now)s, reason FROM ended
), {insert_followups("ended")}
SELECT id FROM ended LEFT JOIN woken ON TRUE
"""


EXPIRE = _expire(TOO_LATE)
# dispatch.expire_once, when a pass has failed: the ids of the late runs, and the statement for some of these ids.
EXPIRED_IDS = f"""
SELECT id FROM executions_run AS run WHERE {TOO_LATE}
 ORDER BY run.expires_at LIMIT %(limit)s
"""
EXPIRE_BY_ID = _expire(f"{ID_LISTED} AND {TOO_LATE}")
# transitions.push_back_expiry: try later to skip runs that could not be skipped. These runs cannot
# start in the meantime: they are not published, and earlier messages name a claim number that is used up.
PUSH_BACK_EXPIRY = f"""
UPDATE executions_run AS run SET expires_at = %(until)s, dispatch_at = NULL, claim_no = run.claim_no + 1
 WHERE {ID_LISTED} AND {TOO_LATE}
"""
# schedules.queries, for the beat: the next start deadline, until which the beat may sleep.
NEXT_EXPIRY = f"SELECT min(run.expires_at) FROM executions_run AS run WHERE {NOT_STARTED}"


# runs.take_followups: lock due follow-ups that no other beat has locked, oldest first. Index followup_due.
def _take_followups(which: str) -> str:
    return f"""
SELECT id, job_id, run_id, concurrency_key, rate_key FROM executions_followup
 WHERE {which} ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""


TAKE_FOLLOWUPS = _take_followups("due_at <= %(now)s")
# passes.follow_ups, when a pass has failed: the ids of the due follow-ups, and the statement for some of these ids.
DUE_FOLLOWUP_IDS = "SELECT id FROM executions_followup WHERE due_at <= %(now)s ORDER BY due_at, id LIMIT %(limit)s"
TAKE_FOLLOWUPS_BY_ID = _take_followups("id = ANY(%(id)s) AND due_at <= %(now)s")
DELETE_FOLLOWUPS = "DELETE FROM executions_followup WHERE id = ANY(%(id)s)"
# A partly handled follow-up goes to the back of the queue, without `run_id`: the end of that run has been handled.
REQUEUE_FOLLOWUPS = "UPDATE executions_followup SET run_id = NULL, due_at = %(now)s WHERE id = ANY(%(id)s)"
POSTPONE_FOLLOWUPS = "UPDATE executions_followup SET due_at = %(until)s WHERE id = ANY(%(id)s)"
SCHEDULE_FOLLOWUPS = """
INSERT INTO executions_followup (job_id, concurrency_key, rate_key, due_at)
SELECT * FROM unnest(%(job_id)s::uuid[], %(concurrency_key)s::text[], %(rate_key)s::text[], %(due_at)s::timestamptz[])
"""
NEXT_FOLLOWUP = "SELECT min(due_at) FROM executions_followup"

# reaper.recheck_held: a follow-up for each group of held runs, in case one is missing.
RECHECK_HELD = """
INSERT INTO executions_followup (job_id, concurrency_key, rate_key, due_at)
SELECT DISTINCT job_id, concurrency_key, rate_key, %(now)s::timestamptz FROM (
    SELECT job_id, concurrency_key, rate_key FROM executions_run
     WHERE status = 'held' AND available_at <= %(now)s LIMIT %(limit)s) AS held
"""

# runs.enable_followups and disable_followups: the jobs that get a follow-up whenever a run ends. A job with buffered
# runs keeps its row; otherwise nothing would start the buffered runs.
ENABLE_FOLLOWUPS = "INSERT INTO executions_watch (job_id) SELECT unnest(%(job_id)s::uuid[]) ON CONFLICT DO NOTHING"
DISABLE_FOLLOWUPS = f"""
DELETE FROM executions_watch AS watch WHERE watch.job_id = ANY(%(job_id)s)
   AND NOT EXISTS (SELECT FROM executions_run AS run
                    WHERE run.job_id = watch.job_id AND {has_status({RunStatus.HELD})} AND run.is_buffered)
"""
