"""Creates up to millions of jobs and runs in seconds: copies the jobs of `prototype.py` inside the database.

Job number n has the same id, `job_id(n)`, in every database.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JOB_ID = "'01900000-0000-7000-8000-' || lpad(to_hex({n}), 12, '0')"
# jsonb_populate_record changes the named columns only, so the copies stay valid when a migration adds a column.
SPECS = f"""
INSERT INTO executions_runspec
SELECT new.* FROM executions_runspec AS old, generate_series(1, %(n)s) AS number,
  LATERAL jsonb_populate_record(old, jsonb_build_object(
      'id', old.id + 1000 + number, 'job_id', {JOB_ID.format(n="number")}, 'job_name', 'job ' || number)) AS new
 WHERE old.target_kind = %(kind)s
"""
JOBS = """
INSERT INTO schedules_job
SELECT new.* FROM schedules_job AS old JOIN executions_runspec AS first ON first.id = old.spec_id
  JOIN executions_runspec AS spec ON spec.id <> first.id AND spec.job_id <> first.job_id,
  LATERAL jsonb_populate_record(old, jsonb_build_object(
      'id', spec.job_id, 'spec_id', spec.id, 'name', spec.job_name)) AS new
 WHERE first.target_kind = %(kind)s
   AND spec.job_id BETWEEN '01900000-0000-7000-8000-000000000000' AND '01900000-0000-7000-8000-ffffffffffff'
