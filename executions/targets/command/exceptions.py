"""The exceptions that a command may raise to say how it failed, and the one that stops a command."""

from __future__ import annotations

from datetime import timedelta


class PermanentFailure(Exception):
    """The run has failed, and another attempt would fail too: it is not retried."""


class RetryLater(Exception):
    """This attempt has failed; the next one starts after `delay`. It counts against the job's retries."""

    def __init__(self, delay: timedelta, message: str = "") -> None:
        if not isinstance(delay, timedelta):
            raise TypeError(
                "The delay of RetryLater must be a timedelta, such as RetryLater(timedelta(minutes=5), 'busy')."
            )
        super().__init__(message)
        self.delay = delay


class CommandStopped(KeyboardInterrupt):
    """Raised inside a running command at its timeout, or when somebody cancels its run.

    It is a KeyboardInterrupt, which libraries treat as "stop now": `except Exception` does not catch it, psycopg
    cancels the running statement, and asyncio's loop ends instead of logging it.
    """


class InvalidCommand(TypeError):
    """A function cannot be a command. The text says what to change."""
