"""SQL statements about the runs of jobs. The statements read runs, add events to runs, and delete old data."""

from __future__ import annotations

from executions.lifecycle.queries import sql_list
from executions.models.pruned import MAX_ERROR_LENGTH
from executions.states import LIVE

# The run started, or it is live and may still start.
IS_LIVE_OR_STARTED = f"(started_at IS NOT NULL OR status IN ({sql_list(LIVE)}))"

# The CASE hides the condition from the planner. With a plain condition, the planner estimated that the unique index
# (job, nominal instant, origin), read for both origins, costs more than the runs of all jobs.
IS_SCHEDULED_OR_BACKFILL = "CASE WHEN origin IN ('schedule', 'backfill') THEN true ELSE false END"

# by_job.occurrence_rows: a page of the rows of a job's schedule and backfills within a window. Reads the unique index
# (job, nominal instant, origin). There are no bounds on the id, because with bounds the planner would choose the
# primary key, and read the runs of all jobs.
RECORD_COLUMNS = f"""id, origin, nominal_at, COALESCE(last_nominal_at, nominal_at), n_occurrences, status, reason,
       started_at, finished_at, n_attempts, error_code, {IS_LIVE_OR_STARTED}, planned_at"""
OCCURRENCE_ROWS = f"""
SELECT {RECORD_COLUMNS}
  FROM executions_run
 WHERE job_id = %(job_id)s AND (nominal_at, origin) > (%(after)s, %(after_origin)s) AND nominal_at <= %(until)s
   AND {IS_SCHEDULED_OR_BACKFILL}
 ORDER BY nominal_at, origin LIMIT %(limit)s
"""

# by_job.occurrence_rows: the latest folded row (one row for several occurrences) that begins before the window. This
# row may reach into the window. Index run_folded.
FOLDED = f"""
SELECT {RECORD_COLUMNS}
  FROM executions_run
 WHERE job_id = %(job_id)s AND nominal_at <= %(after)s AND n_occurrences > 1 AND origin = 'schedule'
 ORDER BY nominal_at DESC LIMIT 1
"""

# by_job.occurrence_rows_of_jobs: like OCCURRENCE_ROWS, for several jobs, up to a limit for each job. Compares pairs
# (job, instant), because only an index that begins with the job can serve such a comparison.
OCCURRENCE_ROWS_OF_JOBS = f"""
SELECT run.job_id, {RECORD_COLUMNS}
  FROM unnest(%(job_id)s::uuid[], %(after)s::timestamptz[], %(until)s::timestamptz[])
        AS wanted (wanted_id, after, until)
 CROSS JOIN LATERAL (
    SELECT * FROM executions_run
     WHERE job_id = wanted_id AND (job_id, nominal_at) > (wanted_id, wanted.after)
       AND (job_id, nominal_at) <= (wanted_id, wanted.until)
       AND {IS_SCHEDULED_OR_BACKFILL}
     ORDER BY nominal_at, origin LIMIT %(limit)s) AS run
 ORDER BY run.job_id, run.nominal_at, run.origin
"""

# by_job.occurrence_rows: for runs that never started, the latest retry that started or is live. Index
# run_retry_of.
STARTED_RETRIES = f"""
SELECT DISTINCT ON (retry_of) retry_of, {RECORD_COLUMNS}
  FROM executions_run
 WHERE retry_of = ANY(%(id)s) AND {IS_LIVE_OR_STARTED}
 ORDER BY retry_of, created_at DESC, id DESC
"""

# by_instant.instant_states: the rows of some instants of a job, in the order of their creation. If two rows were
# created at the same time, the schedule's row is before the backfill's row. Reads the unique index (job, nominal
# instant, origin).
ROWS_OF_INSTANTS = f"""
SELECT id, nominal_at, origin, status, {IS_LIVE_OR_STARTED} FROM executions_run
 WHERE job_id = %(job_id)s AND nominal_at = ANY(%(nominal_at)s) AND origin IN ('schedule', 'backfill')
   AND n_occurrences = 1
 ORDER BY created_at, origin DESC
"""
# by_instant.instant_states: the status of each run's latest retry, and whether any retry started or is live. Index
# run_retry_of.
RETRIES = f"""
SELECT retry_of, (array_agg(status ORDER BY created_at DESC, id DESC))[1], bool_or({IS_LIVE_OR_STARTED})
  FROM executions_run WHERE retry_of = ANY(%(id)s) GROUP BY retry_of
"""
# by_instant.instant_states: folded rows that overlap a span of instants. Index run_folded.
FOLDED_IN = """
SELECT nominal_at, last_nominal_at FROM executions_run
 WHERE job_id = %(job_id)s AND n_occurrences > 1 AND status = 'skipped' AND nominal_at <= %(last_at)s
   AND last_nominal_at >= %(first_at)s
"""

# by_job.last_scheduled_at: the last instant for which a job's schedule left a row. A folded row ends at
# `last_nominal_at`.
LAST_SCHEDULED_AT = """
SELECT COALESCE(last_nominal_at, nominal_at) FROM executions_run
 WHERE job_id = %(job_id)s AND nominal_at > %(after)s AND origin = 'schedule'
 ORDER BY nominal_at DESC LIMIT 1
"""

