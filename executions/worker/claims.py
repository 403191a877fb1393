"""Claims, for as long as the worker's pool has patience with a database that is away."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import connection

from executions.lifecycle import transitions
from values.database import DATABASE_RETRY_SECONDS, DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

# With the last try, which a pool of connections may keep for its `timeout`, less than dispatch.KILL_AFTER: that is all
# the time that Celery's pool grants beside the target's.
CLAIM_RETRY_TIMEOUT = timedelta(seconds=4)


def claim(wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime]) -> list[transitions.Claim]:
    """Claim what is left of these. When the database stays away that is raised: they are published again later."""
    give_up_at, n_tried = clock() + CLAIM_RETRY_TIMEOUT, 0
    claims = None
    while claims is None:
        try:
            claims = transitions.claim(wanted, clock(), lease=settings.MAINSPRING.lease, worker=worker)
        except DATABASE_UNAVAILABLE:
            connection.close()
            if clock() >= give_up_at:
                raise
            if n_tried:  # the first time it was most likely an old connection
                threading.Event().wait(DATABASE_RETRY_SECONDS)
            n_tried += 1
    if len(claims) < len(wanted):
        log.debug("claims_spent", action="claim", n_wanted=len(wanted), n_claimed=len(claims))
    return claims
