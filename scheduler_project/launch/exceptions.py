"""CannotLaunch, the error for a launch that cannot start or continue."""

from __future__ import annotations


class CannotLaunch(Exception):
    """A launch cannot start or continue. The message gives the cause.

    If no other code handles this error, `main` prints the message and returns the exit code 1.
    """