"""
NOT_COPIED = "NOT BETWEEN '01900000-0000-7000-8000-000000000000' AND '01900000-0000-7000-8000-ffffffffffff'"
DELETE_PROTOTYPES = (
    f"DELETE FROM schedules_job WHERE id {NOT_COPIED}",
    f"DELETE FROM executions_runspec WHERE job_id {NOT_COPIED}",
)
RESET_SEQUENCE = (
    "SELECT setval(pg_get_serial_sequence('executions_runspec', 'id'), (SELECT max(id) FROM executions_runspec))"
)
SET_URL = "UPDATE executions_runspec SET target = jsonb_set(target, '{url}', to_jsonb(%s::text))"
MAKE_DUE = f"""
WITH due AS (
    SELECT to_timestamp(at) AS at, ({JOB_ID.format(n="number + %(first)s")})::uuid AS id
      FROM unnest(%(at)s::float8[]) WITH ORDINALITY AS listed (at, number)
)
UPDATE schedules_job AS job
   SET next_run_at = due.at, mark_at = due.at - interval '1 minute', state = 'active',
       schedule = schedule
           || jsonb_build_object('at', to_char(due.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.USZ'))
  FROM due WHERE job.id = due.id
"""
# Of every 50 runs, one failed and one was skipped. As in the product, a run's id starts with its nominal instant
# (UUIDv7), so that a look-up by id reads one partition.
RUNS = f"""
INSERT INTO executions_run (id, scope_id, job_id, spec_id, origin, nominal_at, status, reason, created_at,
                            available_at, started_at, finished_at, claim_no, n_attempts, error_code, error, worker)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
       job.scope_id, job.id, job.spec_id, 'schedule', at,
       CASE n %% 50 WHEN 0 THEN 'failed' WHEN 1 THEN 'skipped' ELSE 'succeeded' END,
       CASE n %% 50 WHEN 1 THEN 'overlap' ELSE '' END, at, at, CASE WHEN n %% 50 <> 1 THEN at END, at,
       (n %% 50 <> 1)::int, (n %% 50 <> 1)::int, CASE n %% 50 WHEN 0 THEN 'exception' ELSE '' END,
       CASE n %% 50 WHEN 0 THEN 'no luck' ELSE '' END, CASE WHEN n %% 50 <> 1 THEN 'worker' ELSE '' END
  FROM (SELECT n, now() - (%(n)s - n) * (interval '7 days' / %(n)s) AS at FROM generate_series(1, %(n)s) AS n) AS run
  JOIN schedules_job AS job ON job.id = ({JOB_ID.format(n="1 + (run.n::bigint * 7919) %% %(n_jobs)s")})::uuid
"""
FINISHED_RUNS = """
SELECT extract(epoch FROM nominal_at)::float8, extract(epoch FROM started_at)::float8,
       extract(epoch FROM finished_at)::float8
  FROM executions_run WHERE finished_at IS NOT NULL AND status = 'succeeded'
"""
N_FINISHED = "SELECT count(*) FROM executions_run WHERE finished_at IS NOT NULL"
UNSUCCESSFUL_RUNS = """
SELECT status, reason, count(*) FROM executions_run
 WHERE finished_at IS NOT NULL AND status <> 'succeeded' GROUP BY 1, 2
"""
# For a partitioned table, these are the parent's indexes. Each DROP and CREATE also applies to all partitions.
INDEXES = """
SELECT index.relname, pg_get_indexdef(index.oid)
  FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid
 WHERE indrelid = to_regclass(%s) AND NOT indisunique
"""


def job_id(number: int) -> UUID:
    """Return the id of a job by its number, which starts at 1."""
    return UUID(f"01900000-0000-7000-8000-{number:012x}")


def add_jobs(database_url: str, n_jobs: int, kind: str) -> None:
    """Replace the prototypes with `n_jobs` jobs of this target kind, due in the year 2999."""
    with psycopg.connect(database_url) as connection:
        values = {"n": n_jobs, "kind": kind}
        with _indexes_rebuilt_afterwards(connection, "executions_runspec"):
            connection.execute(SPECS, values)
        with _indexes_rebuilt_afterwards(connection, "schedules_job"):
            connection.execute(JOBS, values)
        for statement in (*DELETE_PROTOTYPES, RESET_SEQUENCE):
            connection.execute(statement)
    vacuum(database_url)


def add_runs(database_url: str, n_runs: int, n_jobs: int) -> None:
    """Create `n_runs` finished runs, without attempts and logs, spread over the last 7 days and `n_jobs` jobs."""
    with psycopg.connect(database_url) as connection, _indexes_rebuilt_afterwards(connection, "executions_run"):
        connection.execute(RUNS, {"n": n_runs, "n_jobs": n_jobs})
    vacuum(database_url)


def set_url(database_url: str, url: str) -> None:
    """Set the URL that every job calls."""
    with psycopg.connect(database_url) as connection:
        connection.execute(SET_URL, [url])


def vacuum(database_url: str) -> None:
    """Run vacuum, analyze and checkpoint now, so that PostgreSQL does not run them during a measurement."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def make_due(database_url: str, instants: Sequence[float], first: int) -> None:
    """Make one job due once at each of `instants` (seconds since 1970), starting with job number `first` + 1."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MAKE_DUE, {"at": list(instants), "first": first})


def n_finished(database_url: str) -> int:
    """Return the number of finished runs."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(N_FINISHED).fetchone()
    return int(row[0]) if row else 0


def finished_runs(database_url: str) -> list[tuple[float, float, float]]:
    """Return the nominal instant, start and end of each succeeded run, in seconds since 1970."""
    with psycopg.connect(database_url) as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(FINISHED_RUNS)]


def unsuccessful_runs(database_url: str) -> str:
    """Return the numbers of finished runs that did not succeed, by status and reason, as a text (may be empty)."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(UNSUCCESSFUL_RUNS).fetchall()
    return ", ".join(f"{n} {status} {reason}".strip() for status, reason, n in rows)


@contextmanager
def _indexes_rebuilt_afterwards(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """Drop the table's non-unique indexes and create them at the end: faster than updating them for each row."""
    connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
    indexes = connection.execute(INDEXES, [table]).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # CREATE INDEX fails while foreign key checks are pending
    for _, definition in indexes:
        connection.execute(definition.replace(" ON ONLY ", " ON "))
