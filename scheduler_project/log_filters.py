"""Log lines in sentences where Celery, kombu or Django would log a traceback though nothing is wrong with the code."""

from __future__ import annotations

import logging

import amqp.exceptions
import redis.exceptions
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from kombu.exceptions import OperationalError

from values.database import one_line

BROKER_AWAY = (
    OSError,
    OperationalError,
    amqp.exceptions.AMQPError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)
REFUSALS = (PermissionDenied, SuspiciousOperation, BadRequest)


class OneLineErrors(logging.Filter):
    """Turns the tracebacks of a broker that is away into the errors' own words, and leaves out those of refusals."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, BROKER_AWAY) and record.name.startswith(("celery.", "kombu.")):
            record.msg, record.args = f"{record.getMessage()}: {one_line(error)}", ()
            record.exc_info = None
        elif isinstance(error, REFUSALS) and record.name.startswith("django."):
            record.exc_info = None  # the message says what was refused, and to which address
        return True