# by_job.jobs_failed_in_a_row: which of these jobs failed in all of their latest `n_runs` runs. Planned each time, with
# the partitions as large as they are then.
FAILED_IN_A_ROW = """
SELECT wanted_id
  FROM unnest(%(job_id)s::uuid[], %(n_runs)s::int[], %(after)s::timestamptz[]) AS wanted (wanted_id, n_runs, after)
 CROSS JOIN LATERAL (
    SELECT status FROM executions_run
     WHERE job_id = wanted_id AND nominal_at > wanted.after AND status IN ('succeeded', 'failed')
     ORDER BY nominal_at DESC LIMIT wanted.n_runs) AS latest
 GROUP BY wanted_id, n_runs HAVING count(*) = n_runs AND bool_and(status = 'failed')
"""

# by_job.append_event: record an event of the whole job on its first or latest run.
APPEND_EVENT = """
INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, reason)
SELECT run.id, run.scope_id, %(kind)s, %(now)s, run.n_attempts, %(reason)s
  FROM (SELECT * FROM executions_run WHERE job_id = %(job_id)s ORDER BY {order} LIMIT 1) AS run
"""
APPEND_EVENT_TO_LATEST = APPEND_EVENT.format(order="nominal_at DESC, id DESC")
APPEND_EVENT_TO_FIRST = APPEND_EVENT.format(order="nominal_at, id")

# by_instant.count_live and count_by_status. Both read the index run_backfill.
COUNT_LIVE_OF_BACKFILL = f"""
SELECT count(*) FROM executions_run WHERE backfill_id = %(id)s AND status IN ({sql_list(LIVE)})
"""
COUNT_OF_BACKFILLS = """
SELECT backfill_id, status, count(*) FROM executions_run WHERE backfill_id = ANY(%(ids)s) GROUP BY backfill_id, status
"""

# Keep what a `PrunedRun` has of the latest started run of each job in `latest`, unless a later run is already kept. Not
# for deleted jobs, whose definitions are all superseded. `latest` has the columns job_id and nominal_at.
KEEP = f"""
INSERT INTO executions_prunedrun AS kept
       (job_id, scope_id, run_id, nominal_at, status, started_at, finished_at, error_code, error)
SELECT DISTINCT ON (run.job_id) run.job_id, run.scope_id, run.id, run.nominal_at, run.status, run.started_at,
       run.finished_at, run.error_code, left(run.error, {MAX_ERROR_LENGTH})
  FROM latest JOIN {{runs}} AS run ON run.job_id = latest.job_id AND run.nominal_at = latest.nominal_at
 WHERE run.started_at IS NOT NULL AND run.finished_at IS NOT NULL
   AND EXISTS (SELECT FROM executions_runspec AS spec WHERE spec.job_id = run.job_id AND spec.superseded_at IS NULL)
 ORDER BY run.job_id, run.id DESC
ON CONFLICT (job_id) DO UPDATE
   SET run_id = EXCLUDED.run_id, nominal_at = EXCLUDED.nominal_at, status = EXCLUDED.status,
       started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at, error_code = EXCLUDED.error_code,
       error = EXCLUDED.error
 WHERE kept.nominal_at < EXCLUDED.nominal_at
"""
# partitions.drop_old: before a day is dropped, keep the latest runs of the jobs that have not started since. Reads all
# rows of the day and, for each of its jobs, the unique index (job, nominal instant, origin) of each later day.
KEEP_OF_DAY = f"""
WITH of_day AS (
    SELECT job_id, max(nominal_at) AS nominal_at FROM {{runs}} WHERE started_at IS NOT NULL GROUP BY job_id
), latest AS (
    SELECT of_day.* FROM of_day LEFT JOIN LATERAL (
        SELECT true AS found FROM executions_run AS run
         WHERE run.job_id = of_day.job_id AND run.nominal_at > of_day.nominal_at AND run.started_at IS NOT NULL
         LIMIT 1) AS later ON true
     WHERE later.found IS NULL
){KEEP}
"""

# retention.prune_once: delete ended runs with their attempts, events and log lines, oldest first. Reads the index
# run_finished. `runs` is the whole table or one partition.
PRUNE = f"""
WITH old AS (
    SELECT id, job_id, nominal_at, started_at FROM {{runs}} WHERE finished_at < %(before)s
     ORDER BY finished_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), latest AS (
    SELECT job_id, max(nominal_at) AS nominal_at FROM old WHERE started_at IS NOT NULL GROUP BY job_id
), kept AS ({KEEP}), attempts AS (DELETE FROM executions_attempt WHERE run_id IN (SELECT id FROM old)),
   events AS (DELETE FROM executions_runevent WHERE run_id IN (SELECT id FROM old)),
   lines AS (DELETE FROM executions_logline WHERE run_id IN (SELECT id FROM old))
DELETE FROM executions_run WHERE id IN (SELECT id FROM old)
"""

# retention.prune_once: delete superseded definitions that no run refers to. Reads the indexes spec_superseded and, for
# each definition, the unique index (job, nominal instant, origin) of the runs.
PRUNE_SPECS = """
DELETE FROM executions_runspec AS spec
 WHERE spec.id IN (
    SELECT old.id FROM executions_runspec AS old
     WHERE old.superseded_at < %(before)s
       AND NOT EXISTS (SELECT FROM executions_run AS run WHERE run.job_id = old.job_id AND run.spec_id = old.id)
     ORDER BY old.superseded_at, old.id LIMIT %(limit)s)
"""

# retention.prune_all: delete the states of rate limits that were not used for longer than the longest period. Such a
# state no longer delays a start.
PRUNE_RATES = """
DELETE FROM executions_ratestate WHERE key IN (
    SELECT key FROM executions_ratestate WHERE arrives_at < %(before)s LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""
