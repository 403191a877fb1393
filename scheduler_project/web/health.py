"""Is this process alive, and is it ready for requests? For load balancers and supervisors; anybody may ask."""

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)

NOT_READY = {"database": "failed", "migrations": "unknown"}


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers at all; touches nothing else."""
    return JsonResponse({"status": "ok"})


@dataclass(slots=True)
class Look:
    """One look at the database, which may hang as long as the database does."""

    started_at: float
    found: Future[dict[str, str]] = field(default_factory=Future)
    is_missed: bool = False


class Readiness:
    """What was last found. Anybody may ask, and as often as they like: the database is asked once a second at most.

    It is asked in a thread and over a connection of its own, one at a time: a database that hangs holds up that
    thread alone.
    """

    KEPT_SECONDS = 1.0
    PATIENCE = 2.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._look: Look | None = None
        self._is_migrated = False  # seen once it stays so: finding out takes reading all migrations

    def checks(self) -> dict[str, str]:
        """The outcome of each check by name: `ok`, `failed` or `unknown`. Answers within `PATIENCE` seconds."""
        look = self._present_look()
        try:
            return look.found.result(max(0.0, look.started_at + self.PATIENCE - time.monotonic()))
        except TimeoutError:
            with self._lock:
                is_news, look.is_missed = not look.is_missed, True
            if is_news:
                log.warning("not_ready", action="check", error="The database does not answer.")
            return dict(NOT_READY)

    def _present_look(self) -> Look:
        with self._lock:
            look, now = self._look, time.monotonic()
            if look is None or (look.found.done() and now - look.started_at >= self.KEPT_SECONDS):
                look = self._look = Look(now)
                # A daemon: one that hangs must not keep the process from ending.
                threading.Thread(target=self._fulfil, args=(look.found,), name="readiness", daemon=True).start()
            return look

    def _fulfil(self, found: Future[dict[str, str]]) -> None:
        try:
            checks = self._check()
        except Exception as error:  # noqa: BLE001 - the askers raise it
            found.set_exception(error)
        else:
            found.set_result(checks)

    def _check(self) -> dict[str, str]:
        found = dict(NOT_READY)
        try:
            connection.ensure_connection()
            if not connection.is_usable():  # the server was started anew since the pool made it
                connection.close()
                connection.ensure_connection()
            found["database"] = "ok"
            if not self._is_migrated:
                executor = MigrationExecutor(connection)
                self._is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
            found["migrations"] = "ok" if self._is_migrated else "failed"
        except (DatabaseError, InterfaceError) as error:
            log.warning("not_ready", action="check", error=str(error))
        finally:
            connection.close()
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
