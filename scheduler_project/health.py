"""Is this process alive, and is it ready for requests? For load balancers and supervisors; anybody may ask."""

from __future__ import annotations

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


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when jobs can be accepted, else 503 with the check that failed. The broker is not needed for that."""
    checks = {"database": "failed", "migrations": "unknown"}
    try:
        executor = MigrationExecutor(connection)
        checks["database"] = "ok"
        n_missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        checks["migrations"] = "failed" if n_missing else "ok"
    except (DatabaseError, InterfaceError) as error:
        log.warning("not_ready", action="check", error=str(error))
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
