"""Health checks for load balancers and supervisors, without authentication: /health/live and /health/ready."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from schedules.models import beat_problems, living_beats
from values import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Return 200 as long as the process serves requests; checks nothing else."""
    return JsonResponse({"status": "ok"})


@dataclass(slots=True)
class Findings:
    """What one check found.

    `checks`: the result of each check that decides whether the API can accept jobs: `ok`, `failed` or `unknown`.
    `warnings`: sentences about what prevents accepted jobs from starting.
    """

    checks: dict[str, str] = field(default_factory=lambda: {"database": "failed", "migrations": "unknown"})
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Check:
    """One check of the database. `results` is a Future that is not done as long as the database hangs."""

    started_at: float
    results: Future[Findings] = field(default_factory=Future)
    has_timed_out: bool = False


class Readiness:
    """Checks the database at most once a second in each web process, for any number of requests.

    Only one check runs at a time, in its own thread with its own connection. If the database hangs, only this thread
    hangs. A request waits for the check for at most `TIMEOUT_SECONDS`.
    """

    MAX_AGE_SECONDS = 1.0  # anybody may send requests, and they must not overload the database
    TIMEOUT_SECONDS = 2.0  # a database that takes longer counts as failed

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._check: Check | None = None
        self._is_migrated = False  # never checked again once it is true: the check reads all migration files

    def findings(self) -> Findings:
        """Return what the current check found. Takes at most `TIMEOUT_SECONDS`."""
        check = self._current_check()
        try:
            return check.results.result(max(0.0, check.started_at + self.TIMEOUT_SECONDS - time.monotonic()))
        except TimeoutError:
            with self._lock:
                is_first, check.has_timed_out = not check.has_timed_out, True
            if is_first:  # one log line per check, for any number of waiting requests
                log.warning("not_ready", action="check", error="The database does not respond.")
            return Findings()

    def _current_check(self) -> Check:
        with self._lock:
            check, now = self._check, time.monotonic()
            if check is None or (check.results.done() and now - check.started_at >= self.MAX_AGE_SECONDS):
                check = self._check = Check(now)
                # A daemon thread, because a thread that hangs must not prevent the process from ending.
                threading.Thread(target=self._run, args=(check.results,), name="readiness", daemon=True).start()
            return check

    def _run(self, results: Future[Findings]) -> None:
        try:
            found = self._check_database()
        except Exception as error:  # noqa: BLE001 - every request that waits for the result raises it
            results.set_exception(error)
        else:
            results.set_result(found)

    def _check_database(self) -> Findings:
        found = Findings()
        try:
            connection.ensure_connection()
            if not connection.is_usable():  # the server has been restarted since the pool opened the connection
                connection.close()
                connection.ensure_connection()
            found.checks["database"] = "ok"
            if not self._is_migrated:
                executor = MigrationExecutor(connection)
                n_missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
                self._is_migrated = not n_missing
                if n_missing:
                    which = "1 migration is" if n_missing == 1 else f"{n_missing} migrations are"
                    log.warning("not_ready", action="check", error=f"{which} not applied: run manage.py migrate.")
            found.checks["migrations"] = "ok" if self._is_migrated else "failed"
            if self._is_migrated:
                found.warnings = [*_clock_warnings(), *beat_problems(living_beats(clock.now()))]
        except (DatabaseError, InterfaceError) as error:
            log.warning("not_ready", action="check", error=str(error))
        finally:
            connection.close()
        return found


def _clock_warnings() -> list[str]:
    ahead = clock.machine_clock.difference
    if not clock.is_wrong(ahead):
        return []
    return [f"The clock of this machine is {clock.difference_text(ahead)}: synchronize both (NTP)."]


readiness = Readiness()


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Return 200 if the API can accept jobs, else 503. The body contains the result of each check, and warnings.

    Accepting jobs needs neither the broker nor a beat.
    """
    found = readiness.findings()
    is_ready = set(found.checks.values()) == {"ok"}
    body = {"status": "ok" if is_ready else "unavailable", "checks": found.checks, "warnings": found.warnings}
    response = JsonResponse(body, status=200 if is_ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # `not_ready` says why: Django would add a line
    return response


PROBES = {"/health/live": live, "/health/ready": ready}


def answer_probes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The first middleware: answers health checks before another middleware can refuse or redirect them.

    A load balancer sends health checks over plain HTTP, to an IP address that is not in ALLOWED_HOSTS.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path)
        return probe(request) if probe else get_response(request)

    return handle
