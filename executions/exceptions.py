"""Exceptions for requests that a run's status does not allow. Callers of this package handle the exceptions."""

from __future__ import annotations


class RunConflict(Exception):
    """The run's status does not allow the request. Base class of the exceptions below. The API answers 409."""


class StillLive(RunConflict):
    """The run has not ended, so it cannot be retried."""


class NothingToCancel(RunConflict):
    """The run has ended, so it cannot be cancelled."""
