"""A log filter for expected errors: a broker that fails, a refused request, a killed process."""

from __future__ import annotations

import logging

import amqp.exceptions
import redis.exceptions
from billiard.exceptions import WorkerLostError
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from kombu.exceptions import OperationalError

from values.database import one_line

BROKER_ERRORS = (
    OSError,
    OperationalError,
    amqp.exceptions.AMQPError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)
REFUSED_REQUESTS = (PermissionDenied, SuspiciousOperation, BadRequest)


class OneLineErrors(logging.Filter):
    """For a broker error or a killed process, replaces the traceback with the message of the error.

    Removes the traceback of a refused request, and makes its record a warning: what a client sends is no error here.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Remove the traceback of an expected error. Return False only for a warning that its logger does not write."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, BROKER_ERRORS) and record.name.startswith(("celery.", "kombu.")):
            record.msg, record.args = f"{record.getMessage()}: {one_line(error)}", ()
            record.exc_info = None
        elif lost := _killed_process(record):
            record.msg, record.args, record.exc_info = one_line(lost), (), None
        elif isinstance(error, REFUSED_REQUESTS) and record.name.startswith("django."):
            record.exc_info = None  # Django's message already has the reason and the URL
            if record.levelno > logging.WARNING:
                record.levelno, record.levelname = logging.WARNING, "WARNING"
                return logging.getLogger(record.name).isEnabledFor(logging.WARNING)
        return True


def _killed_process(record: logging.LogRecord) -> WorkerLostError | None:
    args = record.args if isinstance(record.args, tuple) and record.name == "celery.worker.request" else ()
    return next((part for part in args if isinstance(part, WorkerLostError)), None)
