"""What the chaos falls upon: thousands of jobs that fire on known instants, and what must be true of them in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from schedules.jobs import definitions
from schedules.jobs.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from tests.receiver import Received

POLICIES = {
    "overlap": "allow",
    "catch_up": {"mode": "all", "max_age": "1h"},
    "retry": {"max_retries": 10, "backoff": "fixed", "delay": "1s"},
}
EVERY_TENTH = 10  # job is a command, and another one calls a slow target


@dataclass(frozen=True, slots=True)
class Planned:
    """A job of this world and the instants on which it fires."""

    id: UUID
    is_http: bool
    first_at: datetime
    every: timedelta
    end_at: datetime

    def instants(self) -> Iterator[datetime]:
        """Its occurrences, by plain addition: no code of the clock is used here."""
        at = self.first_at
        while at <= self.end_at:
            yield at
            at += self.every


def make_jobs(n_jobs: int, n_fires: float, first_at: datetime, end_at: datetime, url: str) -> list[Planned]:
    """Create jobs that together fire `n_fires` times a second from `first_at` to `end_at`, evenly spread."""
    every = timedelta(seconds=round(n_jobs / n_fires))
    now = first_at - timedelta(hours=1)
    planned = []
    with transaction.atomic():
        for number in range(n_jobs):
            anchor_at = first_at + every * number / n_jobs
            target: dict[str, Any] = {"kind": "http", "method": "POST", "url": f"{url}/fast"}
            if number % EVERY_TENTH == 0:
                target = {"kind": "command", "name": "demo.echo"}
            elif number % EVERY_TENTH == 1:
                target["url"] = f"{url}/slow"
            data = {
                "name": f"chaos {number}",
                "schedule": {
                    "every": f"{every.total_seconds():g}s",
                    "anchor_at": anchor_at.isoformat(),
                    "start_at": first_at.isoformat(),
                    "end_at": end_at.isoformat(),
                },
                "target": target,
                "policies": POLICIES,
            }
            job = definitions.create(validate(data, now), now, actor="chaos")
            planned.append(Planned(job.pk, target["kind"] == "http", anchor_at, every, end_at))
    connection.close()  # the server at its other end is about to be killed
    return planned


def rows(statement: str) -> list[tuple[Any, ...]]:
    """Run one statement and give its connection back, whatever has become of it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found
    finally:
        connection.close()


def is_over() -> bool:
    """Whether every job has ended and every run with it."""
    [(n_jobs, n_runs)] = rows(
        "SELECT (SELECT count(*) FROM schedules_job WHERE state <> 'ended'),"
        " (SELECT count(*) FROM executions_run WHERE finished_at IS NULL)"
    )
    return not (n_jobs or n_runs)


def faults(planned: Sequence[Planned], calls: Sequence[Received]) -> list[str]:
    """Everything that is not as promised, a sentence each; empty when all promises held."""
    return [*_faults_of_ledger(planned), *faults_of_attempts(), *faults_of_calls(planned, calls)]


def _faults_of_ledger(planned: Sequence[Planned]) -> Iterator[str]:
    expected = Counter((job.id, at) for job in planned for at in job.instants())
    recorded = Counter(rows("SELECT job_id, nominal_at FROM executions_run"))
    if lost := expected - recorded:
        yield f"{len(lost)} of {len(expected)} occurrences have no row, the first: {_first(lost)}"
    if surplus := recorded - expected:
        yield f"{len(surplus)} rows are of no occurrence or a second one of it, the first: {_first(surplus)}"
    for status, reason, n_runs in rows(
        "SELECT status, coalesce(nullif(reason, ''), error_code), count(*) FROM executions_run"
        " WHERE status <> 'succeeded' GROUP BY 1, 2"
    ):
        yield f"{n_runs} runs are {status} ({reason}) and not succeeded"


def faults_of_attempts() -> Iterator[str]:
    """What the books say of attempts and ends that cannot be."""
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


def faults_of_calls(planned: Sequence[Planned], calls: Sequence[Received]) -> Iterator[str]:
    """Where the receiver's own count differs from the books: each run that started called once an attempt, no other did."""
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
        yield f"{len(unknown)} calls came with a key of no run, such as {min(unknown)}"
    if missing := attempts.keys() - called.keys():
        yield f"{len(missing)} runs say that they succeeded and never called, such as {min(missing)}"
    surplus = [key for key, n_calls in called.items() if n_calls > attempts.get(key, n_calls)]
    if surplus:
        yield f"{len(surplus)} runs called more often than they have attempts, such as {min(surplus)}"


def _first(keys: Counter[tuple[UUID, datetime]]) -> str:
    job_id, at = min(keys, key=lambda key: key[1])
    return f"job {job_id} at {at:%H:%M:%S.%f}"
