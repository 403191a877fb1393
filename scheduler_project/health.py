"""Is this process alive, and is it ready for requests? For load balancers and supervisors; anybody may ask."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers at all; touches nothing else."""
    return JsonResponse({"status": "ok"})


class Readiness:
    """What was last found. Anybody may ask, and as often as they like: the database is asked once a second at most."""

    KEPT_SECONDS = 1.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checks: dict[str, str] = {}
        self._checked_at = 0.0
        self._is_migrated = False  # seen once it stays so: finding out takes reading all migrations

    def checks(self) -> dict[str, str]:
        """The outcome of each check by name: `ok`, `failed` or `unknown`. At most a second old."""
        with self._lock:
            if not self._checks or time.monotonic() - self._checked_at >= self.KEPT_SECONDS:
                self._checks = self._look()
                self._checked_at = time.monotonic()
            return self._checks

    def _look(self) -> dict[str, str]:
        found = {"database": "failed", "migrations": "unknown"}
        try:
            connection.ensure_connection()
            if not connection.is_usable():  # the server was started anew since the last check
                connection.close()
                connection.ensure_connection()
            found["database"] = "ok"
            if not self._is_migrated:
                executor = MigrationExecutor(connection)
                self._is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
            found["migrations"] = "ok" if self._is_migrated else "failed"
        except (DatabaseError, InterfaceError) as error:
            log.warning("not_ready", action="check", error=str(error))
        return found


readiness = Readiness()


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when jobs can be accepted, else 503 with the check that failed. The broker is not needed for that."""
    checks = readiness.checks()
    is_ready = set(checks.values()) == {"ok"}
    body = {"status": "ok" if is_ready else "unavailable", "checks": checks}
    return JsonResponse(body, status=200 if is_ready else 503)


PROBES = {"/health/live": live, "/health/ready": ready}


def answer_probes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that answers probes before anything else looks at them.

    They come over plain HTTP and under any name: a load balancer asks for an address that is no allowed host.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path)
        return probe(request) if probe else get_response(request)

    return handle
