"""Claims runs. After one of RETRYABLE_ERRORS, tries again for a few seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import connection

from executions.lifecycle import transitions
from executions.lifecycle.types import Claim
from values.database import RETRYABLE_ERRORS, is_database_unavailable, wait_for_database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

# A message's time limit is the target's timeout plus dispatch.KILL_AFTER (10 s). Claiming must take less than these
# 10 s, or Celery kills the process. The last try may wait for the connection pool's `timeout` in addition to these 4 s.
CLAIM_RETRY_TIMEOUT = timedelta(seconds=4)


def claim(wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime]) -> list[Claim]:
    """Claim the runs in `wanted` (pairs of id and claim number). Returns the claims.

    Runs that can no longer be claimed are left out.

    Raises one of RETRYABLE_ERRORS if claiming still fails after CLAIM_RETRY_TIMEOUT. No run is lost then: the beat
    publishes unclaimed runs again.
    """
    give_up_at, n_tried = clock() + CLAIM_RETRY_TIMEOUT, 0
    claims = None
    while claims is None:
        try:
            claims = transitions.claim(wanted, clock(), lease=settings.MAINSPRING.lease, worker=worker)
        except RETRYABLE_ERRORS as error:
            if is_database_unavailable(error):
                connection.close()
            if clock() >= give_up_at:
                raise
            if n_tried:  # no wait after the first failure: the cause is most likely an old connection
                wait_for_database()
            n_tried += 1
    if len(claims) < len(wanted):
        log.debug("claims_spent", action="claim", n_wanted=len(wanted), n_claimed=len(claims))
    return claims
