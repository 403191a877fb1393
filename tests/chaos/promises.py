"""Checks of the promises after a chaos test: each returns a sentence for every promise that was broken."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from tests.chaos.planned_jobs import PlannedJob
    from tests.receiver import Received


def rows(statement: str) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows. Close the connection: its server may be killed next."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found
    finally:
        connection.close()


def is_over() -> bool:
    """Return whether every job and every run has ended."""
    [(n_jobs, n_runs)] = rows(
        "SELECT (SELECT count(*) FROM schedules_job WHERE state <> 'ended'),"
        " (SELECT count(*) FROM executions_run WHERE finished_at IS NULL)"
    )
    return not (n_jobs or n_runs)


def faults(planned: Sequence[PlannedJob], calls: Sequence[Received]) -> list[str]:
    """Return a sentence for each broken promise; an empty list if all promises held."""
    return [
        *_faults_of_occurrences(planned),
        *faults_of_attempts(),
        *faults_of_calls(planned, calls),
        *_faults_of_answers(planned),
    ]


def _faults_of_occurrences(planned: Sequence[PlannedJob]) -> Iterator[str]:
    expected = Counter((job.id, at) for job in planned for at in job.instants())
    recorded = Counter(rows("SELECT job_id, nominal_at FROM executions_run"))
    if lost := expected - recorded:
        yield f"{len(lost)} of {len(expected)} occurrences have no row, the first: {_first(lost)}"
    if surplus := recorded - expected:
        yield f"{len(surplus)} rows repeat an occurrence or have none, the first: {_first(surplus)}"
    for status, reason, n_runs in rows(
        "SELECT status, coalesce(nullif(reason, ''), error_code), count(*) FROM executions_run"
        " WHERE status <> 'succeeded' GROUP BY 1, 2"
    ):
        yield f"{n_runs} runs are {status} ({reason}) and not succeeded"


def faults_of_attempts() -> Iterator[str]:
    """Find attempts and ends in the database that contradict each other."""
    for name, statement in {
        "runs have another number of attempts than rows of them": (
            "SELECT count(*) FROM executions_run AS run WHERE n_attempts <>"
            " (SELECT count(*) FROM executions_attempt WHERE run_id = run.id)"
        ),
        "claims have two outcomes": (
            "SELECT count(*) FROM (SELECT 1 FROM executions_attempt GROUP BY run_id, claim_no HAVING count(*) > 1) AS x"
        ),
        "runs have more than one success": (
            "SELECT count(*) FROM (SELECT 1 FROM executions_attempt WHERE status = 'succeeded'"
            " GROUP BY run_id HAVING count(*) > 1) AS x"
        ),
        "runs have two final events": (
            "SELECT count(*) FROM (SELECT 1 FROM executions_runevent WHERE kind IN ('succeeded', 'failed', 'cancelled')"
            " GROUP BY run_id HAVING count(*) > 1) AS x"
        ),
    }.items():
        [(n_runs,)] = rows(statement)
        if n_runs:
            yield f"{n_runs} {name}"


def faults_of_calls(planned: Sequence[PlannedJob], calls: Sequence[Received]) -> Iterator[str]:
    """Compare the received calls with the database: one call for each attempt of a run that started, and no other."""
    is_http = {job.id for job in planned if job.is_http}
    attempts = {
        str(run_id): n_attempts
        for run_id, job_id, n_attempts in rows(
            "SELECT id, job_id, n_attempts FROM executions_run WHERE status <> 'skipped'"
        )
        if job_id in is_http
    }
    called = Counter(call.headers["idempotency-key"] for call in calls)
    if unknown := called.keys() - attempts.keys():
        yield f"{len(unknown)} calls have a key of no run, such as {min(unknown)}"
    if missing := attempts.keys() - called.keys():
        yield f"{len(missing)} runs say that they succeeded and never called, such as {min(missing)}"
    surplus = [key for key, n_calls in called.items() if n_calls > attempts.get(key, n_calls)]
    if surplus:
        yield f"{len(surplus)} runs called more often than they have attempts, such as {min(surplus)}"


def _faults_of_answers(planned: Sequence[PlannedJob]) -> Iterator[str]:
    """Find runs that succeeded with the answer of another run. The careless server answers with the run's id."""
    is_careless = {job.id for job in planned if job.is_careless}
    foreign = [
        run_id
        for job_id, run_id, body in rows(
            "SELECT run.job_id, run.id, attempt.result #>> '{response,body}' FROM executions_attempt AS attempt"
            " JOIN executions_run AS run ON run.id = attempt.run_id WHERE attempt.status = 'succeeded'"
        )
        if job_id in is_careless and body != str(run_id) and body.strip(".\0")
    ]
    if foreign:
        yield f"{len(foreign)} runs succeeded with the answer of another run, such as {min(foreign)}"


def _first(keys: Counter[tuple[UUID, datetime]]) -> str:
    job_id, at = min(keys, key=lambda key: key[1])
    return f"job {job_id} at {at:%H:%M:%S.%f}"
