"""The beat's sleep, which ends after a given time or at a PostgreSQL notification that work is due."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from django.db import connection

from executions.runs import NOTIFY_CHANNEL
from values.database import one_line

if TYPE_CHECKING:
    from psycopg import Connection

log = structlog.get_logger(__name__)

# Parameters that Django adds to the parameters of libpq, for Django's cursors and connection pool.
DJANGOS_OWN = {"cursor_factory", "context", "prepare_threshold", "pool"}


class Wakeup:
    """Waits for notifications on its own database connection. If it cannot connect, it sleeps for the whole time."""

    def __init__(self) -> None:
        self._connection: Connection[Any] | None = None
        self._was_listening = True

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`, or until a notification arrives."""
        if seconds <= 0:
            return
        try:
            listening = self._listen()
            if select.select([listening.fileno()], [], [], seconds)[0]:
                for _ in listening.notifies(timeout=0):
                    pass
            self._was_listening = True
        except (psycopg.Error, OSError) as error:
            if self._was_listening:
                log.warning("not_listening", action="wait", error=one_line(error))
            self._was_listening = False
            self.close()
            time.sleep(seconds)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listen(self) -> Connection[Any]:
        if self._connection is None:
            parameters = {k: v for k, v in connection.get_connection_params().items() if k not in DJANGOS_OWN}
            self._connection = psycopg.connect(**parameters, autocommit=True)
            self._connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
        return self._connection
