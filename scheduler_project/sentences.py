"""Log lines in sentences where Celery and kombu would log a traceback though nothing is wrong with the code."""

from __future__ import annotations

import logging

import amqp.exceptions
import redis.exceptions
from kombu.exceptions import OperationalError

from executions.database import one_line

BROKER_AWAY = (
    OSError,
    OperationalError,
    amqp.exceptions.AMQPError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)


class PlainSentences(logging.Filter):
    """Turns the tracebacks that Celery and kombu log when a broker is away into the errors' own words."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, BROKER_AWAY) and record.name.startswith(("celery.", "kombu.")):
            record.msg, record.args = f"{record.getMessage()}: {one_line(error)}", ()
            record.exc_info = None
        return True
