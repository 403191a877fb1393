"""Many jobs and runs in a moment: the jobs that `prototype.py` made, multiplied inside the database.

Job n has the id that `job_id` gives it, whatever the database.
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
# Whatever other columns there are keep the prototype's values.
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
LEFT = "NOT BETWEEN '01900000-0000-7000-8000-000000000000' AND '01900000-0000-7000-8000-ffffffffffff'"
PROTOTYPES = (f"DELETE FROM schedules_job WHERE id {LEFT}", f"DELETE FROM executions_runspec WHERE job_id {LEFT}")
SEQUENCE = "SELECT setval(pg_get_serial_sequence('executions_runspec', 'id'), (SELECT max(id) FROM executions_runspec))"
AIM = "UPDATE executions_runspec SET target = jsonb_set(target, '{url}', to_jsonb(%s::text))"
MAKE_DUE = f"""
WITH due AS (
    SELECT to_timestamp(at) AS at, ({JOB_ID.format(n="number + %(first)s")})::uuid AS id
      FROM unnest(%(at)s::float8[]) WITH ORDINALITY AS listed (at, number)
)
UPDATE schedules_job AS job
   SET next_run_at = due.at, mark_at = due.at - interval '1 minute', state = 'active',
       schedule = schedule || jsonb_build_object('at', to_char(due.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.USZ'))
  FROM due WHERE job.id = due.id
"""
# One of 50 has failed, one of 50 was skipped. The ids begin with the time of the nominal instant, as the product's do.
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
DONE = """
SELECT extract(epoch FROM nominal_at)::float8, extract(epoch FROM started_at)::float8,
       extract(epoch FROM finished_at)::float8
  FROM executions_run WHERE finished_at IS NOT NULL AND status = 'succeeded'
"""
N_DONE = "SELECT count(*) FROM executions_run WHERE finished_at IS NOT NULL"
NOT_SUCCEEDED = "SELECT status, reason, count(*) FROM executions_run WHERE finished_at IS NOT NULL AND status <> 'succeeded' GROUP BY 1, 2"
# Of a partitioned table: its own, whose parts go and come with it.
INDEXES = """
SELECT index.relname, pg_get_indexdef(index.oid)
  FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid
 WHERE indrelid = to_regclass(%s) AND NOT indisunique
"""


def job_id(number: int) -> UUID:
    """The id of a job by its number, from 1."""
    return UUID(f"01900000-0000-7000-8000-{number:012x}")


def add_jobs(database_url: str, n_jobs: int, kind: str) -> None:
    """Make `n_jobs` jobs with this kind of target in place of the prototypes; none is due in this century."""
    with psycopg.connect(database_url) as connection:
        values = {"n": n_jobs, "kind": kind}
        with _indexed_afterwards(connection, "executions_runspec"):
            connection.execute(SPECS, values)
        with _indexed_afterwards(connection, "schedules_job"):
            connection.execute(JOBS, values)
        for statement in (*PROTOTYPES, SEQUENCE):
            connection.execute(statement)
    vacuum(database_url)


def add_runs(database_url: str, n_runs: int, n_jobs: int) -> None:
    """Make `n_runs` runs that are over, spread over the last seven days and over `n_jobs` jobs; rows of runs alone."""
    with psycopg.connect(database_url) as connection, _indexed_afterwards(connection, "executions_run"):
        connection.execute(RUNS, {"n": n_runs, "n_jobs": n_jobs})
    vacuum(database_url)


def aim(database_url: str, url: str) -> None:
    """Let every job call this address."""
    with psycopg.connect(database_url) as connection:
        connection.execute(AIM, [url])


def vacuum(database_url: str) -> None:
    """Do now what PostgreSQL would otherwise do in the middle of a measurement."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def make_due(database_url: str, instants: Sequence[float], first: int) -> None:
    """Let one job each be due, once, at these instants (seconds since 1970), beginning after job number `first`."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MAKE_DUE, {"at": list(instants), "first": first})


def n_done(database_url: str) -> int:
    """How many runs are over."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(N_DONE).fetchone()
    return int(row[0]) if row else 0


def done(database_url: str) -> list[tuple[float, float, float]]:
    """Nominal instant, start and end of each run that succeeded, in seconds since 1970."""
    with psycopg.connect(database_url) as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(DONE)]


def other_ends(database_url: str) -> str:
    """How many runs are over and have not succeeded, by status and reason, as a text; empty when all have."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(NOT_SUCCEEDED).fetchall()
    return ", ".join(f"{n} {status} {reason}".strip() for status, reason, n in rows)


@contextmanager
def _indexed_afterwards(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """Build the indexes that enforce nothing at the end, which takes a fraction of the time."""
    connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
    indexes = connection.execute(INDEXES, [table]).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # an index cannot be made while checks of foreign keys wait
    for _, definition in indexes:
        connection.execute(definition.replace(" ON ONLY ", " ON "))
