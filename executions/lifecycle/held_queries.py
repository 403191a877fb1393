"""Every SQL statement about runs that are held: what may start, what follows when others end, what came too late."""

from __future__ import annotations

from executions.lifecycle.queries import NAMED, among, followed, is_one_of
from executions.states import ACTIVE, TRANSITIONS, RunStatus, before


# admission.admit: of each of these jobs and keys the first of what is held and does not wait for its own instant, nor
# behind another run of its job. The first of each kind of terms: behind what one limit holds there may be what none does.
# The kinds are found one by one in the index, however many runs there are of each. A job is asked once whether a run of
# it goes on (OFFSET 0: the planner would else ask for each of its runs).
def _first_held(column: str, kind: str) -> str:
    held = f"executions_run AS held WHERE {is_one_of({RunStatus.HELD}, 'held')} AND held.{column} = given.value"
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
                     WHERE other.job_id = {job} AND {is_one_of(ACTIVE, "other")})"""


HELD = f"""
SELECT run.id, run.job_id, run.is_buffered, run.concurrency_key, run.rate_key, run.terms, spec.policies
  FROM ({_first_held("job_id", "uuid")}
        UNION {_first_held("concurrency_key", "text")}
        UNION {_first_held("rate_key", "text")}) AS run
  JOIN executions_runspec AS spec ON spec.id = run.spec_id
 ORDER BY run.priority DESC, run.nominal_at, run.id
"""
COUNT_ACTIVE = f"""
SELECT job_id, count(*) FROM executions_run AS run
 WHERE job_id = ANY(%(job_id)s) AND {is_one_of(ACTIVE)} GROUP BY job_id
"""
COUNT_OF_KEYS = f"""
SELECT concurrency_key, count(*) FROM executions_run AS run
 WHERE concurrency_key = ANY(%(key)s) AND concurrency_key <> '' AND {is_one_of(ACTIVE)} GROUP BY concurrency_key
"""
# One admission at a time for each of these; they are always locked in one order.
LOCK_KEYS = """
SELECT pg_advisory_xact_lock(number) FROM (
    SELECT DISTINCT hashtextextended(key, 0) AS number FROM unnest(%(key)s::text[]) AS given (key) ORDER BY number
) AS numbers
"""
RATES = "SELECT key, arrives_at FROM executions_ratestate WHERE key = ANY(%(key)s)"
SET_RATES = """
INSERT INTO executions_ratestate (key, arrives_at)
SELECT * FROM unnest(%(key)s::text[], %(arrives_at)s::timestamptz[])
ON CONFLICT (key) DO UPDATE SET arrives_at = EXCLUDED.arrives_at
"""

# transitions.release: held runs that may start, or that a limit does not let start at all.
RELEASE = f"""
WITH released AS (
    UPDATE executions_run AS run
       SET status = wanted.status, reason = wanted.reason,
           dispatch_at = CASE WHEN wanted.status = 'queued' THEN %(now)s::timestamptz END,
           finished_at = CASE WHEN wanted.status <> 'queued' THEN %(now)s::timestamptz END
      FROM unnest(%(id)s::uuid[], %(status)s::text[], %(reason)s::text[]) AS wanted (id, status, reason)
     WHERE run.id = wanted.id AND {NAMED} AND {is_one_of({RunStatus.HELD})}
       AND wanted.status IN ({among(TRANSITIONS[RunStatus.HELD])})
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.reason
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, reason)
    SELECT id, scope_id, status, %(now)s, reason FROM released
), {followed("released")}
SELECT id FROM released LEFT JOIN woken ON TRUE
"""

# transitions.expire: what nobody has begun before its start deadline.
NOT_BEGUN = "run.status IN ('held', 'queued') AND run.n_attempts = 0 AND run.expires_at IS NOT NULL"
EXPIRE = f"""
WITH late AS (
    SELECT id FROM executions_run AS run WHERE {NOT_BEGUN} AND run.expires_at <= %(now)s
     ORDER BY run.expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE executions_run AS run
       SET status = 'skipped', reason = 'expired', finished_at = %(now)s, dispatch_at = NULL
      FROM late WHERE run.id = late.id AND run.status IN ({among(before(RunStatus.SKIPPED))})
    RETURNING run.id, run.job_id, run.concurrency_key, run.scope_id, run.status, run.reason
), noted AS (
    INSERT INTO executions_runevent (run_id, scope_id, kind, at, reason)
    SELECT id, scope_id, status, %(now)s, reason FROM ended
), {followed("ended")}
SELECT id FROM ended LEFT JOIN woken ON TRUE
"""
# expire, when a pass has failed: what it was about, to take it apart.
EXPIRED_IDS = f"""
SELECT id FROM executions_run AS run WHERE {NOT_BEGUN} AND run.expires_at <= %(now)s
 ORDER BY run.expires_at LIMIT %(limit)s
"""
EXPIRE_BY_ID = EXPIRE.replace("WHERE", f"WHERE {NAMED} AND", 1)
NEXT_EXPIRY = f"SELECT min(run.expires_at) FROM executions_run AS run WHERE {NOT_BEGUN}"

# runs.take_followups: what is to be looked at, without what another beat has in hand.
TAKE_FOLLOWUPS = """
SELECT id, job_id, run_id, concurrency_key, rate_key FROM executions_followup
 WHERE due_at <= %(now)s ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
# follow_ups, when a pass has failed: what it was about, to take it apart.
DUE_FOLLOWUP_IDS = "SELECT id FROM executions_followup WHERE due_at <= %(now)s ORDER BY due_at, id LIMIT %(limit)s"
TAKE_FOLLOWUPS_BY_ID = TAKE_FOLLOWUPS.replace("WHERE", "WHERE id = ANY(%(id)s) AND")
DELETE_FOLLOWUPS = "DELETE FROM executions_followup WHERE id = ANY(%(id)s)"
# Behind those that wait for their first look.
REQUEUE_FOLLOWUPS = "UPDATE executions_followup SET run_id = NULL, due_at = %(now)s WHERE id = ANY(%(id)s)"
POSTPONE_FOLLOWUPS = "UPDATE executions_followup SET due_at = %(until)s WHERE id = ANY(%(id)s)"
SCHEDULE_FOLLOWUPS = """
INSERT INTO executions_followup (job_id, concurrency_key, rate_key, due_at)
SELECT * FROM unnest(%(job_id)s::uuid[], %(concurrency_key)s::text[], %(rate_key)s::text[], %(due_at)s::timestamptz[])
"""
NEXT_FOLLOWUP = "SELECT min(due_at) FROM executions_followup"

# reaper: whatever is held is looked at now and then, should a follow-up ever be missing.
RECONSIDER = """
INSERT INTO executions_followup (job_id, concurrency_key, rate_key, due_at)
SELECT DISTINCT job_id, concurrency_key, rate_key, %(now)s::timestamptz FROM (
    SELECT job_id, concurrency_key, rate_key FROM executions_run
     WHERE status = 'held' AND available_at <= %(now)s LIMIT %(limit)s) AS held
"""

# runs.watch: jobs of whose runs' ends something follows.
ENABLE_FOLLOWUPS = "INSERT INTO executions_watch (job_id) SELECT unnest(%(job_id)s::uuid[]) ON CONFLICT DO NOTHING"
DISABLE_FOLLOWUPS = f"""
DELETE FROM executions_watch AS watch WHERE watch.job_id = ANY(%(job_id)s)
   AND NOT EXISTS (SELECT FROM executions_run AS run
                    WHERE run.job_id = watch.job_id AND {is_one_of({RunStatus.HELD})} AND run.is_buffered)
"""
