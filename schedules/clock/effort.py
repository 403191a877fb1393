"""Bounds the work of a search for occurrences, so that no schedule can occupy a process for seconds."""

from __future__ import annotations

from math import inf

# A step takes roughly ten microseconds, so this limit is about half a second.
MAX_STEPS = 50_000
# The steps of the slower parts of a search. Everything else, such as one local time of a cron expression, is one step.
PERIOD_STEPS = 30  # one period of constant UTC offset: the offsets of its year are read
SOLAR_DAY_STEPS = 25  # the exact instant of a solar event
SOLAR_ESTIMATE_STEPS = 2  # whether a day may have the event
READING_STEPS = 100  # to read and check one schedule


class SearchTooLong(Exception):
    """A search has used up its `Effort`. All occurrences that it has yielded are right and complete."""


class Effort:
    """The number of steps that a search may still take. Several searches may share one effort."""

    __slots__ = ("left",)

    def __init__(self, n_steps: float = MAX_STEPS) -> None:
        self.left = n_steps

    def spend(self, n_steps: int) -> None:
        """Count steps. Raises SearchTooLong if fewer steps were left."""
        self.left -= n_steps
        if self.left < 0:
            raise SearchTooLong


NO_LIMIT = Effort(inf)
