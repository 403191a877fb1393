"""Celery's consumer: drops unreadable messages, fetches one message per free thread, and sends events in batches."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import structlog
from celery.concurrency.thread import TaskPool
from celery.utils.log import get_logger
from celery.worker import consumer
from kombu.exceptions import ContentDisallowed, DecodeError

from executions.dispatch import RUN_TASK
from executions.worker.side_by_side import run_pool
from values.database import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

# Exceptions that are raised for a message of the wrong shape. No error of the broker has one of these classes.
UNREADABLE_ERRORS = (TypeError, ValueError, LookupError, AttributeError, RecursionError, DecodeError, ContentDisallowed)

EVENT_INTERVAL = 0.1  # seconds: the maximum delay of an event for Flower


class Consumer(consumer.Consumer):
    """Drops an unreadable message with one log line.

    With Celery's own consumer, some unreadable messages end the worker, and the broker delivers these messages again.
    """

    # Celery's type stubs lack these attributes.
    connection_errors: tuple[type[Exception], ...]
    initial_prefetch_count: int
    prefetch_multiplier: int
    timer: Any
    _flush_events: Callable[[], None]
    qos: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._run_pool = run_pool.get() if isinstance(self.pool, TaskPool) else None
        self._has_update = threading.Event()
        self._has_events = threading.Event()
        if self._run_pool:
            self._run_pool.start(self.pool.limit, self._schedule_update)

    def stop(self) -> None:
        """Stop fetching messages. The run pool starts no waiting run any more, and finishes those that it has started.

        Celery calls this before it waits for its own threads.
        """
        super().stop()
        if self._run_pool:
            self._run_pool.stop()

    def _schedule_update(self) -> None:
        """Update the prefetch count soon, in the main thread. Call this from any thread when runs started or ended."""
        # One update covers all changes until the main thread runs it.
        if not self._has_update.is_set():
            self._has_update.set()
            self.call_soon(self._update_prefetch_count)

    def _update_prefetch_count(self) -> None:
        """Set the prefetch count to the number of threads minus `n_extra`, but to at least 1.

        Celery counts one thread for each message. A message with several runs uses more threads: `n_extra` is the
        number of these additional threads.
        """
        self._has_update.clear()
        if self._run_pool and self.qos:
            self.qos.value = max(1, self.initial_prefetch_count - self._run_pool.n_extra)
            self.qos.update()

    def on_send_event_buffered(self) -> Any:
        """Send the events for Flower within `EVENT_INTERVAL`, in one batch. Called from any thread.

        Celery's own method sends them in each iteration of the event loop. Sending takes longer than all other work
        for a message.
        """
        if not self._has_events.is_set():
            self._has_events.set()
            self.call_soon(self.timer.call_after, EVENT_INTERVAL, self._send_events)

    def _send_events(self) -> None:
        self._has_events.clear()
        self._flush_events()

    @property
    def _new_prefetch_count(self) -> int:
        # After a reconnection Celery increases the last prefetch count, which is too low if all threads were busy.
        return self.initial_prefetch_count + self.prefetch_multiplier

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Return the function that handles messages. Celery creates one such function per connection to the broker."""
        handle = super().create_task_handler(*args, **kwargs)
        # After a reconnection, the calls that were scheduled on the previous connection are lost.
        self._has_events.clear()
        self._update_prefetch_count()

        def handle_or_drop(message: Any) -> Any:
            try:
                n_runs = _check(message)
                handle(message)
                if n_runs > 1 and self._run_pool:
                    self.qos.value = 1  # until the thread pool has counted the runs of this message
            except self.connection_errors:
                raise
            except UNREADABLE_ERRORS as error:
                self.on_decode_error(message, error)

        return handle_or_drop

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Drop a message that is not Celery's."""
        self._drop(message, "it is not a Celery message")

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Drop a message that cannot be read."""
        self._drop(message, one_line(exc))

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Drop a task message whose arguments or headers are invalid."""
        self._drop(message, one_line(exc))

    def _drop(self, message: Any, error: str) -> None:
        log.warning("message_dropped", action="consume", error=error)
        if not message.acknowledged:
            message.reject_log_error(get_logger(__name__), self.connection_errors)


def _check(message: Any) -> int:
    """Return the number of runs in a message; 0 if the message is not for the Celery task `RUN_TASK`.

    Raises one of `UNREADABLE_ERRORS` for a body of the wrong shape. Without this check the error would occur in a
    thread, where the message would not be rejected and the thread would not be freed.
    """
    if "task" not in message.headers:
        return 0  # Celery's protocol 1, which Celery checks itself
    args, kwargs, embed = message.payload
    if not (isinstance(args, list) and isinstance(kwargs, dict) and isinstance(embed, dict)):
        raise TypeError("the body must contain a list of arguments, and two objects: keyword arguments and options")
    return len(args[0]) if message.headers["task"] == RUN_TASK and args and isinstance(args[0], list) else 0
