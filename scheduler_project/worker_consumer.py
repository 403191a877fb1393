"""Celery's consumer of messages, which outlives a message that it cannot read: nobody of ours has sent that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from celery.utils.log import get_logger
from celery.worker import consumer
from kombu.exceptions import ContentDisallowed, DecodeError

from executions.database import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

# What reading a message of the wrong shape raises. The broker's own errors are none of these: they are passed on.
UNREADABLE = (TypeError, ValueError, LookupError, AttributeError, RecursionError, DecodeError, ContentDisallowed)


class Consumer(consumer.Consumer):
    """Drops such a message with one log line; Celery would end the worker, and find the message again."""

    connection_errors: tuple[type[Exception], ...]  # the stubs do not know it

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Return what is called with each message."""
        handle = super().create_task_handler(*args, **kwargs)

        def handle_or_drop(message: Any) -> Any:
            try:
                _check(message)
                return handle(message)
            except self.connection_errors:
                raise
            except UNREADABLE as error:
                return self.on_decode_error(message, error)

        return handle_or_drop

    def on_unknown_message(self, body: Any, message: Any) -> None:
        self._drop(message, "it is no message of Celery's")

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._drop(message, one_line(exc))

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._drop(message, one_line(exc))

    def _drop(self, message: Any, error: str) -> None:
        log.warning("message_dropped", action="consume", error=error)
        if not message.acknowledged:
            message.reject_log_error(get_logger(__name__), self.connection_errors)


def _check(message: Any) -> None:
    """Raise what a thread would only fall over later, with nobody to give its message and its place back."""
    if "task" not in message.headers:
        return  # of the old protocol, which Celery itself checks
    args, kwargs, embed = message.payload
    if not (isinstance(args, list) and isinstance(kwargs, dict) and isinstance(embed, dict)):
        raise TypeError("its body is no list, object and object")
