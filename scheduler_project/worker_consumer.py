"""Celery's consumer of messages, which outlives a message that it cannot read: nobody of ours has sent that."""

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

# What reading a message of the wrong shape raises. The broker's own errors are none of these: they are passed on.
UNREADABLE = (TypeError, ValueError, LookupError, AttributeError, RecursionError, DecodeError, ContentDisallowed)

EVENTS_EACH = 0.1  # seconds


class Consumer(consumer.Consumer):
    """Drops such a message with one log line; Celery would end the worker, and find the message again."""

    # The stubs do not know these.
    connection_errors: tuple[type[Exception], ...]
    initial_prefetch_count: int
    prefetch_multiplier: int
    timer: Any
    _flush_events: Callable[[], None]
    qos: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._run_pool = run_pool.get() if isinstance(self.pool, TaskPool) else None
        self._is_told = threading.Event()
        self._has_events = threading.Event()
        if self._run_pool:
            self._run_pool.start(self.pool.limit, self._tell)

    def _tell(self) -> None:
        """From any thread: runs have begun or ended. The main thread sees once to all that gathers until then."""
        if not self._is_told.is_set():
            self._is_told.set()
            self.call_soon(self._fetch_for_free_places)

    def _fetch_for_free_places(self) -> None:
        """Have as many messages as there are places for runs, of which those at hand may carry several."""
        self._is_told.clear()
        if self._run_pool and self.qos:
            self.qos.value = max(1, self.initial_prefetch_count - self._run_pool.n_extra)
            self.qos.update()

    def on_send_event_buffered(self) -> Any:
        """From any thread: there are events for Flower. Those of a tenth of a second are sent together.

        Celery sends them after each turn of its loop, which takes longer than all else that it does with a message.
        """
        if not self._has_events.is_set():
            self._has_events.set()
            self.call_soon(self.timer.call_after, EVENTS_EACH, self._send_events)

    def _send_events(self) -> None:
        self._has_events.clear()
        self._flush_events()

    @property
    def _new_prefetch_count(self) -> int:
        # After a reconnection Celery counts up from what the broker was last told, which may be for want of places.
        return self.initial_prefetch_count + self.prefetch_multiplier

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Return what is called with each message."""
        handle = super().create_task_handler(*args, **kwargs)
        # On this connection, which may not be the first: what was to be done on the one before is forgotten.
        self._has_events.clear()
        self._fetch_for_free_places()

        def handle_or_drop(message: Any) -> Any:
            try:
                n_runs = _check(message)
                handle(message)
                if n_runs > 1 and self._run_pool:
                    self.qos.value = 1  # until the run pool has counted these runs
            except self.connection_errors:
                raise
            except UNREADABLE as error:
                self.on_decode_error(message, error)

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


def _check(message: Any) -> int:
    """Return how many runs a message carries, 0 when it is of another kind.

    Raises what a thread would only fall over later, with nobody to give its message and its place back.
    """
    if "task" not in message.headers:
        return 0  # of the old protocol, which Celery itself checks
    args, kwargs, embed = message.payload
    if not (isinstance(args, list) and isinstance(kwargs, dict) and isinstance(embed, dict)):
        raise TypeError("its body is no list, object and object")
    return len(args[0]) if message.headers["task"] == RUN_TASK and args and isinstance(args[0], list) else 0
