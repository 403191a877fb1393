"""One class for each decision that a caller of the run side can take."""

from __future__ import annotations


class RunConflict(Exception):
    """The run's state does not allow what was asked."""


class StillLive(RunConflict):
    """It has not ended, so it cannot be carried out again."""


class NothingToCancel(RunConflict):
    """It has ended, so there is nothing to cancel."""
