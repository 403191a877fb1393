"""What a command may raise to say how it failed, and what is thrown into it to stop it."""

from __future__ import annotations

from datetime import timedelta


class PermanentFailure(Exception):
    """The run has failed and another try would not help."""


class RetryLater(Exception):
    """This attempt has failed; the next should come after `delay`. It counts as a try."""

    def __init__(self, delay: timedelta, message: str = "") -> None:
        if not isinstance(delay, timedelta):
            raise TypeError("RetryLater takes a timedelta, such as RetryLater(timedelta(minutes=5), 'busy').")
        super().__init__(message)
        self.delay = delay


class CommandStopped(KeyboardInterrupt):
    """Thrown into a running command when its time is over or a stop was asked for.

    A KeyboardInterrupt, since that is what libraries know as "stop now": `except Exception` lets it pass,
    psycopg cancels the statement that is under way, and asyncio's loop ends instead of logging it.
    """


class InvalidCommand(TypeError):
    """A function can't be registered as a command. The text says what to change."""
