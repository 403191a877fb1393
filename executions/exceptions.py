"""Errors of the run side that callers handle."""

from __future__ import annotations


class RunConflict(Exception):
    """The run's status does not allow the request. Base of the classes below; the API answers 409."""


class StillLive(RunConflict):
    """The run has not ended, so it cannot be retried."""


class NothingToCancel(RunConflict):
    """The run has ended, so it cannot be cancelled."""
