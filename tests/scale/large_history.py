"""100,000 jobs and 200,000 runs, inserted by SQL as copies of jobs that the product created.

The rows that the lists search for are few and old: a scan from the newest row would read nearly all rows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import connection

from executions.history import partitions
from tests.factories import make_job

if TYPE_CHECKING:
    from schedules.models import Job

N_JOBS, N_RUNS = 100_000, 200_000
URL = {"kind": "http", "url": "https://example.org/hook"}
SCHEDULES = ({"cron": "*/5 * * * *"}, {"every": "5m"}, {"at": "2027-01-01T00:00:00Z"}, {"kind": "none"})

ID = "(lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex({n}), 15, '0'))::uuid"

# The rows that are copied are read first, MATERIALIZED: a scan of the table for each new row would read new rows too.
DEFINITIONS = f"""
WITH spec AS MATERIALIZED (SELECT * FROM executions_runspec WHERE job_id IN (%(command)s, %(http)s))
INSERT INTO executions_runspec (job_id, job_name, version, target_kind, target, payload, policies, created_at,
                                superseded_at)
SELECT {ID.format(at="('2026-01-01'::timestamptz + n * interval '1 second')", n="n")},
       'job ' || n || ' ' || (ARRAY['invoice export', 'nightly report', 'greeting', 'cleanup', 'sync'])[1 + n %% 5],
       v, spec.target_kind, spec.target, spec.payload, spec.policies, spec.created_at,
       CASE WHEN n %% 10 = 0 AND v = 1 THEN spec.created_at END
  FROM generate_series(1, {N_JOBS}) AS n
  JOIN spec ON spec.job_id = CASE WHEN n <= 300 THEN %(command)s ELSE %(http)s END::uuid
 CROSS JOIN LATERAL generate_series(1, CASE WHEN n %% 10 = 0 THEN 2 ELSE 1 END) AS v
 ORDER BY n
"""
# Each run of a job writes its row anew, so that after some time the rows lie in no order.
JOBS = f"""
WITH job AS MATERIALIZED (SELECT * FROM schedules_job WHERE id = ANY(%(schedules)s::uuid[]))
INSERT INTO schedules_job (id, scope_id, name, description, spec_id, schedule, created_at, updated_at, state,
                           pause_reason, mark_at, next_run_at, n_scheduled)
SELECT spec.job_id, job.scope_id, spec.job_name, '', spec.id, job.schedule, job.created_at, job.updated_at,
       CASE WHEN n <= 100 THEN 'ended' WHEN n <= 4000 THEN 'paused' ELSE 'active' END, '', job.mark_at,
       CASE WHEN n > 150 THEN job.mark_at + ((n * 7919) %% {N_JOBS}) * interval '10 ms' END, 0
  FROM (SELECT *, row_number() OVER (ORDER BY job_id) AS n FROM executions_runspec
         WHERE superseded_at IS NULL AND job_name LIKE 'job %%') AS spec
  JOIN job
    ON job.id = (%(schedules)s::uuid[])[CASE WHEN n <= 50 THEN 2 WHEN n <= 100 THEN 3 WHEN n <= 150 THEN 4 ELSE 1 END]
 ORDER BY md5(n::text)
"""
RUNS = f"""
INSERT INTO executions_run (id, scope_id, job_id, spec_id, origin, nominal_at, status, reason, created_at,
                            available_at, started_at, finished_at)
SELECT {ID.format(at="at", n="run.n")}, job.scope_id, job.id, job.spec_id,
       CASE WHEN run.n %% 500 = 0 OR run.n > 150000 AND run.n %% 3 = 0 THEN 'manual' ELSE 'schedule' END, at, status,
       CASE WHEN status = 'skipped' THEN 'overlap' ELSE '' END, at, at, at,
       CASE WHEN status <> 'queued' THEN at END
  FROM (SELECT n, '2026-11-01'::timestamptz + n * interval '3 seconds' AS at,
               CASE WHEN n <= 20000 THEN 'failed' WHEN n <= 22000 THEN 'cancelled' WHEN n <= 26000 THEN 'skipped'
                    WHEN n > {N_RUNS} - 100 THEN 'queued' ELSE 'succeeded' END AS status,
               CASE WHEN n %% 2 = 0 THEN 1 ELSE 1 + (n::bigint * 7919) %% {N_JOBS} END AS of_job
          FROM generate_series(1, {N_RUNS}) AS n) AS run
  JOIN (SELECT *, row_number() OVER (ORDER BY id) AS n FROM schedules_job WHERE name LIKE 'job %%') AS job
    ON job.n = of_job
"""


def fill() -> None:
    """Insert all rows. Half of the runs belong to one job, the oldest."""
    first = make_job("template", {"kind": "none"})
    schedules = [make_job("template", schedule, target=URL) for schedule in SCHEDULES]
    values: dict[str, Any] = {"command": first.pk, "http": schedules[0].pk, "schedules": [job.pk for job in schedules]}
    partitions.prepare(datetime(2026, 11, 1, tzinfo=UTC))  # a partition for each day of the runs, as in production
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")  # `prepare` has set both
        for statement in (DEFINITIONS, JOBS, RUNS):
            cursor.execute(statement, values)
            cursor.execute("ANALYZE schedules_job, executions_runspec")  # the next statement joins them
        _remove([first, *schedules])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; ANALYZE")


def _remove(templates: list[Job]) -> None:
    for job in templates:
        job.delete()
        job.spec.delete()
