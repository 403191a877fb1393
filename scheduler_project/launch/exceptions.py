"""The error that `make run` and the stores for tests raise."""

from __future__ import annotations


class CannotLaunch(Exception):
    """A program or store can't be started. If nothing handles this error, it is printed and the exit code is 1."""
