"""CannotLaunch, the error that is raised by `make run` and by the stores for tests."""

from __future__ import annotations


class CannotLaunch(Exception):
    """A program or store can't be started. If nothing handles this error, it is printed and the exit code is 1."""
