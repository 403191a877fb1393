"""The error that ends `make run` or the test stores."""

from __future__ import annotations


class CannotLaunch(Exception):
    """The launch cannot continue. The printed message says what is wrong and what to do; the exit code is 1."""
