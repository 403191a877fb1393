"""The exceptions by which a command reports a failure, the exception that stops a command, and InvalidCommand."""

from __future__ import annotations

from datetime import timedelta


class PermanentFailure(Exception):
    """Raise this if another attempt would fail too. The run fails and is not retried."""


class RetryLater(Exception):
    """Raise this to end the attempt as failed and to start the next attempt after `delay`, if a retry is left."""

    def __init__(self, delay: timedelta, message: str = "") -> None:
        if not isinstance(delay, timedelta):
            raise TypeError(
                "The delay of RetryLater must be a timedelta, such as RetryLater(timedelta(minutes=5), 'busy')."
            )
        super().__init__(message)
        self.delay = delay


class CommandStopped(KeyboardInterrupt):
    """Raised inside a running command at its timeout, when its run gets a stop request, or when its claim is lost.

    It is a subclass of KeyboardInterrupt, which libraries treat as a request to stop: `except Exception` does not catch
    it, psycopg cancels the running statement, and the event loop of asyncio ends instead of logging the exception.
    """


class InvalidCommand(TypeError):
    """A function cannot be registered as a command. The text says what to change."""
