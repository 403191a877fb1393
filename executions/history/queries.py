"""The SQL by which the rows of occurrences are read: to be held against what was expected, and to be carried out again."""

from __future__ import annotations

from executions.lifecycle.queries import among
from executions.states import LIVE

# It was carried out, at least in part, or it still is to be.
HAS_BEGUN = f"(started_at IS NOT NULL OR status IN ({among(LIVE)}))"

# A schedule's own rows and those of backfills. Of no use to the planner: it has been seen to believe that to look for
# either origin in the index of a job's instants costs more than to go through the runs of all jobs.
OF_CLOCK = "CASE WHEN origin IN ('schedule', 'backfill') THEN true ELSE false END"

# by_job.recorded: the rows of a job's schedule, and of backfills, within a window. Bounds on the id, which begins with the
# nominal instant, would lead the planner to the primary key, and so through the runs of all jobs.
RECORD = f"""id, origin, nominal_at, COALESCE(last_nominal_at, nominal_at), n_occurrences, status, reason, started_at,
       finished_at, n_attempts, error_code, {HAS_BEGUN}, planned_at"""
RECORDED = f"""
SELECT {RECORD}
  FROM executions_run
 WHERE job_id = %(job_id)s AND (nominal_at, origin) > (%(after)s, %(after_origin)s) AND nominal_at <= %(until)s
   AND {OF_CLOCK}
 ORDER BY nominal_at, origin LIMIT %(limit)s
"""

# by_job.recorded: the folded row that may reach into the window from before it.
FOLDED = f"""
SELECT {RECORD}
  FROM executions_run
 WHERE job_id = %(job_id)s AND nominal_at <= %(after)s AND n_occurrences > 1 AND origin = 'schedule'
 ORDER BY nominal_at DESC LIMIT 1
"""

# by_job.recorded_of: the rows of several jobs' schedules since an instant, which are compared as pairs so that no index
# serves that does not begin with the job.
RECORDED_OF_JOBS = f"""
SELECT run.job_id, {RECORD}
  FROM unnest(%(job_id)s::uuid[], %(after)s::timestamptz[], %(until)s::timestamptz[])
        AS wanted (wanted_id, after, until)
 CROSS JOIN LATERAL (
    SELECT * FROM executions_run
     WHERE job_id = wanted_id AND (job_id, nominal_at) > (wanted_id, wanted.after)
       AND (job_id, nominal_at) <= (wanted_id, wanted.until)
       AND {OF_CLOCK}
     ORDER BY nominal_at, origin LIMIT %(limit)s) AS run
 ORDER BY run.job_id, run.nominal_at, run.origin
"""

# by_job.recorded: of runs that never began, the latest retries that did.
BEGUN_RETRIES = f"""
SELECT DISTINCT ON (retry_of) retry_of, {RECORD}
  FROM executions_run
 WHERE retry_of = ANY(%(id)s) AND {HAS_BEGUN}
 ORDER BY retry_of, created_at DESC, id DESC
"""

# by_instant.outcomes_at: what there is of certain instants, in the order in which it was made.
OF_INSTANTS = f"""
SELECT id, nominal_at, origin, status, {HAS_BEGUN} FROM executions_run
 WHERE job_id = %(job_id)s AND nominal_at = ANY(%(nominal_at)s) AND origin IN ('schedule', 'backfill')
   AND n_occurrences = 1
 ORDER BY created_at, origin DESC
"""
# by_instant.outcomes_at: the status of each one's latest retry, and whether any of them began.
RETRIES = f"""
SELECT retry_of, (array_agg(status ORDER BY created_at DESC, id DESC))[1], bool_or({HAS_BEGUN})
  FROM executions_run WHERE retry_of = ANY(%(id)s) GROUP BY retry_of
"""
FOLDED_IN = """
SELECT nominal_at, last_nominal_at FROM executions_run
 WHERE job_id = %(job_id)s AND n_occurrences > 1 AND status = 'skipped' AND nominal_at <= %(last_at)s
   AND last_nominal_at >= %(first_at)s
"""

# by_job.last_of_schedule: of the last row of a job's schedule, the instant up to which it goes.
LAST_OF_SCHEDULE = """
SELECT COALESCE(last_nominal_at, nominal_at) FROM executions_run
 WHERE job_id = %(job_id)s AND nominal_at > %(after)s AND origin = 'schedule'
 ORDER BY nominal_at DESC LIMIT 1
"""

# by_job.note: something about a job, told by an event of one of its runs.
NOTE = """
INSERT INTO executions_runevent (run_id, scope_id, kind, at, attempt, reason)
SELECT run.id, run.scope_id, %(kind)s, %(now)s, run.n_attempts, %(reason)s
  FROM (SELECT * FROM executions_run WHERE job_id = %(job_id)s ORDER BY {order} LIMIT 1) AS run
"""
NOTE_ON_LATEST = NOTE.format(order="nominal_at DESC, id DESC")
NOTE_ON_FIRST = NOTE.format(order="nominal_at, id")
