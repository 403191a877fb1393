"""Many jobs in a moment: the one that `prototype.py` made, multiplied inside the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Sequence

# Whatever other columns there are keep the prototype's values.
SPECS = """
INSERT INTO executions_runspec
SELECT new.* FROM executions_runspec AS old, generate_series(1, %(n)s) AS number,
  LATERAL jsonb_populate_record(old, jsonb_build_object(
      'id', old.id + number, 'job_id', '01900000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'),
      'job_name', 'job ' || number)) AS new
"""
JOBS = """
INSERT INTO schedules_job
SELECT new.* FROM schedules_job AS old, executions_runspec AS spec,
  LATERAL jsonb_populate_record(old, jsonb_build_object(
      'id', spec.job_id, 'spec_id', spec.id, 'name', spec.job_name)) AS new
 WHERE spec.id <> old.spec_id
"""
SEQUENCE = "SELECT setval(pg_get_serial_sequence('executions_runspec', 'id'), (SELECT max(id) FROM executions_runspec))"
MAKE_DUE = """
WITH due AS (
    SELECT to_timestamp(at) AS at, number FROM unnest(%(at)s::float8[]) WITH ORDINALITY AS listed (at, number)
), job AS (
    SELECT id, row_number() OVER (ORDER BY id) - %(first)s AS number FROM schedules_job
)
UPDATE schedules_job
   SET next_run_at = due.at, mark_at = due.at - interval '1 minute',
       schedule = schedule || jsonb_build_object('at', to_char(due.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.USZ'))
  FROM due JOIN job USING (number) WHERE schedules_job.id = job.id
"""
DONE = """
SELECT extract(epoch FROM nominal_at)::float8, extract(epoch FROM started_at)::float8,
       extract(epoch FROM finished_at)::float8
  FROM executions_run WHERE finished_at IS NOT NULL AND status = 'succeeded'
"""
N_DONE = "SELECT count(*) FROM executions_run WHERE finished_at IS NOT NULL"
NOT_SUCCEEDED = "SELECT status, reason, count(*) FROM executions_run WHERE status <> 'succeeded' GROUP BY 1, 2"


def add_jobs(database_url: str, n_jobs: int) -> None:
    """Bring the number of jobs to `n_jobs`; none of them is due in this century."""
    with psycopg.connect(database_url) as connection:
        connection.execute(SPECS, {"n": n_jobs - 1})
        connection.execute(JOBS)
        connection.execute(SEQUENCE)
    vacuum(database_url)


def vacuum(database_url: str) -> None:
    """Do now what PostgreSQL would otherwise do in the middle of a measurement."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def make_due(database_url: str, instants: Sequence[float], first: int) -> None:
    """Let one job each be due, once, at these instants (seconds since 1970), beginning with job number `first`."""
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
    """How many runs have not succeeded, by status and reason, as a text; empty when all have."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(NOT_SUCCEEDED).fetchall()
    return ", ".join(f"{n} {status} {reason}".strip() for status, reason, n in rows)
